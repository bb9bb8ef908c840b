"""Every query class of the five documents, measured before and after the advice, at the documents' volumes and at ten times two of them.

    python benchmarks/prove_specimens.py --work DIR [--only boltpromo_1]
    python benchmarks/prove_specimens.py --work DIR --page docs/proofs.md

`DIR` holds a PostgreSQL cluster of its own (made if it is not there) and, of each specimen: what its workload was captured to send, its
snapshot, the advice and the proof as JSON; each is made once and kept. The cluster is throw-away: it runs without fsync.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import msgspec
import psycopg

from dbwright import __version__, snapshots
from dbwright.embedded import choose
from dbwright.model.proved import Interval, Proof, ProvedStatement, Verdict
from dbwright.model.wording import bytes_text
from dbwright.prove import changes
from dbwright.prove.copies import Copies
from dbwright.prove.measuring import Effort
from dbwright.prove.proving import Workload, prove
from dbwright.report.proved import time_text
from dbwright.workload.captured import CapturedCalls, read_calls, read_captured

ROOT = Path(__file__).resolve().parents[1]
PORT = 5543
SETTINGS = {
    "port": PORT, "listen_addresses": "127.0.0.1", "unix_socket_directories": "/tmp", "shared_preload_libraries": "pg_stat_statements",
    "shared_buffers": "1GB", "work_mem": "16MB", "maintenance_work_mem": "256MB", "max_wal_size": "4GB", "fsync": "off",
    "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": 0, "random_page_cost": 1.1,
    "pg_stat_statements.max": 20000,
}  # fmt: skip


@dataclass(frozen=True)
class QueryClass:
    """A row of a document: what it says of before and of its target, and which statements it is, by words that each of them holds
    (place, function and SQL; after ``!``: that it does not hold). ``target`` is in milliseconds for one request, None where the document
    states none."""

    name: str
    before: str
    target: float | None
    told: str
    words: tuple[tuple[str, ...], ...]
    reason: str = ""


@dataclass(frozen=True)
class Specimen:
    """A specimen at a volume. ``more`` is SQL beside the advice, with what takes it back: then only statements that hold one of the words
    ``only`` are measured, on the same database."""

    name: str
    scale: float
    volume: str
    requests: int
    classes: tuple[QueryClass, ...]
    ingest: tuple[str, ...] = ()
    seconds: float = 2.0
    draws: int = 2
    more: tuple[tuple[str, str], ...] = ()
    only: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.name}_{f'{self.scale:g}'.replace('.', '_')}"

    @property
    def result(self) -> str:
        """The name of its proof."""
        return f"{self.key}_more" if self.more else self.key

    @property
    def folder(self) -> Path:
        own = ROOT / "specimens" / self.name
        return own if self.name == "analyticbot" else own / "backend"


BOLTPROMO = (
    QueryClass(
        "promo code list",
        "150 ms",
        50,
        "50 ms",
        (("select", "core_promocode", "core_store", 'expires_at" >', "limit 20", "!core_dailyagg", "! like "),),
    ),
    QueryClass("popular ordering", "not stated", None, "", (("sum(case when", "core_dailyagg", "limit 20"),)),
    QueryClass("store detail", "80 ms", 30, "30 ms", (("storedetail",), ('"core_store"."slug" =', "limit 21"))),
    QueryClass(
        "store list",
        "150 ms",
        50,
        "30 to 50 ms",
        (('from "core_store"', 'order by "core_store"."rating" desc, "core_store"."name"', "! like "),),
    ),
    QueryClass(
        "category list",
        "80 ms",
        40,
        "25 to 40 ms",
        (
            (
                'from "core_category"',
                '"core_category"."is_active"',
                'order by "core_category"."name"',
                "!core_promocode_categories",
                "! like ",
            ),
        ),
    ),
    QueryClass(
        "codes of a category",
        "500 ms",
        100,
        "50 to 100 ms",
        (("core_promocode_categories", "category_id", "limit 20", "!core_dailyagg", "! like "),),
    ),
    QueryClass("search query", "500 ms", 100, "100 ms", (("globalsearchview",),)),
    QueryClass(
        "analytics: top stores",
        "200 ms",
        50,
        "50 ms",
        (("statstopstoresview",),),
        "it counts most of a month's events on each request: the document's own way is a cache or a kept aggregate (BP-22, BP-24)",
    ),
    QueryClass("analytics: top promo codes", "200 ms", 50, "50 ms", (("statstoppromosview",),)),
    QueryClass("analytics: one visit", "not stated", None, "", (("statssessionview",),)),
    QueryClass("analytics: rate limit of events", "not stated", None, "", (("is_robot",),)),
    QueryClass("contact form rate limit", "1,000 ms", 10, "10 ms", (("is_rate_limited",),)),
    QueryClass(
        "contact messages in the admin", "not stated", None, "", (("core_contactmessage", "order by", "limit 100"),)
    ),
)
ANALYTICBOT = (
    QueryClass("post listing", "82 ms", None, "", (("get_posts_for_channel ",), ("get_posts_for_channels",))),
    QueryClass("channel analytics: growth", "67 ms", None, "", (("growth", "channel_daily"),)),
    QueryClass("channel analytics: views between", "67 ms", None, "", (("views_between",),)),
    QueryClass("metrics of a post", "not stated", None, "", (("postrepository.metrics",),)),
    QueryClass("posts that are due", "not stated", 100, "slow is > 100 ms", (("schedulerepository.due",),)),
    QueryClass("revenue", "not stated", 100, "slow is > 100 ms", (("paymentrepository.revenue",),)),
    QueryClass("users found by name", "not stated", 100, "slow is > 100 ms", (("userrepository.search",),)),
)
CHAPTERS = (
    QueryClass(
        "members of a chapter by status",
        "not stated",
        1000,
        "slow is > 1 s",
        (('"members_member"."chapter_id" =', '"members_member"."status" =', "!quietmembersview"),),
    ),
    QueryClass("member by email", "not stated", 1000, "slow is > 1 s", (("memberbyemailview",),)),
    QueryClass("recent members", "not stated", 1000, "slow is > 1 s", (("newestmembersview",),)),
    QueryClass(
        "reports of a chapter and month",
        "not stated",
        1000,
        "slow is > 1 s",
        (('from "reports_monthlyreport"', '"chapter_id" =', "period"),),
    ),
    QueryClass("members who were quiet", "not stated", 1000, "slow is > 1 s", (("quietmembersview",),)),
    QueryClass("statements of a month", "not stated", 1000, "slow is > 1 s", (("statementsheetview",),)),
    QueryClass("activity by kind", "not stated", 1000, "slow is > 1 s", (("activitybykindview",),)),
    QueryClass("logins by week", "not stated", 1000, "slow is > 1 s", (("loginsbyweekview",),)),
)
DAYLOG = (
    QueryClass("latest entries of a person", "not stated", 100, "< 100 ms", (("recententriesview",),)),
    QueryClass("recently edited entries", "not stated", 100, "< 100 ms", (("recentlyeditedview",),)),
    QueryClass("latest public entries", "not stated", 100, "< 100 ms", (("latestpublicview",),)),
    QueryClass("entries with a tag", "not stated", 100, "< 100 ms", (("select distinct", "journal_tag", "limit"),)),
    QueryClass("entries since a day", "not stated", 100, "< 100 ms", (("::date >=", "journal_journalentry", "limit"),)),
    QueryClass(
        "pages of entries",
        "not stated",
        100,
        "< 100 ms",
        (("journal_journalentry", "user_id", "order by", "limit 20 offset"),),
    ),
    QueryClass(
        "search in title and content",
        "not stated",
        500,
        "< 500 ms",
        (('upper("journal_journalentry"."content"::text) like', "order by"),),
        "it reads all entries of one person, a few of whom have thousands; a search column kept by the database (DL-03) makes"
        " that small, and was not advised here",
    ),
    QueryClass(
        "active writers",
        "not stated",
        100,
        "< 100 ms",
        (("activewritersview",),),
        "it counts all entries of a month: a kept aggregate, not an index, makes that small",
    ),
)
WELLBEING = (
    QueryClass(
        "user analytics: messages",
        "2–15 s",
        200,
        "50–200 ms",
        (("page_of", '"core_message"."user_hash" ='), ("<listcomp>", '"core_message"."user_hash" =')),
    ),
    QueryClass(
        "user analytics: dashboard", "2–15 s", 200, "50–200 ms", (("user_dashboard", "core_wellbeingaggregate"),)
    ),
    QueryClass("team dashboard", "5–30 s", 500, "100–500 ms", (("team_dashboard",),)),
    QueryClass(
        "analyses by sentiment, emotion, stress",
        "10–50 times too long",
        200,
        "50–200 ms",
        (
            ("core_messageanalysis", "created_at", 'sentiment" =', "limit 50"),
            ("core_messageanalysis", "created_at", 'emotion" =', "limit 50"),
        ),
    ),
    QueryClass(
        "channel comparison",
        "3–20 s",
        300,
        "80–300 ms",
        (("by_channel",),),
        "it averages the readings of weeks of all messages: no index makes that few rows; a kept aggregate by channel and day does",
    ),
    QueryClass(
        "messages of a channel",
        "not stated",
        300,
        "80–300 ms",
        (("<listcomp>", 'where ("core_message"."channel_id" ='),),
    ),
    QueryClass("alert queries", "1–8 s", 100, "20–100 ms", (("raise_alerts", "core_wellbeingaggregate"),)),
    QueryClass(
        "analyses of a period (AVG over the join)",
        "10–50 times too long",
        500,
        "100–500 ms",
        (("aggregation.py", "summary", "between"),),
        "it averages the readings of all messages of the period; only a kept aggregate makes that few rows",
    ),
    QueryClass(
        "messages that wait",
        "not stated",
        100,
        "20–100 ms",
        (("queue", "processing_status", "order by"),),
        "the planner goes through the advised index in the order of time, past all that do not wait, which only measuring shows; the"
        " document's own index (WB-01) avoids it, see below",
    ),
)
SPECIMENS = (
    Specimen("boltpromo", 1, "1 M events", 600, BOLTPROMO, ("core_event", "core_contactmessage")),
    Specimen("analyticbot", 4.472, "6.7 M post metrics", 150, ANALYTICBOT, ("post_metrics",)),
    Specimen("chapters", 1, "1 M events, 1.8 M attendances", 150, CHAPTERS, ("members_member",)),
    Specimen("daylog", 2, "2 M entries", 100, DAYLOG, ("journal_journalentry",)),
    Specimen("wellbeing", 5, "5 M messages", 60, WELLBEING, ("core_message", "core_messageanalysis"), draws=1),
    Specimen(
        "wellbeing",
        5,
        "5 M messages, with the document's index for messages that wait",
        60,
        WELLBEING,
        ("core_message",),
        draws=1,
        more=(
            (
                "CREATE INDEX message_status_created ON core_message (processing_status, created_at)",
                "DROP INDEX message_status_created",
            ),
        ),
        only=("queue", "analyze_pending", "ingest.py"),
    ),
    Specimen("boltpromo", 10, "10 M events", 200, BOLTPROMO, ("core_event", "core_contactmessage")),
    Specimen("chapters", 10, "10 M events, 18 M attendances", 60, CHAPTERS, ("members_member",)),
)


class Cluster:
    """A cluster of its own in a folder, kept from run to run."""

    def __init__(self, folder: Path) -> None:
        self.binaries = choose(15)
        self.data = folder / "pg15"
        if not (self.data / "PG_VERSION").exists():
            self.data.mkdir(parents=True, exist_ok=True)
            self._as_owner("chown", "postgres", str(self.data), root=True)
            self._pg("initdb", "-D", str(self.data), "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-U", "postgres")
            lines = "".join(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
            with (self.data / "postgresql.conf").open("a") as file:
                file.write(lines)
        if self._pg("pg_ctl", "-D", str(self.data), "status", check=False):
            self.restart()

    def conninfo(self, dbname: str = "postgres") -> str:
        return f"host=127.0.0.1 port={PORT} user=postgres dbname={dbname}"

    def restart(self, settings: Mapping[str, str | int | float] | None = None) -> None:
        # Autovacuum would come by one copy and not by the other.
        self._given = {"autovacuum": "off"} | getattr(self, "_given", {}) | dict(settings or {})
        given = ["-o", " ".join(f"-c {name}={value}" for name, value in self._given.items())]
        running = not self._pg("pg_ctl", "-D", str(self.data), "status", check=False)
        self._pg(
            "pg_ctl",
            "-D",
            str(self.data),
            "-l",
            str(self.data / "log"),
            "-w",
            *given,
            "restart" if running else "start",
        )

    def plain(self) -> None:
        """Restart with the settings of the file alone."""
        self._given = {}
        self.restart()

    def stop(self) -> None:
        self._pg("pg_ctl", "-D", str(self.data), "-w", "stop")

    def execute(self, text: str, dbname: str = "postgres") -> None:
        with psycopg.connect(self.conninfo(dbname), autocommit=True) as connection:
            connection.execute(text.encode())

    def databases(self) -> set[str]:
        with psycopg.connect(self.conninfo()) as connection:
            return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}

    def _pg(self, program: str, *arguments: str, check: bool = True) -> int:
        return self._as_owner(str(self.binaries.bin_dir / program), *arguments, check=check)

    def _as_owner(self, *command: str, root: bool = False, check: bool = True) -> int:
        before = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 and not root else []
        return subprocess.run(
            [*before, *command], check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ).returncode


def run(specimen: Specimen, cluster: Cluster, work: Path) -> None:
    """All steps that were not done yet."""
    key = specimen.key
    if (work / f"{specimen.result}.proof.json").exists():
        return
    if not (work / f"{key}.json").exists():
        load(specimen, cluster, work)
    if not (work / f"{key}.advice.json").exists():
        arguments = [
            "advise",
            "--snapshot",
            str(work / f"{key}.json"),
            "--captured",
            str(work / f"{key}.jsonl"),
            "--format",
            "json",
        ]
        dbwright([*arguments, "-o", str(work / f"{key}.advice.json"), str(specimen.folder)], dict(os.environ))
    if key not in cluster.databases():
        load(specimen, cluster, work)
    proof = measured(specimen, cluster, work)
    (work / f"{specimen.result}.proof.json").write_bytes(msgspec.json.format(msgspec.json.encode(proof), indent=1))


def load(specimen: Specimen, cluster: Cluster, work: Path) -> None:
    """Migrate, fill, capture the workload, take the snapshot."""
    key, folder = specimen.key, specimen.folder
    if key in cluster.databases():
        cluster.execute(f"DROP DATABASE {key}")
    cluster.execute(f"CREATE DATABASE {key}")
    cluster.execute("CREATE EXTENSION pg_stat_statements", key)
    environment = os.environ | {
        "DB_HOST": "127.0.0.1", "DB_PORT": str(PORT), "DB_USER": "postgres", "DB_PASSWORD": "x", "DB_NAME": key,
        "DATABASE_URL": f"postgresql://postgres:x@127.0.0.1:{PORT}/{key}", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    scale = f"{specimen.scale:g}"
    if specimen.name == "analyticbot":
        steps = [["-m", "analyticbot.migrate"], ["-m", "analyticbot.load", "--scale", scale]]
        workload = ["-m", "analyticbot.workload"]
    else:
        steps = [["manage.py", "migrate", "--verbosity", "0"], ["manage.py", "load_specimen", "--scale", scale]]
        workload = ["manage.py", "run_workload"]
    for step in steps:
        subprocess.run([sys.executable, *step], cwd=folder, env=environment, check=True)
    cluster.execute("VACUUM (ANALYZE)", key)
    capture = ["-m", "dbwright.capture", "-o", str(work / f"{key}.jsonl"), *workload]
    subprocess.run(
        [sys.executable, *capture, "--requests", str(specimen.requests), "--seed", "1"],
        cwd=folder,
        env=environment,
        check=True,
    )
    cluster.execute("VACUUM (ANALYZE)", key)
    dbwright(
        ["snapshot", str(folder), "--db", environment["DATABASE_URL"], "-o", str(work / f"{key}.json")], environment
    )


def dbwright(arguments: list[str], environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-m", "dbwright", *arguments], env=environment, check=True)


def measured(specimen: Specimen, cluster: Cluster, work: Path) -> Proof:
    """The two copies: the specimen's database itself and one made of it, which is gone afterwards."""
    key = specimen.key
    after = f"{key}_after"
    if after in cluster.databases():
        cluster.execute(f"DROP DATABASE {after} WITH (FORCE)")
    cluster.plain()
    cluster.execute("VACUUM", key)
    cluster.execute("CHECKPOINT")
    cluster.execute(f"CREATE DATABASE {after} TEMPLATE {key} STRATEGY file_copy")
    copies = Copies(
        cluster.conninfo(key),
        cluster.conninfo(after),
        cluster,
        f"the specimen {specimen.name} with {specimen.volume}, as its loader fills it",
    )
    calls = read_calls([work / f"{key}.jsonl"])[0]
    advice = work / f"{key}.advice.json"
    proposal = changes.of_advice(advice)
    if specimen.more:
        more = changes.of_statements([text for text, _ in specimen.more], "more")
        proposal = replace(
            proposal,
            title=f"{proposal.title}, and {'; '.join(text for text, _ in specimen.more)}",
            forward=(*proposal.forward, *more.forward),
            backward=(*(back for _, back in reversed(specimen.more)), *proposal.backward),
            tables=tuple(dict.fromkeys((*proposal.tables, *more.tables))),
        )
    read = read_captured([work / f"{key}.jsonl"])
    origins = {row.sql: text_of(row) for row in calls}
    at_place: dict[str, list[str]] = {}
    for statement in read.statements:
        at_place.setdefault(statement.origin, []).append(origins[statement.sql])
    rewritten = {
        at_place[place][0]: text for place, text in proposal.rewritten.items() if len(at_place.get(place, ())) == 1
    }
    named = tuple(replace(row, origin=origins[row.sql]) for row in read.statements)
    if specimen.only:
        named = tuple(row for row in named if any(word in row.origin for word in specimen.only))
    try:
        return prove(
            copies,
            replace(proposal, rewritten=rewritten),
            Workload(named, {row.sql: row.values for row in calls}, read.problems),
            effort=Effort(draws=specimen.draws, seconds=specimen.seconds, limit_seconds=60),
            seed=1,
            progressed=lambda step, share: print(f"\r{share:5.0%} {step[:100]:100}", end="", file=sys.stderr),
            interrupted=lambda: False,
            like=snapshots.load(work / f"{key}.json"),
        )
    finally:
        cluster.plain()
        cluster.execute(f"DROP DATABASE IF EXISTS {after} WITH (FORCE)")


def text_of(row: CapturedCalls) -> str:
    """A name that no other statement of the capture has: place, function, and a digest of the text."""
    from hashlib import sha256

    place = f"{row.places[0][0]}:{row.places[0][1]} {row.places[0][2]}" if row.places else "?"
    return f"{place} #{sha256(row.sql.encode()).hexdigest()[:6]}"


@dataclass
class Measured:
    """What a class of queries came to: sums over its statements, weighted alike."""

    row: QueryClass
    statements: list[ProvedStatement] = field(default_factory=list)

    def side(self, name: str, kind: str = "warm") -> Interval | None:
        """The mean over the class's statements of a request."""
        found = [getattr(getattr(row, name), kind) for row in self.statements]
        known = [interval for interval in found if interval]
        if not known:
            return None
        return Interval(
            fmean(i.median for i in known), fmean(i.low for i in known), fmean(i.high for i in known),
            sum(i.runs for i in known), any(i.open for i in known),
        )  # fmt: skip

    @property
    def verdict(self) -> str:
        counts = {v: sum(row.verdict == v for row in self.statements) for v in ("faster", "slower", "inside noise")}
        told = [f"{count} {name}" for name, count in counts.items() if count]
        return ", ".join(told) if len(self.statements) > 1 else (self.statements[0].verdict if self.statements else "")


def classes_of(specimen: Specimen, proof: Proof) -> Iterator[Measured]:
    for row in specimen.classes:
        found = [
            statement
            for statement in proof.statements
            if any(_has(f"{statement.origin} {statement.sql}".lower(), words) for words in row.words)
        ]
        yield Measured(row, found)


def _has(text: str, words: Iterable[str]) -> bool:
    return all((word[1:] not in text) if word.startswith("!") else (word in text) for word in words)


def page(work: Path) -> str:
    """`docs/proofs.md`, of the proofs that are there."""
    return "\n".join(_page(work)) + "\n"


def _page(work: Path) -> Iterator[str]:
    yield "# What was proven of the specimens"
    yield ""
    yield (
        "Written by `benchmarks/prove_specimens.py`. Each specimen at the volume its document states, two also at ten times: all that"
        " `dbwright advise` advised for the captured workload, applied to one of two equal copies, both measured in turn, then taken back."
    )
    yield (
        "Milliseconds of a statement as the client waits for it, median with its interval of at least 95 %; a class of several statements:"
        " their mean. The figures of the documents are their own, of other machines, mostly estimated. Cold runs are those after"
        " a restart with 16 MB of shared buffers; the operating system's cache was not dropped."
    )
    yield ""
    for specimen in SPECIMENS:
        path = work / f"{specimen.result}.proof.json"
        if path.exists():
            yield from _section(specimen, msgspec.json.decode(path.read_bytes(), type=Proof))


def _section(specimen: Specimen, proof: Proof) -> Iterator[str]:
    verdicts: tuple[Verdict, ...] = ("faster", "slower", "inside noise", "no interval", "failed")
    counts = ", ".join(f"{len(proof.having(v))} {v}" for v in verdicts if proof.having(v))
    before, after = proof.total("before"), proof.total("after")
    yield f"## {specimen.name}, {specimen.volume}"
    yield ""
    machine = proof.machine
    yield (
        f"{proof.taken_at[:10]}, PostgreSQL {proof.server.split(' ')[0]}, {machine.processor}, {machine.cores} cores,"
        f" load {machine.load_before:g} to {machine.load_after:g}; {proof.title};"
        f" {len(proof.statements)} statements: {counts}. Two equal copies differed by {proof.noise or 0:.1%} in the middle."
    )
    if before and after and before.median:
        yield (
            f"The whole workload by its calls: {before.median:,.0f} ({before.low:,.0f}–{before.high:,.0f}) ms before, {after.median:,.0f}"
            f" ({after.low:,.0f}–{after.high:,.0f}) after."
        )
    same = sum(row.answers in ("same", "same rows, ties cut otherwise") for row in proof.statements)
    yield f"{same} of {len(proof.statements)} give the same rows. {_reversal(proof)}"
    yield ""
    yield "| class of queries | document: before, target | before, ms | after, ms | verdict | cold: before → after | target |"
    yield "| --- | --- | ---: | ---: | --- | ---: | --- |"
    for found in classes_of(specimen, proof):
        if found.statements or not specimen.only:
            yield _class(found)
    yield ""
    yield from _slower(proof)
    yield from _ingest(specimen, proof)


def _class(found: Measured) -> str:
    row = found.row
    if not found.statements:
        return f"| {row.name} | {row.before}, {row.told or 'none'} | – | – | not in the captured workload | – | – |"
    before, after = found.side("before"), found.side("after")
    cold = f"{time_text(found.side('before', 'cold'))} → {time_text(found.side('after', 'cold'))}"
    met = "none stated"
    if row.target is not None and after is not None:
        slowest = max((s.after.warm.high for s in found.statements if s.after.warm), default=after.high)
        met = f"met ({row.told})" if slowest <= row.target else f"**not met** ({row.told}): {row.reason or _why(found)}"
    times = f"{time_text(before)} | {time_text(after)} | {found.verdict} | {cold}"
    return f"| {row.name} | {row.before}, {row.told or 'none'} | {times} | {met} |"


def _why(found: Measured) -> str:
    """What the slowest statement still does."""
    worst = max(found.statements, key=lambda row: row.after.warm.median if row.after.warm else 0.0)
    if worst.after.warm and found.row.target and worst.after.warm.median <= found.row.target:
        return "the median meets it, the interval on this loaded machine reaches beyond"
    return f"it still touches {worst.after.buffers or 0:,.0f} blocks for {worst.after.rows or 0:,.0f} rows"


def _slower(proof: Proof) -> Iterator[str]:
    """What became slower: the advice is made of estimates."""
    slower = proof.having("slower")
    if slower:
        yield "Slower than before:"
        yield ""
    for row in slower:
        new = [name for name in row.after.indexes if name not in row.before.indexes]
        by = (
            f", now by {', '.join(new)}"
            if new
            else ", by the same plan"
            if not row.plan_changed
            else ", by another plan"
        )
        yield f"- {row.origin.partition(' #')[0]}: {time_text(row.before.warm)} to {time_text(row.after.warm)} ms{by}"
    if slower:
        yield ""


def _reversal(proof: Proof) -> str:
    reversal = proof.reversal
    if reversal is None or reversal.catalog_same is None:
        return f"Not taken back: {reversal.problem if reversal else 'not tried'}."
    plans = f"of {reversal.plans_compared} plans {len(reversal.plans_other)} were other ones than those of the untouched copy"
    return f"Taken back, the catalog was {'as before' if reversal.catalog_same else 'NOT as before'}, {plans}."


def _ingest(specimen: Specimen, proof: Proof) -> Iterator[str]:
    grown = proof.bytes_after - proof.bytes_before
    seconds = sum(row.seconds for row in proof.applied)
    yield (
        f"The change took {seconds:,.0f} s and {'added' if grown >= 0 else 'freed'} {bytes_text(abs(grown))} to"
        f" {bytes_text(proof.bytes_before)}."
        " What writing a row costs, in batches of up to 1,000:"
    )
    yield ""
    yield "| write | before, µs | after, µs | verdict | WAL, bytes | HOT |"
    yield "| --- | ---: | ---: | --- | ---: | ---: |"
    for row in sorted(proof.writes, key=lambda w: not any(name in w.table for name in specimen.ingest)):
        hot = (
            f"{row.hot_before:.0%} → {row.hot_after:.0%}"
            if row.hot_before is not None and row.hot_after is not None
            else "–"
        )
        what = row.what.replace(" of rows like those that are there", "").removesuffix(f" into {row.table}")
        times = (
            f", {row.after.median / row.before.median:.2f} times the time"
            if row.verdict in ("faster", "slower")
            else ""
        )
        yield (
            f"| {what}: {row.table} | {time_text(row.before)} | {time_text(row.after)} | {row.verdict}{times} | {row.wal_before:,.0f} →"
            f" {row.wal_after:,.0f} | {hot} |"
        )
    yield ""


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--page", type=Path, help="write the page of what was measured, and measure nothing")
    parser.add_argument("--stop", action="store_true", help="stop the cluster at the end")
    given = parser.parse_args(list(arguments) if arguments is not None else None)
    if given.page:
        given.page.write_text(page(given.work))
        return
    chosen = [s for s in SPECIMENS if not given.only or s.result in given.only]
    if any(not (given.work / f"{s.result}.proof.json").exists() for s in chosen):
        cluster = Cluster(given.work)
        for specimen in chosen:
            run(specimen, cluster, given.work)
            print(f"\n{specimen.result} proven with dbwright {__version__}", file=sys.stderr)
        if given.stop:
            cluster.stop()
    print(json.dumps([s.result for s in chosen]))


if __name__ == "__main__":
    main()
