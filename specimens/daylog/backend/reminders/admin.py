from django.contrib import admin

from reminders.models import Reminder


@admin.register(Reminder)
class ReminderAdmin(admin.ModelAdmin):
    list_display = ["user", "hour", "is_active", "next_at"]
    list_filter = ["is_active"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]
