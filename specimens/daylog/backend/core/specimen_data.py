"""Made-up rows for the tables, skewed the way those of a real journal are.

Every function yields the rows of one table in the order of its columns. The same seed, scale and moment always give the
same rows.

What is skewed, and how:

* how much people write: the k-th most eager has a share of 1 / k ** 0.7, so that a few have thousands of entries and
  many have three; whoever writes much does not have the smallest key;
* entries come in the order of time, more of them lately; four out of five are never changed later;
* one entry in twelve is public, and a few public ones get most of the comments;
* words are drawn by rank with a weight of 1 / rank; rare ones stand in a handful of entries;
* tags: everybody has some of the same popular names, and uses the first of them most.

Mail addresses end in `.example`; nobody's journal was used.
"""

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

Row = tuple[Any, ...]

HISTORY = timedelta(days=1_000)

TAGS = (
    "work family travel health ideas dreams books garden music recipes friends sport school money weather home letters "
    "hiking gratitude photos language projects sleep running films holidays doctor birthday cats train"
).split()
COMMON = (
    "the a and to of in it was that we I had for with on but they then at some after again when about by while into "
    "before because over more still back nothing long little morning evening day week house street window table "
    "coffee bread tea rain sun wind snow walk call letter train bus meeting talk lunch dinner sister brother mother "
    "father neighbour teacher doctor child dog cat garden tree river lake hill sea town market shop kitchen book song "
    "film picture game plan idea question answer trouble luck smile quiet loud slow quick early late warm cold green "
    "blue old new tired happy sad angry calm worried proud curious began ended found lost bought forgot remembered"
).split()
BEGINNINGS = "bal cor dun fel gar hol jin kel lor mar nol pel quin ras sol tam ul ver wil zan".split()
MIDDLES = "a e i o u an en in on un ar er ir or ur".split()
ENDINGS = "dale ford ham ley mere nor ster ton wick worth".split()
BLOCK_KINDS = ("paragraph", "paragraph", "paragraph", "paragraph", "header", "list", "quote", "checklist", "image")
MOOD_NOTES = ("", "", "", "Slept badly.", "A good talk with my sister.", "The back hurts again.", "New pills.")


def vocabulary() -> list[str]:
    rare = [b + m + e for m in MIDDLES for b in BEGINNINGS for e in ENDINGS]
    return [*COMMON, *rare]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows there are. Scale 1 has a million entries of 20,000 people."""

    users: int
    entries: int
    comments: int
    attachments: int
    moods: int
    prompts: int = 60

    @classmethod
    def at(cls, scale: float) -> "Sizes":
        return cls(
            users=max(60, round(20_000 * scale)),
            entries=max(1_500, round(1_000_000 * scale)),
            comments=max(400, round(200_000 * scale)),
            attachments=max(200, round(150_000 * scale)),
            moods=max(600, round(300_000 * scale)),
        )


def by_rank(choices: list, exponent: float) -> list[float]:
    return list(itertools.accumulate(1 / rank**exponent for rank in range(1, len(choices) + 1)))


class Specimen:
    """The rows of one seed, scale and moment."""

    def __init__(self, sizes: Sizes, seed: int, now: datetime) -> None:
        self.sizes = sizes
        self.seed = seed
        self.now = now
        rng = self.rng("people")
        self.users = [self.key(rng) for _ in range(sizes.users)]
        eager = self.users[:]
        rng.shuffle(eager)
        self.eager = eager
        self.writers = rng.choices(eager, cum_weights=by_rank(eager, 0.7), k=sizes.entries)
        self.entry_keys = [self.key(rng) for _ in range(sizes.entries)]
        self.public = [rng.random() < 1 / 12 for _ in range(sizes.entries)]
        self.prompt_keys = [self.key(rng) for _ in range(sizes.prompts)]
        self.tags_of = {user: [self.key(rng) for _ in range(rng.randint(2, 14))] for user in self.users}

    def rng(self, purpose: str) -> random.Random:
        return random.Random(f"{self.seed}:{purpose}")

    @staticmethod
    def key(rng: random.Random) -> UUID:
        return UUID(int=rng.getrandbits(128), version=4)

    def written_at(self, number: int) -> datetime:
        """When the entry of a number was written: the higher the later, and more of them lately."""
        return self.now - HISTORY * (1 - (number + 1) / self.sizes.entries) ** 1.3

    # --- People ------------------------------------------------------------------------------------------------------

    def people(self) -> Iterator[Row]:
        for number, user in enumerate(self.users, 1):
            at = self.now - HISTORY - timedelta(hours=number % 5_000)
            name = f"writer{number}"
            yield (user, "!", False, name, "", "", f"{name}@mail.example", False, True, at, at, at)

    def profiles(self) -> Iterator[Row]:
        rng = self.rng("profiles")
        for number, user in enumerate(self.users, 1):
            at = self.now - HISTORY
            birth = date(1950, 1, 1) + timedelta(days=rng.randint(0, 20_000)) if rng.random() < 0.6 else None
            phone = f"+49 30 {rng.randint(100_000, 9_999_999)}" if rng.random() < 0.4 else ""
            look = json.dumps({"theme": rng.choice(("light", "dark")), "font": rng.choice(("serif", "sans"))})
            yield (self.key(rng), at, at, user, f"Writer {number}", phone, birth, "", "Europe/Berlin", look)

    def integrations(self) -> Iterator[Row]:
        rng = self.rng("integrations")
        for number, user in enumerate(self.users, 1):
            if number % 4 == 0:
                at = self.now - timedelta(days=rng.randint(1, 400))
                tokens = f"at-{rng.getrandbits(160):040x}", f"rt-{rng.getrandbits(160):040x}"
                service = rng.choice(("calendar", "photos"))
                yield (self.key(rng), at, at, user, service, f"writer{number}@mail.example", *tokens, None)

    def reminders(self) -> Iterator[Row]:
        rng = self.rng("reminders")
        for number, user in enumerate(self.users, 1):
            if number % 3:
                hour = rng.choice((7, 8, 20, 21, 21, 22))
                due = self.now + timedelta(minutes=rng.randint(-20, 1_440))
                yield (self.key(rng), self.now, self.now, user, hour, "Write!", rng.random() < 0.6, due)

    def goals(self) -> Iterator[Row]:
        rng = self.rng("goals")
        for user in self.users[::5]:
            yield (self.key(rng), self.now, self.now, user, rng.randint(1, 7), rng.choice((0, 500, 1_000)))

    # --- Entries -----------------------------------------------------------------------------------------------------

    def prompts(self) -> Iterator[Row]:
        rng = self.rng("prompts")
        for number, key in enumerate(self.prompt_keys, 1):
            at = self.now - HISTORY
            text = f"What do you remember of the {rng.choice(COMMON[30:90])}, and of the number {number}?"
            yield (key, at, at, text, number % 10 != 0)

    def tags(self) -> Iterator[Row]:
        rng = self.rng("tags")
        for user, keys in self.tags_of.items():
            names = [TAGS[0], *rng.sample(TAGS[1:], len(keys) - 1)]
            for key, name in zip(keys, names, strict=True):
                at = self.now - HISTORY
                yield (key, at, at, user, name)

    def blocks(self) -> list[str]:
        """Blocks of text to put entries together from, as JSON."""
        rng = self.rng("blocks")
        words = vocabulary()
        weights = by_rank(words, 1.0)
        blocks = []
        for number in range(max(600, min(40_000, self.sizes.entries // 5))):
            kind = rng.choice(BLOCK_KINDS)
            text = " ".join(rng.choices(words, cum_weights=weights, k=rng.randint(8, 60)))
            if kind == "header":
                data: dict[str, Any] = {"text": text[:40], "level": 2}
            elif kind in ("list", "checklist"):
                data = {"items": [text[start : start + 25] for start in range(0, min(len(text), 100), 25)]}
            elif kind == "image":
                data = {"file": {"url": f"photos/{number}.webp"}, "caption": text[:60]}
            else:
                data = {"text": f"{text[:1].upper()}{text[1:]}."}
            blocks.append(json.dumps({"id": f"{rng.getrandbits(40):010x}", "type": kind, "data": data}))
        return blocks

    def entries(self) -> Iterator[Row]:
        rng = self.rng("entries")
        blocks = self.blocks()
        for number, (key, user, public) in enumerate(zip(self.entry_keys, self.writers, self.public, strict=True)):
            at = self.written_at(number)
            changed = at if rng.random() < 0.8 else at + (self.now - at) * rng.random()
            body = ", ".join(rng.choices(blocks, k=rng.choice((1, 2, 2, 3, 3, 4, 6, 12))))
            content = f'{{"time": {int(at.timestamp() * 1000)}, "blocks": [{body}], "version": "2.30.6"}}'
            title = f"{rng.choice(COMMON[40:90]).capitalize()} and {rng.choice(COMMON[40:90])}"
            prompt = rng.choice(self.prompt_keys) if rng.random() < 0.1 else None
            token = self.key(rng) if public else None
            yield (key, at, changed, user, title, content, public, rng.random() < 0.01, token, prompt)

    def entry_tags(self) -> Iterator[Row]:
        rng = self.rng("entry tags")
        row = itertools.count(1)
        for key, user in zip(self.entry_keys, self.writers, strict=True):
            tags = self.tags_of[user]
            for position in sorted({int(len(tags) * rng.random() ** 2) for _ in range(rng.randint(0, 3))}):
                yield (next(row), key, tags[position])

    def attachments(self) -> Iterator[Row]:
        rng = self.rng("attachments")
        step = max(1, self.sizes.entries // self.sizes.attachments)
        for number in range(0, self.sizes.entries, step):
            at = self.written_at(number)
            path = f"files/{number}.webp"
            yield (
                self.key(rng),
                at,
                at,
                self.entry_keys[number],
                0,
                path,
                rng.randint(20_000, 4_000_000),
                "image/webp",
            )

    def comments(self) -> Iterator[Row]:
        rng = self.rng("comments")
        public = [number for number, shown in enumerate(self.public) if shown]
        rng.shuffle(public)
        drawn = rng.choices(public, cum_weights=by_rank(public, 0.9), k=self.sizes.comments)
        authors = rng.choices(self.eager, cum_weights=by_rank(self.eager, 0.5), k=self.sizes.comments)
        for number, author in zip(drawn, authors, strict=True):
            at = self.written_at(number) + timedelta(hours=rng.expovariate(1 / 30))
            body = " ".join(rng.choices(COMMON, k=rng.randint(3, 30)))
            yield (
                self.key(rng),
                min(at, self.now),
                self.now,
                self.entry_keys[number],
                author,
                body,
                rng.random() < 0.02,
            )

    # --- Insights ----------------------------------------------------------------------------------------------------

    def moods(self) -> Iterator[Row]:
        rng = self.rng("moods")
        for user in rng.choices(self.eager, cum_weights=by_rank(self.eager, 0.5), k=self.sizes.moods):
            at = self.now - HISTORY * rng.random() ** 1.5
            mood = rng.choices((1, 2, 3, 4, 5), weights=(5, 15, 30, 35, 15))[0]
            yield (self.key(rng), at, at, user, mood, rng.choice(MOOD_NOTES), at)

    def writing_days(self) -> Iterator[Row]:
        rng = self.rng("writing days")
        days: dict[tuple[UUID, date], int] = {}
        for number, user in enumerate(self.writers):
            day = (user, self.written_at(number).date())
            days[day] = days.get(day, 0) + 1
        for (user, day), entries in days.items():
            yield (self.key(rng), self.now, self.now, user, day, entries, entries * rng.randint(20, 300))
