"""From a bot's batch to rows, and from waiting messages to analyses."""

import uuid
from hashlib import blake2b

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core import lexicon
from core.models import Channel, ConsentRecord, IngestBatch, Message, MessageAnalysis


def hash_of(account: str) -> uuid.UUID:
    """Who wrote it, without saying who."""
    return uuid.UUID(bytes=blake2b(account.encode(), key=settings.SECRET_KEY.encode()[:32], digest_size=16).digest())


def find_channel(type_: str, external_id: str, name: str) -> Channel:
    """The channel that the bot means; made when it is new."""
    channel = Channel.objects.filter(type=type_, external_id=external_id).order_by("id").first()
    if channel is None:
        channel = Channel.objects.create(type=type_, external_id=external_id, name=name)
    return channel


def take_batch(type_: str, external_id: str, name: str, messages: list[dict]) -> IngestBatch:
    """Keep the messages of people who agreed; one that was sent before is left as it is."""
    channel = find_channel(type_, external_id, name)
    hashes = {message["author"]: hash_of(message["author"]) for message in messages}
    agreed = set(
        ConsentRecord.objects.filter(user_hash__in=hashes.values(), granted=True).values_list("user_hash", flat=True)
    )
    rows = [
        Message(
            channel=channel,
            external_id=message["id"],
            user_hash=hashes[message["author"]],
            content=message["content"],
            char_count=len(message["content"]),
        )
        for message in messages
        if hashes[message["author"]] in agreed
    ]
    with transaction.atomic():
        Message.objects.bulk_create(rows, ignore_conflicts=True)
        return IngestBatch.objects.create(channel=channel, received=len(messages), accepted=len(rows))


def take_one(type_: str, external_id: str, message: dict) -> Message:
    """A message as the gateway sends it, one at a time."""
    channel = find_channel(type_, external_id, external_id)
    message, _ = Message.objects.update_or_create(
        channel=channel,
        external_id=message["id"],
        defaults={
            "user_hash": hash_of(message["author"]),
            "content": message["content"],
            "char_count": len(message["content"]),
        },
    )
    return message


def analyze_pending(limit: int | None = None) -> int:
    """Read the messages that wait longest; how many there were."""
    waiting = list(
        Message.objects.filter(processing_status="pending")
        .order_by("created_at")
        .only("id", "content")[: limit or settings.ANALYSIS_BATCH]
    )
    analyses = []
    for message in waiting:
        reading = lexicon.read(message.content)
        analyses.append(
            MessageAnalysis(
                message=message,
                model_name=settings.MODEL_NAME,
                sentiment=reading.sentiment,
                sentiment_score=reading.sentiment_score,
                emotion=reading.emotion,
                emotion_score=reading.emotion_score,
                stress=reading.stress,
                stress_score=reading.stress_score,
                keywords=reading.keywords,
                raw_output={"words": len(message.content.split())},
            )
        )
    with transaction.atomic():
        MessageAnalysis.objects.bulk_create(analyses, batch_size=100)
        Message.objects.filter(pk__in=[message.pk for message in waiting]).update(
            processing_status="processed", processed_at=timezone.now()
        )
    return len(waiting)
