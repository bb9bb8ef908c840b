from django.contrib import admin

from meetings.models import Attendance, Meeting, Referral


class AttendanceInline(admin.TabularInline):
    model = Attendance
    raw_id_fields = ["member"]
    extra = 0


@admin.register(Meeting)
class MeetingAdmin(admin.ModelAdmin):
    list_display = ["chapter", "held_on", "topic"]
    list_select_related = ["chapter"]
    raw_id_fields = ["chapter", "speaker"]
    inlines = [AttendanceInline]


@admin.register(Referral)
class ReferralAdmin(admin.ModelAdmin):
    list_display = ["id", "giver", "receiver", "status", "amount", "given_on"]
    list_select_related = ["giver", "receiver"]
    list_filter = ["status"]
    raw_id_fields = ["giver", "receiver", "meeting"]
