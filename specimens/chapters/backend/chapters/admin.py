from django.contrib import admin
from django.db.models import Count

from chapters.models import Announcement, Chapter, Region


@admin.register(Region)
class RegionAdmin(admin.ModelAdmin):
    list_display = ["name", "country", "timezone"]
    search_fields = ["name"]


@admin.register(Chapter)
class ChapterAdmin(admin.ModelAdmin):
    list_display = ["name", "location", "region", "meeting_day", "is_active", "members_now"]
    list_filter = ["is_active", "meeting_day"]
    list_select_related = ["region"]
    search_fields = ["name", "location"]

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(member_total=Count("members"))

    @admin.display(description="members", ordering="member_total")
    def members_now(self, chapter):
        return chapter.member_total


@admin.register(Announcement)
class AnnouncementAdmin(admin.ModelAdmin):
    list_display = ["title", "chapter", "published_at", "expires_at"]
    date_hierarchy = "published_at"
    autocomplete_fields = ["chapter"]
