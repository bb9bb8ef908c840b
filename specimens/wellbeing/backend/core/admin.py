from django.contrib import admin

from core.models import Alert, AlertRule, Channel, Message, MessageAnalysis, Team


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):
    list_display = ["name", "slug", "is_active"]
    search_fields = ["name", "slug"]


@admin.register(Channel)
class ChannelAdmin(admin.ModelAdmin):
    list_display = ["name", "type", "external_id", "team", "is_active"]
    list_filter = ["type", "is_active"]
    list_select_related = ["team"]


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    list_display = ["external_id", "channel", "processing_status", "created_at"]
    list_filter = ["processing_status"]
    list_select_related = ["channel"]
    show_full_result_count = False


@admin.register(MessageAnalysis)
class MessageAnalysisAdmin(admin.ModelAdmin):
    list_display = ["id", "channel_name", "sentiment", "stress", "created_at"]
    list_filter = ["sentiment", "stress"]
    raw_id_fields = ["message"]

    @admin.display(description="channel")
    def channel_name(self, analysis):
        return analysis.message.channel.name


@admin.register(AlertRule)
class AlertRuleAdmin(admin.ModelAdmin):
    list_display = ["team", "metric", "threshold", "is_active"]


@admin.register(Alert)
class AlertAdmin(admin.ModelAdmin):
    list_display = ["rule", "status", "created_at"]
    list_filter = ["status"]
    list_select_related = ["rule"]
    raw_id_fields = ["aggregate"]
