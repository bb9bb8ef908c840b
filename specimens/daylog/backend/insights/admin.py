from django.contrib import admin

from insights.models import Goal, WritingDay


@admin.register(WritingDay)
class WritingDayAdmin(admin.ModelAdmin):
    list_display = ["user", "day", "entries", "words"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]
    show_full_result_count = False


@admin.register(Goal)
class GoalAdmin(admin.ModelAdmin):
    list_display = ["user", "entries_per_week", "words_per_week"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]
