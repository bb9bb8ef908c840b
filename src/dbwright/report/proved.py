"""A proof for people: Markdown, text, HTML. What is inside noise is called so, and no gain stands without its interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dbwright.model.proved import Interval, Proof, ProvedStatement, WriteCost
from dbwright.model.wording import bytes_text, counted, duration, listed
from dbwright.plaintext import clean, one_line
from dbwright.report.page import harmless, page
from dbwright.source.sql import CannotTakeApart, take_apart

_LONGEST = 110
MOST_SHOWN = 10
"""Rows of a kind in a terminal; Markdown and JSON have all."""


def markdown(proof: Proof, again: str = "") -> str:
    """The whole proof. ``again`` is the command that measures it anew."""
    return "\n".join(clean(line) for line in _lines(proof, again)) + "\n"


def text(proof: Proof, again: str = "") -> str:
    """The same for a terminal: of what stayed as it was the heaviest only."""
    return _plain(_lines(proof, again, MOST_SHOWN))


def _plain(lines: Iterable[str]) -> str:
    return "".join(clean(line).removeprefix("## ").removeprefix("# ") + "\n" for line in lines)


def html(proof: Proof, again: str = "") -> str:
    """The same as a page of its own."""
    return page(f"Proof: {proof.title}", f"<pre>{harmless(_plain(_lines(proof, again)))}</pre>")


def _cut(lines: Sequence[str], most: int | None) -> Iterator[str]:
    """The first lines, and how many are left out."""
    yield from lines[:most]
    if most is not None and len(lines) > most:
        yield f"- and {len(lines) - most} more: --format markdown"


def _lines(proof: Proof, again: str, most: int | None = None) -> Iterator[str]:
    yield f"# {headline(proof)}"
    yield ""
    yield f"{proof.title}, tried on {proof.data}."
    yield (
        f"PostgreSQL {proof.server}, {proof.taken_at}, {proof.machine.processor}, {counted(proof.machine.cores, 'core')},"
        f" load {proof.machine.load_before:g} to {proof.machine.load_after:g}; {duration(proof.seconds)}."
    )
    if proof.interrupted:
        yield "Interrupted: this is what was measured until then."
    yield ""
    yield from _statements(proof, most)
    yield from _answers(proof)
    yield from _writes(proof.writes)
    yield from _cost(proof)
    yield from _back(proof)
    if proof.skipped:
        yield f"## Not measured: {len(proof.skipped)}"
        yield ""
        yield from _cut([f"- {one_line(row.what)}: {one_line(row.reason)}" for row in proof.skipped], most)
        yield ""
    yield "## How"
    yield ""
    yield from _how(proof, most)
    if again:
        yield f"Measure it again: `{again}`"


def headline(proof: Proof) -> str:
    """The result in a sentence."""
    faster, slower, noise = (len(proof.having(v)) for v in ("faster", "slower", "inside noise"))
    parts = [f"{faster} faster", f"{slower} slower", f"{noise} inside noise"]
    if failed := len(proof.having("failed")):
        parts.append(f"{failed} failed")
    if unknown := len(proof.having("no interval")):
        parts.append(f"{unknown} without interval")
    head = f"Of {counted(len(proof.statements), 'statement')} {', '.join(parts)}"
    if proof.differing:
        head += f"; {counted(len(proof.differing), 'statement')} answer otherwise than before"
    return head


def _statements(proof: Proof, most: int | None) -> Iterator[str]:
    before, after = proof.total("before"), proof.total("after")
    if before and after:
        share = after.median / before.median if before.median else 1.0
        low, high = after.low / before.high, after.high / before.low if before.low else float("inf")
        verdict = " (inside noise)" if low <= 1 <= high else ""
        yield (
            f"The workload, each statement by its calls: {time_text(before)} before, {time_text(after)} after:"
            f" {share:.1%} of the time, {low:.1%} to {high:.1%}{verdict}."
        )
        yield ""
    cold = any(row.before.cold for row in proof.statements)
    yield "| statement | calls | before, ms | after, ms | verdict | blocks | plan |" + (" cold, ms |" if cold else "")
    yield "| --- | ---: | ---: | ---: | --- | ---: | --- |" + (" ---: |" if cold else "")
    noise = [row for row in proof.statements if row.verdict == "inside noise"]
    left_out = {id(row) for row in noise[most:]} if most is not None else set()
    for row in proof.statements:
        if id(row) in left_out:
            continue
        line = (
            f"| {_name(row)} | {row.calls:,.0f} | {time_text(row.before.warm)} | {time_text(row.after.warm)} | {verdict_of(row)} |"
            f" {_blocks(row)} | {_plan(row)} |"
        )
        yield line + (f" {time_text(row.before.cold)} → {time_text(row.after.cold)} |" if cold else "")
    if left_out:
        yield f"Of {len(noise)} inside noise the heaviest {most} are shown; --format markdown shows all."
    yield ""


def _name(row: ProvedStatement) -> str:
    name = f"{one_line(row.origin)}: {_about(row.sql)}" if row.origin else one_line(row.sql)
    name = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
    return name.replace("|", "\\|") + (" (written otherwise)" if row.rewritten else "")


def _about(sql: str) -> str:
    """What a statement does to which tables: a line of code may send several."""
    try:
        query = take_apart(sql)
    except CannotTakeApart:
        return one_line(sql)[:30]
    what = "count" if query.aggregates == ("count",) else query.verb
    return f"{what} {listed(dict.fromkeys(table.name for table in query.tables), 2)}"


def time_text(interval: Interval | None) -> str:
    """Milliseconds: a median with its interval."""
    if interval is None:
        return "–"
    if interval.open:
        return f"over {_figure(interval.median)}"
    return f"{_figure(interval.median)} ({_figure(interval.low)}–{_figure(interval.high)})"


def _figure(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def verdict_of(row: ProvedStatement) -> str:
    """The verdict with by how much, as a median and as the least that the intervals allow."""
    if row.verdict == "failed":
        side = "before" if row.before.error else "after"
        return f"failed {side}: {one_line(row.before.error or row.after.error or '')}".replace("|", "\\|")
    if row.ratio is None or row.at_least is None:
        return row.verdict
    if row.verdict == "faster":
        return f"**faster** {1 / row.ratio:.3g} times, at least {row.at_least:.3g}"
    return f"**slower** {row.ratio:.3g} times, at least {1 / row.at_least:.3g}"


def _blocks(row: ProvedStatement) -> str:
    if row.before.buffers is None or row.after.buffers is None:
        return "–"
    return f"{row.before.buffers:,.0f} → {row.after.buffers:,.0f}"


def _plan(row: ProvedStatement) -> str:
    if not row.plan_changed:
        return "same"
    new = [name for name in row.after.indexes if name not in row.before.indexes]
    return f"now by {', '.join(new[:2])}" if new else "another"


def _answers(proof: Proof) -> Iterator[str]:
    same = [row for row in proof.statements if row.answers in ("same", "same rows, ties cut otherwise")]
    ties = [row for row in same if row.answers != "same"]
    others = [row for row in proof.statements if row not in same]
    yield "## Answers"
    yield ""
    line = f"{len(same)} of {counted(len(proof.statements), 'statement')} give the same rows before and after"
    yield line + (f", {len(ties)} of them cut off other ones of equal rank at their LIMIT." if ties else ".")
    yield from (
        f"- **{one_line(row.origin)}: {row.answers}**" for row in others if row.answers in ("differ", "other order")
    )
    unknown = [row for row in others if row.answers not in ("differ", "other order")]
    yield from (f"- {one_line(row.origin)}: {row.answers}" for row in unknown)
    yield ""


def _writes(rows: Iterable[WriteCost]) -> Iterator[str]:
    rows = tuple(rows)
    if not rows:
        return
    yield "## What writing costs"
    yield ""
    yield "| write | before, µs a row | after, µs a row | verdict | WAL, bytes a row | HOT |"
    yield "| --- | ---: | ---: | --- | ---: | ---: |"
    for row in rows:
        hot = (
            f"{row.hot_before:.0%} → {row.hot_after:.0%}"
            if row.hot_before is not None and row.hot_after is not None
            else "–"
        )
        by = (
            f", {row.after.median / row.before.median:.2f} times the time"
            if row.verdict in ("faster", "slower")
            else ""
        )
        yield (
            f"| {one_line(row.what)} on {one_line(row.table)} | {time_text(row.before)} | {time_text(row.after)} | {row.verdict}{by} |"
            f" {row.wal_before:,.0f} → {row.wal_after:,.0f} | {hot} |".replace(f" on {row.table} |", " |", 1)
        )
    yield ""


def _cost(proof: Proof) -> Iterator[str]:
    yield "## What the change costs"
    yield ""
    grown = proof.bytes_after - proof.bytes_before
    seconds = sum(row.seconds for row in proof.applied)
    yield (
        f"{counted(len(proof.applied), 'statement')} in {duration(seconds)}, run once each and alone; the database"
        f" {'grew' if grown >= 0 else 'shrank'} from {bytes_text(proof.bytes_before)} by {bytes_text(abs(grown))}."
    )
    yield from (f"- {row.seconds:.2f} s, {bytes_text(row.bytes)}: `{one_line(row.sql)[:160]}`" for row in proof.applied)
    yield ""


def _back(proof: Proof) -> Iterator[str]:
    reversal = proof.reversal
    if reversal is None:
        return
    yield "## Taken back"
    yield ""
    if reversal.catalog_same:
        others = (
            f"{len(reversal.plans_other)} of them other: {', '.join(reversal.plans_other[:5])}"
            if reversal.plans_other
            else "all as before"
        )
        yield f"The catalog is as it was; {counted(reversal.plans_compared, 'plan')} compared, {others}."
    if reversal.problem:
        yield f"**{reversal.problem}**"
    for row in proof.findings:
        if not row.before:
            yield f"- {one_line(row.title)}: not found on the copy itself (what it rests on, such as counters, is not copied)"
        elif row.as_told:
            yield f"- {one_line(row.title)}: found, gone with the change, found again without it"
        else:
            now = "still found" if row.after else "gone with the change"
            back = {None: "not looked for afterwards", True: "found again", False: "**not found again**"}[row.back]
            yield f"- {one_line(row.title)}: {now}, {back}"
    yield ""


def _how(proof: Proof, most: int | None) -> Iterator[str]:
    yield (
        f"Two equal copies on one server, run in turn (A B, B A, …), {proof.repeats} runs of each of at most {counted(proof.draws, 'draw')}"
        " of parameters (fewer where it is slow), each in a transaction that is rolled back, timed as the client waits for it."
    )
    yield (
        "In brackets: the distribution-free interval of at least 95 % of the median (order statistics), over draws the means of their"
        " medians and ends. Inside noise: the intervals overlap, or the difference is no larger than that of the copies while they were"
        " equal."
    )
    if proof.noise is not None:
        yield f"Two equal copies differed by {proof.noise:.1%} in the middle of all statements."
    if proof.cold:
        yield f"Cold: {proof.cold}."
    yield f"Seed {proof.seed}. Settings: {', '.join(f'{name} {value}' for name, value in proof.settings)}."
    yield from _cut(proof.notes, most)
