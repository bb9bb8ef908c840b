"""Meetings, who came to them, and the referrals given there."""

from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Prefetch, Q, Sum
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from bni.pagination import StandardPagination
from bni.services import import_service, roster_service
from meetings.models import Attendance, Meeting, Referral
from members.models import Member


class MeetingSerializer(serializers.ModelSerializer):
    chapter = serializers.CharField(source="chapter.name", read_only=True)
    present = serializers.IntegerField(read_only=True)

    class Meta:
        model = Meeting
        fields = ["id", "chapter", "held_on", "topic", "present"]


class ReferralSerializer(serializers.ModelSerializer):
    giver = serializers.CharField(source="giver.name", read_only=True)
    receiver = serializers.CharField(source="receiver.name", read_only=True)

    class Meta:
        model = Referral
        fields = ["id", "giver", "receiver", "status", "amount", "given_on"]


class MeetingListView(generics.ListAPIView):
    """Meetings of a chapter, the last one first."""

    serializer_class = MeetingSerializer
    pagination_class = StandardPagination

    def get_queryset(self):
        present = Count("attendances", filter=Q(attendances__status="present"))
        meetings = Meeting.objects.filter(chapter_id=self.kwargs["chapter"])
        return meetings.select_related("chapter").annotate(present=present).order_by("-held_on")


class MeetingDetailView(APIView):
    """A meeting with everybody who came."""

    def get(self, request, pk):
        lists = Prefetch("attendances", queryset=Attendance.objects.select_related("member").order_by("member__name"))
        meeting = get_object_or_404(Meeting.objects.select_related("chapter", "speaker").prefetch_related(lists), pk=pk)
        return Response(
            {
                "chapter": meeting.chapter.name,
                "held_on": meeting.held_on,
                "speaker": meeting.speaker.name if meeting.speaker else None,
                "attendances": [{"member": a.member.name, "status": a.status} for a in meeting.attendances.all()],
            }
        )


class AttendanceSheetView(APIView):
    """The sheet of the last meetings of a chapter: a line a meeting with the names of those who came."""

    def get(self, request, chapter):
        sheet = []
        for meeting in Meeting.objects.filter(chapter_id=chapter).order_by("-held_on")[:12]:
            names = [member.name for member in meeting.attendees.all()]
            sheet.append({"held_on": meeting.held_on, "topic": meeting.topic, "present": names})
        return Response(sheet)


class AttendanceRecordView(APIView):
    """Record who came: {"attendances": {"12": "present", "13": "excused"}}"""

    def post(self, request, pk):
        meeting = get_object_or_404(Meeting, pk=pk)
        statuses = {int(member): word for member, word in request.data.get("attendances", {}).items()}
        recorded = import_service.import_attendance(meeting, statuses)
        return Response({"recorded": recorded}, status=status.HTTP_201_CREATED)


class ReferralListView(generics.ListAPIView):
    """What a member gave, the last first."""

    serializer_class = ReferralSerializer
    pagination_class = StandardPagination

    def get_queryset(self):
        given = Referral.objects.filter(giver_id=self.kwargs["member"])
        return given.select_related("giver", "receiver").order_by("-given_on", "-id")


class ReferralReceivedView(generics.ListAPIView):
    """What a member received since a day."""

    serializer_class = ReferralSerializer
    pagination_class = StandardPagination

    def get_queryset(self):
        since = timezone.localdate() - timedelta(days=180)
        received = Referral.objects.filter(receiver_id=self.kwargs["member"], given_on__gte=since)
        return received.order_by("-given_on", "-id")


class ReferralLeadersView(APIView):
    """Who gave most in a chapter this year."""

    def get(self, request, chapter):
        since = timezone.localdate().replace(month=1, day=1)
        leaders = (
            Member.objects.filter(chapter_id=chapter, referrals_given__given_on__gte=since)
            .annotate(given=Count("referrals_given"), amount=Sum("referrals_given__amount"))
            .order_by("-given", "id")
            .values("id", "name", "given", "amount")[:10]
        )
        return Response(list(leaders))


class ThankYouView(APIView):
    def get(self, request, chapter):
        since = timezone.localdate() - timedelta(days=30)
        return Response(roster_service.thank_you_list(chapter, since))


class AbsenceView(APIView):
    """Members of a chapter that were absent three times in ten weeks."""

    def get(self, request, chapter):
        since = timezone.localdate() - timedelta(weeks=10)
        absent = []
        for member in Member.objects.filter(chapter_id=chapter, status="active").only("id", "name"):
            missed = Attendance.objects.filter(member=member, status="absent", meeting__held_on__gte=since)
            if missed.count() >= 3:
                absent.append({"member": member.name, "times": missed.count()})
        return Response(absent)


class LateRecordsView(APIView):
    """What was recorded in the last hours, for the office."""

    def get(self, request):
        since = timezone.now() - timedelta(hours=48)
        latest = Attendance.objects.filter(recorded_at__gte=since).select_related("member", "meeting__chapter")
        return Response(
            [
                {"member": a.member.name, "chapter": a.meeting.chapter.name, "status": a.status}
                for a in latest.order_by("-recorded_at")[:100]
            ]
        )


@login_required
def meeting_board(request):
    """The meetings of this week, on the office's screen."""
    today = timezone.localdate()
    meetings = Meeting.objects.filter(held_on__range=(today - timedelta(days=7), today)).order_by("held_on")[:40]
    return render(request, "meetings/board.html", {"meetings": meetings})


@login_required
def referral_page(request, chapter):
    """The open referrals of a chapter."""
    referrals = (
        Referral.objects.filter(receiver__chapter_id=chapter, status="open")
        .select_related("giver__chapter", "receiver")
        .order_by("-given_on")[:50]
    )
    return render(request, "meetings/referrals.html", {"referrals": referrals})
