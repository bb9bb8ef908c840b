from django.contrib import admin

from members.models import Interest, Member, OfficerTerm, Payment, Profession


@admin.register(Profession, Interest)
class NamedAdmin(admin.ModelAdmin):
    search_fields = ["name"]


@admin.register(Member)
class MemberAdmin(admin.ModelAdmin):
    list_display = ["name", "email", "status", "place", "joined_on"]
    list_filter = ["status"]
    ordering = ["-created_at"]
    search_fields = ["name", "email"]
    autocomplete_fields = ["chapter", "profession", "interests"]

    @admin.display(description="chapter")
    def place(self, member):
        return f"{member.chapter.name}, {member.chapter.location}"


@admin.register(OfficerTerm)
class OfficerTermAdmin(admin.ModelAdmin):
    list_display = ["chapter", "role", "member", "starts_on", "ends_on"]
    list_filter = ["role"]
    autocomplete_fields = ["chapter", "member"]


@admin.register(Payment)
class PaymentAdmin(admin.ModelAdmin):
    list_display = ["invoice_number", "payer", "amount", "paid_on"]
    list_select_related = ["member"]
    raw_id_fields = ["member"]
    search_fields = ["invoice_number"]

    @admin.display(description="member")
    def payer(self, payment):
        return payment.member.name
