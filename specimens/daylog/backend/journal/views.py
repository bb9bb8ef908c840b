"""The journal: a person's own entries, and those that are shown to everybody."""

from datetime import datetime
from uuid import uuid4

from django.contrib.auth.decorators import login_required
from django.db import connection
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from rest_framework import generics, permissions, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.views import APIView

from core.pagination import NewestFirst
from journal.models import Attachment, Comment, JournalEntry, Prompt, Tag
from journal.serializers import (
    CommentSerializer,
    EntryListSerializer,
    EntrySerializer,
    PublicEntrySerializer,
    TagSerializer,
)

PAGE = 25


class JournalEntryViewSet(viewsets.ModelViewSet):
    """The entries of the person that asks: ?search=garden&tags=work,home&date_from=2025-01-01&date_to=2025-06-30"""

    def get_serializer_class(self):
        return EntryListSerializer if self.action == "list" else EntrySerializer

    def get_queryset(self):
        queryset = JournalEntry.objects.filter(user=self.request.user).prefetch_related("tags")
        if self.action != "list":
            return queryset
        asked = self.request.query_params
        if search := asked.get("search"):
            queryset = queryset.filter(Q(title__icontains=search) | Q(content__icontains=search))
        if tags := asked.get("tags"):
            tag_names = tags.split(",")
            queryset = queryset.filter(tags__name__in=tag_names).distinct()
        if date_from := asked.get("date_from"):
            queryset = queryset.filter(created_at__date__gte=date_from)
        if date_to := asked.get("date_to"):
            queryset = queryset.filter(created_at__date__lte=date_to)
        if "public" in asked:
            queryset = queryset.filter(is_public=True)
        return queryset.order_by("-created_at")

    def perform_create(self, serializer):
        serializer.save(user=self.request.user)

    @action(detail=True, methods=["post"])
    def share(self, request, pk=None):
        """Show an entry to everybody."""
        entry = self.get_object()
        entry.is_public = True
        entry.share_token = entry.share_token or uuid4()
        entry.save(update_fields=["is_public", "share_token", "updated_at"])
        return Response({"share_token": entry.share_token})

    @action(detail=False, methods=["get"])
    def pinned(self, request):
        """What stands on top of the list."""
        entries = JournalEntry.objects.filter(user=request.user, is_pinned=True).prefetch_related("tags")
        return Response(EntryListSerializer(entries[:10], many=True).data)


class TagViewSet(viewsets.ModelViewSet):
    serializer_class = TagSerializer
    pagination_class = None

    def get_queryset(self):
        tags = Tag.objects.filter(user=self.request.user)
        return tags.annotate(entry_count=Count("journalentry")).order_by("name")

    def perform_create(self, serializer):
        serializer.save(user=self.request.user)


class RecentEntriesView(APIView):
    """The first screen: what was written last."""

    def get(self, request):
        entries = JournalEntry.objects.filter(user=request.user).order_by("-created_at").prefetch_related("tags")[:10]
        return Response(EntryListSerializer(entries, many=True).data)


class RecentlyEditedView(APIView):
    """What was changed last, for going on on another device."""

    def get(self, request):
        entries = JournalEntry.objects.filter(user=request.user).order_by("-updated_at").prefetch_related("tags")[:5]
        return Response(EntryListSerializer(entries, many=True).data)


class EntryPageView(APIView):
    """The old app pages by number: ?start=50&end=75"""

    def get(self, request):
        start = int(request.query_params.get("start", 0))
        end = int(request.query_params.get("end", start + PAGE))
        entries = JournalEntry.objects.filter(user=request.user).order_by("-created_at", "id")[start:end]
        return Response([{"id": e.pk, "title": e.title, "tags": e.tag_names} for e in entries])


class EntryExportView(APIView):
    """Everything a person wrote, for taking along."""

    def get(self, request):
        exported = []
        entries = JournalEntry.objects.filter(user=request.user)
        for entry in entries:
            exported.append(
                {
                    "title": entry.title,
                    "content": entry.content,
                    "tags": [tag.name for tag in entry.tags.all()],
                    "files": [attachment.path for attachment in entry.attachments.all()],
                }
            )
        return Response(exported)


class EntryArchiveView(APIView):
    """The same for the archive of the new app, in three statements."""

    def get(self, request):
        entries = (
            JournalEntry.objects.filter(user=request.user)
            .select_related("prompt")
            .prefetch_related("tags", "attachments")
            .order_by("created_at")
        )
        return Response(
            [
                {
                    "title": entry.title,
                    "prompt": entry.prompt.text if entry.prompt else None,
                    "tags": entry.tag_names,
                    "files": [attachment.path for attachment in entry.attachments.all()],
                }
                for entry in entries.iterator(chunk_size=500)
            ]
        )


class OnThisDayView(APIView):
    """Entries of the same day in other years."""

    def get(self, request):
        today = timezone.localdate()
        entries = JournalEntry.objects.raw(
            """
            SELECT id, title, created_at FROM journal_journalentry
            WHERE user_id = %s AND extract(month FROM created_at) = %s AND extract(day FROM created_at) = %s
            ORDER BY created_at DESC LIMIT 20
            """,
            [request.user.pk, today.month, today.day],
        )
        return Response([{"id": e.id, "title": e.title, "created_at": e.created_at} for e in entries])


class CalendarView(APIView):
    """How many entries each day of a month has."""

    def get(self, request, year, month):
        first = datetime(year, month, 1, tzinfo=timezone.get_current_timezone())
        after = first.replace(year=year + month // 12, month=month % 12 + 1)
        days = (
            JournalEntry.objects.filter(user=request.user, created_at__gte=first, created_at__lt=after)
            .annotate(day=TruncDate("created_at"))
            .values("day")
            .annotate(entries=Count("pk"))
            .order_by("day")
        )
        return Response(list(days))


class BlockKindView(APIView):
    """Entries that have a block of a kind: pictures, checklists."""

    def get(self, request, kind):
        entries = JournalEntry.objects.filter(user=request.user, content__blocks__contains=[{"type": kind}])
        return Response(list(entries.order_by("-created_at").values("id", "title")[:20]))


class AttachmentListView(APIView):
    """All files of a person with the entries they belong to."""

    def get(self, request):
        files = Attachment.objects.filter(entry__user=request.user).select_related("entry").order_by("-created_at")[:50]
        return Response([{"path": f.path, "bytes": f.bytes, "entry": f.entry.title} for f in files])


class PromptView(APIView):
    """Questions that this person has not answered yet."""

    def get(self, request):
        prompts = Prompt.objects.filter(is_active=True).exclude(entries__user=request.user)
        return Response(list(prompts.values("id", "text")[:5]))


# --- For everybody ---------------------------------------------------------------------------------------------------


class PublicFeedView(generics.ListAPIView):
    """What everybody may read, the newest first."""

    permission_classes = [permissions.AllowAny]
    serializer_class = PublicEntrySerializer

    def get_queryset(self):
        public = JournalEntry.objects.filter(is_public=True)
        return public.select_related("user").prefetch_related("tags").order_by("-created_at")


class PublicEntryView(generics.RetrieveAPIView):
    """A shared entry by its link."""

    permission_classes = [permissions.AllowAny]
    serializer_class = PublicEntrySerializer
    lookup_field = "share_token"
    queryset = JournalEntry.objects.filter(is_public=True).select_related("user").prefetch_related("tags")


class LatestPublicView(APIView):
    """Titles for the front page."""

    permission_classes = [permissions.AllowAny]

    def get(self, request):
        latest = JournalEntry.objects.filter(is_public=True).select_related("user").order_by("-created_at")
        titles = latest.only("title", "created_at", "share_token", "user__username")[:12]
        return Response([{"title": e.title, "by": e.user.username, "link": e.share_token} for e in titles])


class CommentListView(generics.ListCreateAPIView):
    """Comments of a public entry, the newest first."""

    serializer_class = CommentSerializer
    pagination_class = NewestFirst

    def get_queryset(self):
        comments = Comment.objects.filter(entry_id=self.kwargs["entry"], is_hidden=False)
        return comments.select_related("author")

    def perform_create(self, serializer):
        entry = get_object_or_404(JournalEntry, pk=self.kwargs["entry"], is_public=True)
        serializer.save(entry=entry, author=self.request.user)


class CommentNoticesView(APIView):
    """What others said to one's entries lately."""

    def get(self, request):
        notices = Comment.objects.filter(entry__user=request.user).exclude(author=request.user)
        return Response(
            [
                {"entry": comment.entry.title, "by": comment.author.username, "body": comment.body[:80]}
                for comment in notices.order_by("-created_at")[:15]
            ]
        )


class EntryBulkDeleteView(APIView):
    """Delete several entries of one's own."""

    def post(self, request):
        numbers = request.data.get("ids", [])
        deleted, _ = JournalEntry.objects.filter(user=request.user, pk__in=numbers).delete()
        return Response({"deleted": deleted}, status=status.HTTP_200_OK)


class TagMergeView(APIView):
    """Put one tag in the place of another, in one statement for all entries."""

    def post(self, request):
        tags = Tag.objects.filter(user=request.user)
        old = get_object_or_404(tags, name=request.data.get("old", ""))
        new = get_object_or_404(tags, name=request.data.get("new", ""))
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE journal_journalentry_tags link SET tag_id = %(new)s
                WHERE tag_id = %(old)s AND NOT EXISTS (
                    SELECT 1 FROM journal_journalentry_tags other
                    WHERE other.journalentry_id = link.journalentry_id AND other.tag_id = %(new)s
                )
                """,
                {"old": old.pk, "new": new.pk},
            )
            moved = cursor.rowcount
        return Response({"moved": moved})


def tag_names(request):
    """Names for the completion of the tag field."""
    begin = request.GET.get("q", "")
    names = Tag.objects.filter(user_id=request.user.pk, name__startswith=begin).order_by("name")
    return JsonResponse({"names": list(names.values_list("name", flat=True)[:10])})


@login_required
def timeline(request):
    """The journal as a page to scroll through."""
    entries = JournalEntry.objects.filter(user=request.user).order_by("-created_at")[:60]
    return render(request, "journal/timeline.html", {"entries": entries})


@login_required
def printed(request):
    """The last entries on paper."""
    entries = JournalEntry.objects.filter(user=request.user).prefetch_related("tags").order_by("-created_at")[:60]
    return render(request, "journal/printed.html", {"entries": entries})
