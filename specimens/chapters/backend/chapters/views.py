"""Regions and chapters: lists, pages and what a director edits."""

from django.db.models import Count, Q
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from rest_framework import generics, status
from rest_framework.response import Response
from rest_framework.views import APIView

from bni.pagination import StandardPagination
from chapters.models import Announcement, Chapter, Region
from chapters.serializers import (
    AnnouncementSerializer,
    ChapterSerializer,
    ChapterWriteSerializer,
    RegionSerializer,
)
from members.models import Member, OfficerTerm


class RegionListView(generics.ListAPIView):
    """All regions; there are about twenty."""

    serializer_class = RegionSerializer

    def get_queryset(self):
        return Region.objects.annotate(chapter_count=Count("chapters", filter=Q(chapters__is_active=True)))


class ChapterListView(generics.ListAPIView):
    """Active chapters with their region and number of active members."""

    serializer_class = ChapterSerializer
    pagination_class = StandardPagination

    def get_queryset(self):
        chapters = Chapter.objects.filter(is_active=True).select_related("region")
        if region := self.request.query_params.get("region"):
            chapters = chapters.filter(region__name=region)
        active = Count("members", filter=Q(members__status=Member.Status.ACTIVE))
        return chapters.annotate(member_count=active).order_by("name", "id")


class ChapterDetailView(APIView):
    def get(self, request, slug):
        chapter = get_object_or_404(Chapter.objects.select_related("region"), slug=slug)
        answer = ChapterSerializer(chapter).data
        answer["members"] = chapter.members.filter(status=Member.Status.ACTIVE).count()
        answer["officers"] = [
            {"role": term.role, "member": term.member.name, "since": term.starts_on}
            for term in chapter.officer_terms.filter(ends_on__isnull=True).select_related("member")
        ]
        answer["appearance"] = chapter.appearance
        return Response(answer)


class ChapterCreateView(APIView):
    def post(self, request):
        serializer = ChapterWriteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        chapter = serializer.save()
        return Response(ChapterWriteSerializer(chapter).data, status=status.HTTP_201_CREATED)


class ChapterAnnouncementsView(generics.ListAPIView):
    serializer_class = AnnouncementSerializer
    pagination_class = StandardPagination

    def get_queryset(self):
        now = timezone.now()
        return Announcement.objects.filter(chapter__slug=self.kwargs["slug"], published_at__lte=now).filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=now)
        )


class ChapterComparisonView(APIView):
    """The chapters of a region side by side."""

    def get(self, request, region):
        answer = []
        for chapter in Chapter.objects.filter(region_id=region, is_active=True):
            members = Member.objects.filter(chapter=chapter)
            answer.append(
                {
                    "chapter": chapter.name,
                    "active": members.filter(status="active").count(),
                    "pending": members.filter(status="pending").count(),
                    "total": len(members),
                }
            )
        return Response(answer)


class OfficerListView(APIView):
    """Who holds which office now, over all chapters of a region."""

    def get(self, request, region):
        terms = OfficerTerm.objects.filter(chapter__region_id=region, ends_on__isnull=True)
        return Response(
            [
                {"chapter": term.chapter.name, "role": term.role, "member": term.member.name}
                for term in terms.select_related("chapter", "member").order_by("chapter__name", "role")
            ]
        )


def chapter_page(request, slug):
    """The public page of a chapter."""
    chapter = get_object_or_404(Chapter.objects.select_related("region"), slug=slug)
    members = (
        chapter.members.active()
        .select_related("profession")
        .prefetch_related("interests")
        .defer("bio")
        .order_by("name", "id")[:100]
    )
    return render(request, "members/chapter_page.html", {"chapter": chapter, "members": members})
