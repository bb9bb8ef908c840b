"""Members: lists, search, pages, and what the office does with them."""

import csv
from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Count, Sum
from django.db.models.expressions import RawSQL
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from rest_framework import generics, status
from rest_framework.response import Response
from rest_framework.views import APIView

from bni.pagination import StandardPagination
from bni.services import import_service, roster_service
from chapters.models import Chapter
from members.filters import MemberFilter
from members.models import Member, Payment
from members.serializers import (
    MemberCardSerializer,
    MemberDetailSerializer,
    MemberSerializer,
    MemberWriteSerializer,
    PaymentSerializer,
)

SORTABLE = {"name": "name", "joined": "joined_on", "score": "score"}


class MemberListView(generics.ListAPIView):
    """The list of the office, filtered by chapter and status most of the time."""

    serializer_class = MemberSerializer
    filterset_class = MemberFilter
    pagination_class = StandardPagination
    queryset = Member.objects.order_by("name", "id")


class MemberCardListView(generics.ListAPIView):
    """Cards of the members of a chapter, as its page shows them."""

    serializer_class = MemberCardSerializer
    pagination_class = StandardPagination

    def get_queryset(self):
        members = Member.objects.select_related("chapter").only("id", "name", "business_name", "chapter__name")
        return members.filter(chapter__slug=self.kwargs["slug"]).order_by("id")


class ChapterRosterView(APIView):
    """The members of one chapter in one status, by name."""

    def get(self, request, chapter):
        wanted = request.query_params.get("status", Member.Status.ACTIVE)
        members = Member.objects.filter(chapter_id=chapter, status=wanted).order_by("name")
        return Response(list(members.values("id", "name", "email", "phone", "joined_on")))


class NewestMembersView(APIView):
    """The members that joined last, for the front page."""

    def get(self, request):
        newest = Member.objects.select_related("chapter").order_by("-created_at")[:20]
        return Response(MemberCardSerializer(newest, many=True).data)


class MemberByEmailView(APIView):
    """Who has this address: asked by the login of the app and by the mail gateway."""

    def get(self, request):
        address = request.query_params.get("email", "")
        member = Member.objects.filter(email=address).select_related("chapter").first()
        if member is None:
            return Response({"detail": "Nobody has this address."}, status=status.HTTP_404_NOT_FOUND)
        return Response(MemberCardSerializer(member).data)


class MemberDetailView(generics.RetrieveAPIView):
    serializer_class = MemberDetailSerializer
    queryset = Member.objects.prefetch_related("interests")


class MemberCreateView(APIView):
    def post(self, request):
        serializer = MemberWriteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data, status=status.HTTP_201_CREATED)


class MemberPaymentsView(generics.ListAPIView):
    serializer_class = PaymentSerializer
    pagination_class = StandardPagination

    def get_queryset(self):
        return Payment.objects.filter(member_id=self.kwargs["pk"])


class MemberDirectoryView(APIView):
    """Everybody with place and interests, for the app's own search."""

    def get(self, request):
        members = Member.objects.filter(status="active")
        directory = []
        for member in members:
            directory.append(
                {
                    "id": member.pk,
                    "name": member.name,
                    "chapter": member.chapter.name,
                    "interests": [interest.name for interest in member.interests.all()],
                }
            )
        return Response(directory)


class MemberNamesView(APIView):
    """Names for the completion of a form field."""

    def get(self, request):
        members = Member.objects.order_by("name")
        return Response([{"id": member.id, "name": member.name} for member in members])


class MemberCompareView(APIView):
    """Members side by side: ?ids=3,17,20"""

    def get(self, request):
        numbers = [int(part) for part in request.query_params.get("ids", "").split(",") if part.isdigit()]
        members = [Member.objects.get(id=number) for number in numbers]
        return Response([{"name": m.name, "score": m.score, "joined_on": m.joined_on} for m in members])


class MemberBatchView(APIView):
    """The same members for the app's cache, in the order asked for."""

    def get(self, request):
        numbers = [int(part) for part in request.query_params.get("ids", "").split(",") if part.isdigit()]
        found = Member.objects.in_bulk(numbers)
        return Response([{"name": found[n].name, "score": found[n].score} for n in numbers if n in found])


class MemberSearchView(APIView):
    """Search by name or business: ?q=smith&sort=joined_on"""

    def get(self, request):
        text = request.query_params.get("q", "")
        sort = request.query_params.get("sort", "name")
        members = Member.objects.raw(
            f"SELECT id, name, business_name FROM members_member WHERE name ILIKE '%%{text}%%' ORDER BY {sort} LIMIT 50"
        )
        return Response([{"id": m.id, "name": m.name, "business_name": m.business_name} for m in members])


class MemberQuickSearchView(APIView):
    """The search of the header: at most ten names that begin so."""

    def get(self, request):
        begin = request.query_params.get("q", "")
        members = Member.objects.raw(
            "SELECT id, name FROM members_member WHERE name ILIKE %s ORDER BY name LIMIT 10", [f"{begin}%"]
        )
        return Response([{"id": member.id, "name": member.name} for member in members])


class MemberBySectorView(APIView):
    """How many members a sector has in each chapter."""

    def get(self, request):
        sector = request.GET.get("sector", "")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT m.chapter_id, count(*) FROM members_member m JOIN members_profession p ON p.id = m.profession_id "
                "WHERE p.sector = '%s' GROUP BY m.chapter_id ORDER BY 2 DESC LIMIT 20" % sector
            )
            rows = cursor.fetchall()
        return Response([{"chapter": chapter, "members": count} for chapter, count in rows])


class MemberRenewalView(APIView):
    """Members whose membership ends soon, with the days left."""

    def get(self, request):
        today = timezone.localdate()
        days = RawSQL("renewed_until - %s::date", [today])
        members = (
            Member.objects.active()
            .filter(renewed_until__range=(today, today + timedelta(days=30)))
            .annotate(days_left=days)
            .select_related("chapter")
            .order_by("renewed_until", "id")[:100]
        )
        return Response(
            [{"name": m.name, "chapter": m.chapter.name, "days": getattr(m, "days_left", None)} for m in members]
        )


class MemberAgeView(APIView):
    """How long members of a place stay: average days, by chapter."""

    def get(self, request):
        place = request.query_params.get("location", "")
        minimum = request.query_params.get("minimum", "0")
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT c.name, avg(current_date - m.joined_on)::int
                FROM members_member m JOIN chapters_chapter c ON c.id = m.chapter_id
                WHERE c.location = %s
                GROUP BY c.name HAVING count(*) >= %s
                """,
                [place, int(minimum) if minimum.isdigit() else 0],
            )
            rows = cursor.fetchall()
        return Response([{"chapter": name, "days": days} for name, days in rows])


class MemberFeesView(APIView):
    """What members of a chapter paid in all, who paid most first."""

    def get(self, request, chapter):
        members = (
            Member.objects.in_chapter(chapter)
            .annotate(paid=Sum("payments__amount"), invoices=Count("payments"))
            .order_by("-paid")
            .values("id", "name", "paid", "invoices")[:50]
        )
        return Response(list(members))


class MemberImportView(APIView):
    """A chapter's list of members as CSV."""

    def post(self, request, chapter):
        place = get_object_or_404(Chapter, pk=chapter)
        lines = request.data.get("csv", "").splitlines()
        batch = import_service.import_members(place, list(csv.DictReader(lines)))
        return Response({"rows": batch.rows, "problems": len(batch.problems)}, status=status.HTTP_201_CREATED)


class RosterSummaryView(APIView):
    """The rosters of all chapters of a region, as the director's sheet has them."""

    def get(self, request, region):
        return Response(roster_service.region_roster(region))


@login_required
def member_table(request):
    """The office's table of members."""
    order = SORTABLE.get(request.GET.get("sort", ""), "name")
    members = Member.objects.with_places().defer("bio", "photo").order_by(order, "id")
    page = Paginator(members, 50).get_page(request.GET.get("page"))
    return render(request, "members/table.html", {"page": page})


@login_required
def member_wall(request):
    """All faces of a region on one page."""
    members = Member.objects.filter(chapter__region_id=request.GET.get("region", 1), status="active")
    return render(request, "members/wall.html", {"members": members})


@login_required
def member_export(request):
    """All members as CSV."""
    response = HttpResponse(content_type="text/csv")
    writer = csv.writer(response)
    writer.writerow(["name", "email", "status", "chapter"])
    rows = Member.objects.values_list("name", "email", "status", "chapter__name").order_by("id")
    writer.writerows(rows.iterator(chunk_size=2000))
    return response


def email_taken(request):
    """Whether the form may go on: asked while the visitor types."""
    address = request.GET.get("email", "")
    return JsonResponse({"taken": Member.objects.filter(email=address).exists()})
