"""Made-up rows for the tables of `core`, skewed the way a company's chat is.

Every function yields rows of one table as text (None for NULL), in the order of its columns, so that the same rows go into SQLite
and into PostgreSQL. The same seed, scale and moment always give the same rows.

* people and channels are drawn by rank, with a weight of 1 / rank ** 1.1; who has which rank does not depend on a number;
* messages come in the order of time, nine in ten on weekdays and during work;
* two of three readings are neutral, one in twenty-five tells of high stress; a tenth of the people has most of these;
* one message in two hundred still waits, one in three hundred failed;
* one channel in twenty is there twice, with the same type and number: two bots saw it at the same moment. Its messages are shared
  between the two.

Nobody is real: a `user_hash` is drawn by lot, texts are made of a few dozen words.
"""

import itertools
import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from core import lexicon

Row = tuple[str | None, ...]

CALM = (
    "the meeting about release notes and the roadmap is done thanks for review of my branch it looks nice to me "
    "lunch at noon see you on monday weekend plans anyone coffee in the kitchen please check the ticket"
).split()
TENSE = "deadline overtime urgent late worried incident tired broken alone angry again tonight customer".split()
TEAM_NAMES = (
    "Platform", "Payments", "Mobile", "Support", "Design", "Data", "Growth", "Security", "Sales", "Research",
)  # fmt: skip
TYPES = ("discord", "slack", "web")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows; scale 1 has a million messages."""

    teams: int
    people: int
    channels: int
    messages: int
    days: int
    surveys: int

    @classmethod
    def at(cls, scale: float) -> "Sizes":
        return cls(
            teams=max(5, min(60, round(60 * scale))),
            people=max(40, round(4_000 * scale)),
            channels=max(40, round(600 * scale)),
            messages=max(1_500, round(1_000_000 * scale)),
            days=60,
            surveys=max(100, round(20_000 * scale)),
        )


def moment(value: datetime) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%S.%f")


class Specimen:
    """The rows of each table."""

    def __init__(self, sizes: Sizes, seed: int, now: datetime) -> None:
        self.sizes = sizes
        self.rng = random.Random(seed)
        self.now = now.astimezone(UTC).replace(microsecond=0)
        self.start = self.now - timedelta(days=sizes.days)

    def ranked(self, count: int) -> list[float]:
        return list(itertools.accumulate(1 / rank**1.1 for rank in range(1, count + 1)))

    def some_time(self) -> str:
        return moment(self.start - timedelta(seconds=self.rng.randrange(200 * 86_400)))

    @cached_property
    def people(self) -> list[str]:
        """Hashes, those who write most first."""
        return [uuid.UUID(int=self.rng.getrandbits(128), version=4).hex for _ in range(self.sizes.people)]

    @cached_property
    def channel_keys(self) -> list[tuple[str, str, str]]:
        """Type, number and name of each channel, the liveliest first; the last ones repeat some of the first."""
        twice = max(2, self.sizes.channels // 20)
        keys = []
        for number in range(self.sizes.channels - twice):
            type_ = self.rng.choices(TYPES, (80, 17, 3))[0]
            keys.append((type_, f"{10**17 + self.rng.randrange(10**17)}", f"{self.rng.choice(CALM)}-{number}"))
        return keys + keys[1 : 1 + twice]

    def teams(self) -> Iterator[Row]:
        for number in range(1, self.sizes.teams + 1):
            name = TEAM_NAMES[(number - 1) % len(TEAM_NAMES)]
            label = f"{name} {number}"
            at = self.some_time()
            yield str(number), label, label.lower().replace(" ", "-"), "UTC", "1", at, at

    def memberships(self) -> Iterator[Row]:
        for number, person in enumerate(self.people, start=1):
            left = self.some_time() if self.rng.random() < 0.06 else None
            role = "lead" if number % 12 == 0 else "member"
            at = self.some_time()
            yield str(number), str(1 + number % self.sizes.teams), person, role, left, at, at

    def consents(self) -> Iterator[Row]:
        for number, person in enumerate(self.people, start=1):
            at = self.some_time()
            yield str(number), person, "0" if self.rng.random() < 0.03 else "1", "1", at, at

    def channels(self) -> Iterator[Row]:
        for number, (type_, external, name) in enumerate(self.channel_keys, start=1):
            team = str(1 + number % self.sizes.teams) if self.rng.random() < 0.9 else None
            at = self.some_time()
            yield str(number), type_, external, name, team, "0" if self.rng.random() < 0.08 else "1", at, at

    def times(self) -> Iterator[datetime]:
        """When messages were written, in order."""
        step = timedelta(days=self.sizes.days) / self.sizes.messages
        for number in range(self.sizes.messages):
            at = self.start + number * step
            if at.weekday() >= 5 and self.rng.random() < 0.8:
                at -= timedelta(days=2)
            yield at.replace(hour=self.rng.choice((8, 9, 9, 10, 10, 11, 13, 14, 14, 15, 16, 17, 20)))

    def messages_and_analyses(self) -> Iterator[tuple[Row, Row | None, tuple]]:
        """A message, what was read out of it, and whose figures it adds to."""
        people, channels = self.ranked(self.sizes.people), self.ranked(self.sizes.channels)
        drawn_people = self.rng.choices(range(self.sizes.people), cum_weights=people, k=self.sizes.messages)
        drawn_channels = self.rng.choices(range(self.sizes.channels), cum_weights=channels, k=self.sizes.messages)
        analyses = itertools.count(1)
        last = self.sizes.messages - max(5, self.sizes.messages // 200)
        for number, at in enumerate(sorted(self.times()), start=1):
            at = min(at + timedelta(microseconds=number % 1_000_000), self.now)
            person, channel = drawn_people[number - 1], drawn_channels[number - 1]
            tense = self.rng.random() < (0.3 if person % 10 == 3 else 0.06)
            words = self.rng.choices(CALM, k=self.rng.randint(4, 30))
            if tense:
                words[2:2] = self.rng.choices(TENSE, k=3)
            content = " ".join(words)
            status = "pending" if number > last else "failed" if self.rng.random() < 0.003 else "processed"
            done = moment(at + timedelta(minutes=1))
            message = (
                str(number),
                str(channel + 1),
                str(10**17 + number),
                self.people[person],
                content,
                "en",
                str(len(content)),
                status,
                done if status == "processed" else None,
                '{"attachments": 0}',
                moment(at),
                moment(at),
            )
            if status != "processed":
                yield message, None, ()
                continue
            reading = lexicon.read(content)
            analysis = (
                str(next(analyses)),
                str(number),
                "lexicon-1",
                reading.sentiment,
                str(reading.sentiment_score),
                reading.emotion,
                str(reading.emotion_score),
                reading.stress,
                str(reading.stress_score),
                json.dumps(reading.keywords),
                json.dumps({"words": len(words), "tokens": words[:12]}),
                done,
                done,
            )
            figures = (self.channel_keys[channel][0], person, at, reading.sentiment_score, reading.stress_score)
            yield message, analysis, figures

    def aggregates(self, sums: dict) -> Iterator[Row]:
        """Daily and weekly figures, from sums by (source, person, period, start)."""
        for number, (key, (count, sentiment, stress)) in enumerate(sums.items(), start=1):
            source, person, period, start = key
            length = timedelta(days=1 if period == "daily" else 7)
            sentiment, stress = sentiment / count, stress / count
            at = moment(start + length)
            yield (
                str(number),
                source,
                self.people[person],
                str(1 + (person + 1) % self.sizes.teams),
                period,
                moment(start),
                moment(start + length),
                str(count),
                f"{sentiment:.4f}",
                f"{stress:.4f}",
                f"{50 + 30 * sentiment - 20 * stress:.2f}",
                "{}",
                at,
                at,
            )

    def rules(self) -> Iterator[Row]:
        for number in range(1, self.sizes.teams + 1):
            metric, threshold = (("wellbeing_score", "35"), ("stress_weighted_avg", "0.6"))[number % 2]
            at = self.some_time()
            yield str(number), str(number), metric, threshold, "1", at, at

    def alerts(self, aggregates: int) -> Iterator[Row]:
        for number in range(1, min(aggregates, 5_000) // 10 + 1):
            at = self.some_time()
            open_ = self.rng.random() < 0.05
            rule = str(1 + number % self.sizes.teams)
            yield str(number), rule, str(number * 3), "open" if open_ else "closed", None if open_ else at, at, at

    def batches(self) -> Iterator[Row]:
        for number in range(1, max(50, self.sizes.messages // 100) + 1):
            at = self.some_time()
            yield str(number), str(1 + self.rng.randrange(self.sizes.channels)), "100", "97", at, at

    def surveys(self) -> Iterator[Row]:
        for number in range(1, self.sizes.surveys + 1):
            at = moment(self.now - timedelta(seconds=self.rng.randrange(120 * 86_400)))
            person = self.rng.choice(self.people)
            question = self.rng.choice(("workload", "mood", "support"))
            team = str(1 + self.rng.randrange(self.sizes.teams))
            yield str(number), team, person, question, str(self.rng.randint(1, 5)), at, at
