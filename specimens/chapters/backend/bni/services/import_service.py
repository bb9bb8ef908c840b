"""Files that chapters upload: members, attendances."""

from datetime import date

from django.db import transaction

from meetings.models import Attendance, Meeting
from members.models import Interest, Member, Profession
from reports.models import ImportBatch

REQUIRED = ("name", "email")


def import_members(chapter, rows) -> ImportBatch:
    """Make a member of every line; lines without a name or an address are left and reported."""
    problems = [number for number, row in enumerate(rows, 2) if not all(row.get(field) for field in REQUIRED)]
    member_data = [row for number, row in enumerate(rows, 2) if number not in problems]
    for row in member_data:
        profession, _ = Profession.objects.get_or_create(name=row.get("profession") or "Other")
        Member.objects.create(
            chapter=chapter,
            profession=profession,
            name=row["name"],
            email=row["email"],
            phone=row.get("phone", ""),
            status=Member.Status.PENDING,
            score=0,
            joined_on=date.today(),
        )
    return ImportBatch.objects.create(
        chapter=chapter,
        kind="members",
        filename="members.csv",
        status=ImportBatch.Status.DONE,
        rows=len(member_data),
        problems=problems,
    )


@transaction.atomic
def import_attendance(meeting: Meeting, statuses: dict[int, str]) -> int:
    """Record who came: one statement for the whole list."""
    known = set(Member.objects.filter(chapter_id=meeting.chapter_id).values_list("pk", flat=True))
    rows = [
        Attendance(meeting=meeting, member_id=member, status=status)
        for member, status in statuses.items()
        if member in known
    ]
    Attendance.objects.bulk_create(
        rows,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["meeting", "member"],
        update_fields=["status"],
    )
    return len(rows)


def tag_members(members, names) -> None:
    """Give all these members the same interests."""
    interests = [Interest.objects.get_or_create(name=name)[0] for name in names]
    through = Member.interests.through
    through.objects.bulk_create(
        [through(member_id=member.pk, interest_id=interest.pk) for member in members for interest in interests],
        ignore_conflicts=True,
    )
