from django.contrib import admin

from journal.models import Comment, JournalEntry, Prompt, Tag


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    list_display = ["name", "user"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]
    search_fields = ["name"]


@admin.register(JournalEntry)
class JournalEntryAdmin(admin.ModelAdmin):
    list_display = ["title", "writer", "is_public", "created_at"]
    list_filter = ["is_public"]
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
    raw_id_fields = ["user", "prompt"]
    filter_horizontal = ["tags"]

    @admin.display(description="user")
    def writer(self, entry):
        return entry.user.username


@admin.register(Comment)
class CommentAdmin(admin.ModelAdmin):
    list_display = ["entry", "author", "is_hidden", "created_at"]
    list_filter = ["is_hidden"]
    list_select_related = ["entry", "author"]
    raw_id_fields = ["entry", "author"]


@admin.register(Prompt)
class PromptAdmin(admin.ModelAdmin):
    list_display = ["text", "is_active"]
