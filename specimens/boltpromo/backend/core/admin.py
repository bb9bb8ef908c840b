"""The editors' side: lists, filters and actions of the admin."""

from django.contrib import admin

from core.models import (
    AdminActionLog,
    Banner,
    Category,
    ContactMessage,
    DailyAgg,
    Event,
    Partner,
    PromoCode,
    Showcase,
    ShowcaseItem,
    SiteAssets,
    SiteSettings,
    StaticPage,
    Store,
)
from core.views import get_client_ip


def log_action(request, action: str, model_name: str, object_id: str = "", details: str = "") -> None:
    """Write one line of the audit trail."""
    AdminActionLog.objects.create(
        user=request.user.get_username(),
        action=action,
        model_name=model_name,
        object_id=object_id,
        details=details,
        ip_address=get_client_ip(request),
    )


class LoggedModelAdmin(admin.ModelAdmin):
    """Every save and delete leaves a line in the audit trail."""

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        action = "update" if change else "create"
        log_action(request, action, obj._meta.model_name, str(obj.pk), ", ".join(form.changed_data))

    def delete_model(self, request, obj):
        object_id = str(obj.pk)
        super().delete_model(request, obj)
        log_action(request, "delete", obj._meta.model_name, object_id)


class ReadOnlyAdmin(admin.ModelAdmin):
    """A list to look at."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class SingletonAdmin(LoggedModelAdmin):
    """One row: it can be changed, not added to."""

    def has_add_permission(self, request):
        return not self.model.objects.exists()

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Store)
class StoreAdmin(LoggedModelAdmin):
    list_display = ["name", "slug", "rating", "is_active", "created_at"]
    list_filter = ["is_active"]
    search_fields = ["name", "description"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Category)
class CategoryAdmin(LoggedModelAdmin):
    list_display = ["name", "slug", "icon", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(PromoCode)
class PromoCodeAdmin(LoggedModelAdmin):
    list_display = ["title", "store", "offer_type", "code", "is_active", "is_hot", "expires_at", "views_count"]
    list_filter = ["is_active", "offer_type", "is_hot", "is_recommended"]
    list_select_related = ["store"]
    search_fields = ["title", "code", "store__name"]
    autocomplete_fields = ["store", "categories"]
    readonly_fields = ["views_count", "created_at", "updated_at"]
    ordering = ["-created_at"]


@admin.register(Banner)
class BannerAdmin(LoggedModelAdmin):
    list_display = ["title", "sort_order", "is_active"]
    list_editable = ["sort_order", "is_active"]


class ShowcaseItemInline(admin.TabularInline):
    model = ShowcaseItem
    autocomplete_fields = ["promocode"]
    extra = 1


@admin.register(Showcase)
class ShowcaseAdmin(LoggedModelAdmin):
    list_display = ["title", "slug", "sort_order", "is_active"]
    list_filter = ["is_active"]
    inlines = [ShowcaseItemInline]
    prepopulated_fields = {"slug": ["title"]}


@admin.register(StaticPage)
class StaticPageAdmin(LoggedModelAdmin):
    list_display = ["title", "slug", "is_active", "updated_at"]
    prepopulated_fields = {"slug": ["title"]}


@admin.register(Partner)
class PartnerAdmin(LoggedModelAdmin):
    list_display = ["name", "order", "is_active"]
    list_editable = ["order", "is_active"]


@admin.register(ContactMessage)
class ContactMessageAdmin(LoggedModelAdmin):
    list_display = ["name", "email", "subject", "is_processed", "is_spam", "ip_address", "created_at"]
    list_filter = ["is_processed", "is_spam"]
    search_fields = ["name", "email", "message"]
    ordering = ["-created_at"]
    readonly_fields = ["ip_address", "user_agent", "created_at"]
    actions = ["mark_processed", "mark_spam"]

    @admin.action(description="Mark as processed")
    def mark_processed(self, request, queryset):
        changed = queryset.update(is_processed=True)
        log_action(request, "mark_processed", "contactmessage", details=f"{changed} messages")

    @admin.action(description="Mark as spam")
    def mark_spam(self, request, queryset):
        changed = queryset.update(is_spam=True, is_processed=True)
        log_action(request, "mark_spam", "contactmessage", details=f"{changed} messages")


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "event_type", "promo", "store", "client_ip", "is_unique"]
    list_filter = ["event_type", "is_unique"]
    list_select_related = ["promo", "store"]
    ordering = ["-created_at"]


@admin.register(DailyAgg)
class DailyAggAdmin(ReadOnlyAdmin):
    list_display = ["date", "event_type", "promo", "store", "count", "unique_count"]
    list_filter = ["event_type"]
    list_select_related = ["promo", "store"]
    ordering = ["-date", "-count"]


@admin.register(AdminActionLog)
class AdminActionLogAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "user", "action", "model_name", "object_id"]
    list_filter = ["user", "action"]
    ordering = ["-created_at"]


admin.site.register([SiteAssets, SiteSettings], SingletonAdmin)
