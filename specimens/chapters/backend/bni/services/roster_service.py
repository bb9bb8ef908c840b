"""Rosters: chapters with their people, for sheets and mails."""

from django.db.models import Prefetch

from chapters.models import Chapter
from meetings.models import Referral
from members.models import Member


def describe(member: Member) -> dict:
    profession = member.profession
    return {
        "name": member.name,
        "profession": profession.name if profession else "",
        "paid": member.payments.count(),
    }


def region_roster(region_id: int) -> list[dict]:
    """All chapters of a region with their active members."""
    chapters = Chapter.objects.filter(region_id=region_id).prefetch_related(
        Prefetch("members", queryset=Member.objects.active().order_by("name"), to_attr="active_members")
    )
    return [
        {"chapter": chapter.name, "members": [describe(member) for member in chapter.active_members]}
        for chapter in chapters
    ]


def thank_you_list(chapter_id: int, since) -> list[str]:
    """Who thanked whom in a chapter since a day."""
    referrals = Referral.objects.filter(receiver__chapter_id=chapter_id, given_on__gte=since).select_related(
        "giver__chapter", "receiver"
    )
    return [f"{r.receiver.name} thanks {r.giver.name} ({r.giver.chapter.name})" for r in referrals]
