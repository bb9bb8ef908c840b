from django.contrib import admin

from analytics.models import ActivityEvent, ChapterMetric


@admin.register(ActivityEvent)
class ActivityEventAdmin(admin.ModelAdmin):
    list_display = ["id", "member", "kind", "occurred_at"]
    list_filter = ["kind"]
    list_select_related = ["member"]
    raw_id_fields = ["member"]
    show_full_result_count = False


@admin.register(ChapterMetric)
class ChapterMetricAdmin(admin.ModelAdmin):
    list_display = ["chapter", "day", "active_members", "referrals"]
    list_select_related = ["chapter"]
    raw_id_fields = ["chapter"]
