"""Made-up rows for the tables, skewed the way those of a real network of chapters are.

Every function yields the rows of one table in the order of its columns. The same seed, scale and moment always give the
same rows.

What is skewed, and how:

* chapters have between five members and a few hundred: the k-th largest has a share of 1 / k ** 0.6;
* three members in five are active, one in three has left; who left long ago has no rows of late;
* what members do on the site is drawn by rank with a weight of 1 / rank ** 1.1, and there is more of it lately;
* half of the referrals come from a tenth of the members; one in three was closed with business, a few with much;
* all chapters have reports for the last months, old chapters for three years; their `data` has the same keys in all but
  a few.

Mail addresses end in `.example`.
"""

import itertools
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

Row = tuple[Any, ...]

HISTORY = timedelta(days=730)

FIRST_NAMES = (
    "Alex Ana Ben Carla Chris Dana David Elena Emma Farid Grace Hana Ines Ivan Jamal Jan Julia Kai Lara Leo Lin Maria "
    "Mark Maya Mia Nadia Nils Noor Omar Paula Peter Petra Rana Rosa Sam Sara Sofia Tariq Tom Uma Vera Will Yara Zoe"
).split()
LAST_NAMES = (
    "Adler Bakker Becker Berg Castro Costa Dahl Diaz Duarte Fischer Fontaine García Grün Haas Hansen Ibrahim Jansen "
    "Kaya Keller Khan Kovač Lang Larsen Lindqvist López Marin Meier Moreau Müller Nakamura Nowak Olsen Özdemir Park "
    "Peters Reyes Rossi Šimić Silva Söderberg Stein Tan Vogel Weiss Yilmaz Young Zhang"
).split()
SECTORS = ("Building", "Finance", "Health", "Law", "Media", "Property", "Retail", "Technology", "Trades", "Travel")
TRADES = (
    "accountant architect baker broker builder carpenter coach consultant dentist designer electrician florist gardener "
    "insurer joiner lawyer locksmith notary optician painter photographer plumber printer realtor roofer tailor "
    "translator trainer webmaster wine-merchant"
).split()
INTERESTS = (
    "architecture cars charity cooking cycling exports families football franchises gardening golf hiking imports "
    "investing languages music photography renovation running sailing schools skiing start-ups tennis travel wine"
).split()
PLACES = (
    "Aachen Basel Bergen Bilbao Bologna Brno Cork Dresden Espoo Gdansk Ghent Graz Haarlem Kassel Leeds Linz Lyon Malmö "
    "Nantes Odense Parma Porto Rennes Salzburg Seville Split Tampere Turin Utrecht Varna"
).split()
CHAPTER_WORDS = "Anchor Bridge Compass Crown Eagle Falcon Fortune Harbour Lighthouse Mercury Phoenix Summit".split()
SENTENCES = (
    "We have worked for families and firms of the region for many years.",
    "A good contact for us is somebody who has just moved.",
    "Ask me about offers that are not on the page.",
    "Our team has eight people and two apprentices.",
    "The first talk costs nothing and is worth an hour of your time.",
    "What we promise we keep, and what we do not know we say.",
    "Before that I was abroad for five years, which helps with exports.",
    "References are gladly given when you ask for them.",
)
TOPICS = ("", "", "Year's plan", "Visitors' day", "Training: sixty seconds", "Guest speaker", "Awards", "Elections")
KINDS = {"login": 52, "profile_view": 30, "message": 9, "download": 5, "referral": 4}
ATTENDANCE = {"present": 81, "late": 4, "excused": 7, "absent": 5, "substitute": 3}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows there are. Scale 1 is a national network: 600 chapters, 30,000 members, a million events."""

    regions: int
    chapters: int
    members: int
    meetings: int
    referrals: int
    months: int
    events: int

    @classmethod
    def at(cls, scale: float) -> "Sizes":
        chapters = max(16, round(600 * scale))
        return cls(
            regions=max(4, min(20, chapters // 8)),
            chapters=chapters,
            members=max(400, round(30_000 * scale)),
            meetings=max(10, min(100, round(100 * scale * 10))),
            referrals=max(800, round(400_000 * scale)),
            months=max(6, min(36, round(36 * scale * 20))),
            events=max(2_000, round(1_000_000 * scale)),
        )


class Ranked:
    """Draws from a list, a few of its members very often."""

    def __init__(self, choices: list, exponent: float = 1.1) -> None:
        self.choices = choices
        self.cumulative = list(itertools.accumulate(1 / rank**exponent for rank in range(1, len(choices) + 1)))

    def draw(self, rng: random.Random, count: int) -> list:
        return rng.choices(self.choices, cum_weights=self.cumulative, k=count)


def scattered(size: int) -> list[int]:
    """1..size in an order unlike their own, so that what is frequent does not lie together."""
    step = max(1, round(size * 0.618))
    while math.gcd(step, size) != 1:
        step += 1
    return [(rank * step + step // 2) % size + 1 for rank in range(size)]


def lately(rng: random.Random, now: datetime, history: timedelta = HISTORY) -> datetime:
    """A moment in the past, rather lately than long ago."""
    return now - history * rng.random() ** 1.6


def month_before(day: date, months: int) -> str:
    number = day.year * 12 + day.month - 1 - months
    return f"{number // 12}-{number % 12 + 1:02}"


class Specimen:
    """The rows of one seed, scale and moment."""

    def __init__(self, sizes: Sizes, seed: int, now: datetime) -> None:
        self.sizes = sizes
        self.seed = seed
        self.now = now
        rng = self.rng("places")
        chapter_ids = scattered(sizes.chapters)
        drawn = Ranked(chapter_ids, 0.6).draw(rng, sizes.members - 5 * sizes.chapters)
        self.chapter_of = [0, *(chapter for chapter in chapter_ids for _ in range(5)), *drawn]
        self.members_of: dict[int, list[int]] = {}
        for member, chapter in enumerate(self.chapter_of):
            self.members_of.setdefault(chapter, []).append(member)
        statuses = rng.choices(
            ("active", "left", "on_leave", "pending"), weights=(61, 32, 4, 3), k=len(self.chapter_of)
        )
        self.status_of = statuses
        self.active_of = {
            chapter: [member for member in members if statuses[member] == "active"]
            for chapter, members in self.members_of.items()
        }
        self.by_rank = [member for member in scattered(sizes.members) if statuses[member] == "active"]

    def rng(self, purpose: str) -> random.Random:
        return random.Random(f"{self.seed}:{purpose}")

    # --- Places and people -------------------------------------------------------------------------------------------

    def regions(self) -> Iterator[Row]:
        for number in range(1, self.sizes.regions + 1):
            country = ("DE", "NL", "ES", "SE", "IT")[number % 5]
            yield (number, f"Region {number:02}", country, "Europe/Berlin", f"director{number}@region.example")

    def chapters(self) -> Iterator[Row]:
        rng = self.rng("chapters")
        for number in range(1, self.sizes.chapters + 1):
            word = CHAPTER_WORDS[number % len(CHAPTER_WORDS)]
            place = PLACES[number // len(CHAPTER_WORDS) % len(PLACES)]
            name = f"{word} {number}"
            made = self.now - HISTORY - timedelta(days=rng.expovariate(1 / 900))
            appearance = {"colour": f"#{rng.getrandbits(24):06x}", "slogan": rng.choice(SENTENCES)}
            yield (
                number,
                (number - 1) % self.sizes.regions + 1,
                name,
                place,
                f"{word.lower()}-{number}",
                rng.randint(1, 5),
                time(7, 0) if number % 3 else None,
                made.date(),
                number % 25 != 0,
                json.dumps(appearance),
                made,
                self.now,
            )

    def announcements(self) -> Iterator[Row]:
        rng = self.rng("announcements")
        for number in range(1, 4 * self.sizes.chapters + 1):
            at = lately(rng, self.now)
            expires = at + timedelta(days=rng.randint(7, 60)) if rng.random() < 0.7 else None
            text = " ".join(rng.choices(SENTENCES, k=5))
            yield (number, (number - 1) % self.sizes.chapters + 1, rng.choice(TOPICS) or "Notice", text, at, expires)

    def professions(self) -> Iterator[Row]:
        for number in range(1, 10 * len(TRADES) + 1):
            trade = TRADES[(number - 1) % len(TRADES)].capitalize()
            suffix = "" if number <= len(TRADES) else f", branch {number // len(TRADES)}"
            yield (number, f"{trade}{suffix}", SECTORS[number % len(SECTORS)])

    def interests(self) -> Iterator[Row]:
        yield from enumerate(INTERESTS, 1)

    def members(self) -> Iterator[Row]:
        rng = self.rng("members")
        today = self.now.date()
        for number in range(1, self.sizes.members + 1):
            name = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
            status = self.status_of[number]
            joined = self.now - timedelta(days=rng.expovariate(1 / 700))
            business = (
                f"{name.split()[1]} & Co." if rng.random() < 0.6 else f"{rng.choice(TRADES).capitalize()} {number}"
            )
            renewed = today + timedelta(days=rng.randint(-40 if rng.random() < 0.03 else 1, 365))
            yield (
                number,
                self.chapter_of[number],
                rng.randint(1, 10 * len(TRADES)) if rng.random() < 0.95 else None,
                name,
                f"member{number}@mail.example",
                f"+49 30 {rng.randint(100_000, 9_999_999)}" if rng.random() < 0.8 else "",
                business,
                f"https://member{number}.example/" if rng.random() < 0.5 else "",
                " ".join(rng.choices(SENTENCES, k=rng.randint(4, 24))),
                f"members/{number}.webp" if rng.random() < 0.7 else "",
                status,
                round(min(100.0, max(0.0, rng.gauss(62, 18))), 2),
                joined.date(),
                renewed if status == "active" else None,
                joined,
                self.now,
            )

    def member_interests(self) -> Iterator[Row]:
        rng = self.rng("member interests")
        ranked = Ranked(list(range(1, len(INTERESTS) + 1)), 0.7)
        row = itertools.count(1)
        for member in range(1, self.sizes.members + 1):
            for interest in sorted(set(ranked.draw(rng, rng.randint(0, 4)))):
                yield (next(row), member, interest)

    def officer_terms(self) -> Iterator[Row]:
        rng = self.rng("officers")
        row = itertools.count(1)
        for chapter in range(1, self.sizes.chapters + 1):
            members = self.members_of[chapter]
            for role in ("president", "vice_president", "treasurer"):
                start = self.now.date().replace(month=1, day=1)
                yield (next(row), chapter, rng.choice(members), role, start, None)
                before = start - timedelta(days=365)
                yield (next(row), chapter, rng.choice(members), role, before, start - timedelta(days=1))

    def payments(self) -> Iterator[Row]:
        rng = self.rng("payments")
        for number in range(1, 2 * self.sizes.members + 1):
            at = lately(rng, self.now)
            member = rng.randint(1, self.sizes.members)
            yield (number, member, f"F{number:08}", rng.choice((480, 900, 900, 1_200)), "EUR", at.date(), at)

    # --- Meetings ----------------------------------------------------------------------------------------------------

    def meetings(self) -> Iterator[Row]:
        """The last weeks of each chapter, an older meeting with a smaller number."""
        rng = self.rng("meetings")
        number = itertools.count(1)
        for week in range(self.sizes.meetings - 1, -1, -1):
            for chapter in range(1, self.sizes.chapters + 1):
                held = self.now.date() - timedelta(days=7 * week + chapter % 5)
                speaker = rng.choice(self.members_of[chapter]) if rng.random() < 0.5 else None
                yield (next(number), chapter, held, rng.choice(TOPICS), speaker)

    def attendances(self) -> Iterator[Row]:
        rng = self.rng("attendances")
        row = itertools.count(1)
        words, weights = list(ATTENDANCE), list(itertools.accumulate(ATTENDANCE.values()))
        meeting = 0
        for week in range(self.sizes.meetings - 1, -1, -1):
            for chapter in range(1, self.sizes.chapters + 1):
                meeting += 1
                people = self.active_of[chapter]
                recorded = self.now - timedelta(days=7 * week + chapter % 5, minutes=rng.randint(0, 600))
                for member, status in zip(people, rng.choices(words, cum_weights=weights, k=len(people)), strict=True):
                    yield (next(row), meeting, member, status, recorded)

    def referrals(self) -> Iterator[Row]:
        rng = self.rng("referrals")
        count = self.sizes.referrals
        givers = Ranked(self.by_rank, 0.8).draw(rng, count)
        moments = sorted(lately(rng, self.now) for _ in range(count))
        for number, (giver, at) in enumerate(zip(givers, moments, strict=True), 1):
            chapter = self.active_of[self.chapter_of[giver]]
            receiver = rng.choice(chapter if len(chapter) > 1 and rng.random() < 0.9 else self.by_rank)
            if receiver == giver:
                receiver = giver % self.sizes.members + 1
            status = rng.choices(("open", "closed", "lost"), weights=(30, 34, 36))[0]
            amount = round(rng.lognormvariate(6.5, 1.4), 2) if status == "closed" else 0
            note = rng.choice(SENTENCES) if rng.random() < 0.4 else ""
            yield (number, giver, receiver, None, status, amount, at.date(), note)

    # --- Reports -----------------------------------------------------------------------------------------------------

    def report_keys(self) -> Iterator[tuple[int, int, int]]:
        """Number, chapter and how many months ago, the oldest first."""
        number = itertools.count(1)
        for ago in range(self.sizes.months, 0, -1):
            for chapter in range(1, self.sizes.chapters + 1):
                yield next(number), chapter, ago

    def reports(self) -> Iterator[Row]:
        rng = self.rng("reports")
        for number, chapter, ago in self.report_keys():
            members = len(self.active_of[chapter])
            data = {
                "total_referrals": max(0, round(members * rng.gauss(1.6, 0.6))),
                "tyfcb": round(members * rng.lognormvariate(6.8, 0.7), 2),
                "attendance_rate": round(min(100.0, rng.gauss(88, 7)), 2),
                "members": members,
                "visitors": rng.randint(0, 9),
                "highlights": rng.sample(("award", "visitors", "training", "record", "anniversary"), rng.randint(0, 2)),
            }
            if rng.random() < 0.004:
                data["imported_from"] = "sheet"
            at = self.now - timedelta(days=30 * (ago - 1) + rng.randint(1, 8))
            status = "draft" if ago == 1 and rng.random() < 0.5 else rng.choice(("final", "sent", "sent"))
            remarks = rng.choice(SENTENCES) if rng.random() < 0.3 else ""
            period = month_before(self.now.date(), ago)
            yield (number, chapter, period, status, json.dumps(data), remarks, None, at, at)

    def statements(self) -> Iterator[Row]:
        rng = self.rng("statements")
        row = itertools.count(1)
        for report, chapter, _ in self.report_keys():
            for member in self.active_of[chapter]:
                received = rng.randint(0, 4)
                business = round(received * rng.lognormvariate(5.5, 1.2), 2)
                yield (next(row), report, member, rng.randint(0, 4), received, business, rng.choice((100, 100, 75, 50)))

    def deliveries(self) -> Iterator[Row]:
        row = itertools.count(1)
        for report, chapter, ago in self.report_keys():
            at = self.now - timedelta(days=30 * (ago - 1))
            waits = ago == 1 and chapter % 10 == 0
            for reader in ("director", "office", "president"):
                sent = None if waits else at + timedelta(minutes=3)
                yield (next(row), report, f"{reader}{chapter}@region.example", at, sent, 0 if waits else 1)

    def imports(self) -> Iterator[Row]:
        rng = self.rng("imports")
        for number in range(1, self.sizes.chapters + 1):
            problems = [rng.randint(2, 40) for _ in range(rng.choice((0, 0, 0, 2)))]
            at = lately(rng, self.now)
            yield (number, number, "members", "members.csv", "done", rng.randint(1, 40), json.dumps(problems), at)

    # --- Analytics ---------------------------------------------------------------------------------------------------

    def events(self) -> Iterator[Row]:
        rng = self.rng("events")
        count = self.sizes.events
        members = Ranked(self.by_rank).draw(rng, count)
        kinds = rng.choices(list(KINDS), list(KINDS.values()), k=count)
        for number, (member, kind) in enumerate(zip(members, kinds, strict=True), 1):
            at = self.now - HISTORY * (1 - number / count) ** 1.3
            more = {"agent": "app" if number % 3 else "web", "ms": rng.randint(5, 900)}
            if kind == "profile_view":
                more["seen"] = rng.randint(1, self.sizes.members)
            yield (number, member, kind, at, json.dumps(more))

    def metrics(self) -> Iterator[Row]:
        rng = self.rng("metrics")
        row = itertools.count(1)
        days = min(365, self.sizes.meetings * 7)
        for ago in range(days, 0, -1):
            day = self.now.date() - timedelta(days=ago)
            for chapter in range(1, self.sizes.chapters + 1):
                referrals = rng.randint(0, 5)
                business = round(referrals * rng.lognormvariate(5.5, 1), 2)
                yield (next(row), chapter, day, len(self.active_of[chapter]), referrals, business)

    def scores(self) -> Iterator[Row]:
        rng = self.rng("scores")
        row = itertools.count(1)
        for ago in range(min(12, self.sizes.months), 0, -1):
            at = datetime.combine(self.now.date() - timedelta(days=30 * ago), time(3), UTC)
            for member in self.by_rank:
                yield (next(row), member, round(min(100.0, max(0.0, rng.gauss(62, 18))), 2), at)
