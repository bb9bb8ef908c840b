"""Write the generated pages: ``python docs/generate.py``; with ``--check`` only compare, and exit with 1 on a difference.

From the rules: ``docs/rules/`` (a page for each rule, and the list of them by area). From the commands: ``docs/cli.md``.
From the checks on migrations: ``docs/migration-checks.md``.
From the rules and ``docs/field_checks.toml``: ``src/dbwright/rules/README.md``, the score against the checks of the field.
"""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from dbwright import cli, rules
from dbwright.commands.explain import page
from dbwright.safety import checks as safety

ROOT = Path(__file__).resolve().parent.parent
FIELD = ROOT / "docs" / "field_checks.toml"
PAGES = ROOT / "docs" / "rules"
SCORE = ROOT / "src" / "dbwright" / "rules" / "README.md"
CLI = ROOT / "docs" / "cli.md"
MIGRATIONS = ROOT / "docs" / "migration-checks.md"
LEDGER_ROW = re.compile(r"([A-Z]{2})-(\d\d)")
GENERATED = "<!-- Written by docs/generate.py: change what it reads, then run it. -->\n"


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the field. ``reason``: why it is left out, unless a rule covers it; ``own_reason``: the reason is its own,
    not its category's nor that of its inputs."""

    name: str
    category: str
    needs: str
    reason: str | None
    own_reason: bool


@cache
def field() -> dict[str, Any]:
    return tomllib.loads(FIELD.read_text(encoding="utf-8"))


@cache
def checks() -> tuple[Check, ...]:
    found = []
    for category in field()["categories"]:
        own = category.get("left-out", {})
        for name, needs in category["checks"].items():
            reason = own.get(name) or category.get("reason") or field()["reasons"].get(needs)
            found.append(Check(name, category["name"], needs, reason, name in own))
    return tuple(found)


@cache
def covered() -> dict[str, tuple[str, ...]]:
    """Names in COVERS, each with the ids of the rules, and of the checks on migrations, that have it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for rule in rules.load_all():
        for name in rule.covers:
            found[name].append(rule.id)
    for check in safety.checks().values():
        for name in check.covers:
            if check.id not in found[name]:
                found[name].append(check.id)
    return {name: tuple(ids) for name, ids in found.items()}


def mistakes() -> list[str]:
    """What does not fit between COVERS and ``field_checks.toml``."""
    known = {check.name for check in checks()}
    found = [
        f"{', '.join(ids)}: COVERS names {name}, which is neither a check of the field nor a row of the ledger"
        for name, ids in covered().items()
        if name not in known and not _is_ledger_row(name)
    ]
    for category in field()["categories"]:
        strangers = set(category.get("left-out", {})) - set(category["checks"])
        found += [f"{FIELD.name}: {name} is left out of {category['name']}, but not in it" for name in strangers]
    for check in checks():
        if check.name in covered() and check.own_reason:
            found.append(
                f"{check.name} is covered by {', '.join(covered()[check.name])} and has a reason to be left out"
            )
        if check.name not in covered() and not check.reason:
            found.append(f"{check.name} is neither covered nor has it a reason to be left out")
    return sorted(found)


def _is_ledger_row(name: str) -> bool:
    match = LEDGER_ROW.fullmatch(name)
    return bool(match) and 0 < int(match[2]) <= field()["ledger"]["rows"].get(match[1], 0)


def generated() -> dict[Path, str]:
    """Every generated file with its text."""
    files = {PAGES / f"{rule.id}.md": page(rule) + "\n" for rule in rules.load_all()}
    return files | {PAGES / "README.md": index(), CLI: command_line(), SCORE: score(), MIGRATIONS: migrations()}


def differences() -> list[Path]:
    """Generated files that are missing, old, or not generated any more."""
    files = generated()
    changed = [path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    return sorted(changed + [path for path in PAGES.rglob("*.md") if path not in files])


def index() -> str:
    lines = [GENERATED, "# Rules by area", ""]
    for area, members in groupby(rules.load_all(), key=lambda rule: rule.area):
        lines += [f"## {area}", ""]
        lines += [f"* [{rule.id}]({rule.id}.md): {rule.title}" for rule in members]
        lines.append("")
    return "\n".join(lines)


def command_line() -> str:
    group = cli.dbwright
    context = click.Context(group, info_name="dbwright")
    lines = [
        GENERATED,
        "# The command line",
        "",
        inspect.cleandoc(group.help or ""),
        "",
        f"Each command takes {', '.join(f'`{name}`' for name in group.context_settings['help_option_names'])}.",
        "",
        "| command | what it does |",
        "| --- | --- |",
    ]
    commands = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
    for name, command in commands:
        lines.append(f"| [`{name}`](#dbwright-{name}) | {_cell(inspect.cleandoc(command.help).splitlines()[0])} |")
    for name, command in commands:
        inside = click.Context(command, context, name)
        if isinstance(command, click.Group):
            lines += ["", f"## dbwright {name}", "", inspect.cleandoc(command.help or "")]
            for verb in command.list_commands(inside):
                part = command.get_command(inside, verb)
                assert part is not None
                lines += ["", f"### dbwright {name} {verb}", "", *_command(part, click.Context(part, inside, verb))]
        else:
            lines += ["", f"## dbwright {name}", "", *_command(command, inside)]
    return "\n".join(lines) + "\n"


def _command(command: click.Command, context: click.Context) -> list[str]:
    arguments = [p.make_metavar(context) for p in command.params if isinstance(p, click.Argument)]
    # Without the help option: click keeps it with the names of whoever asked first in this process.
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    lines = [
        inspect.cleandoc(command.help or ""),
        "",
        f"    {' '.join([context.command_path, '[OPTIONS]', *arguments])}",
        "",
    ]
    lines += ["| option | meaning |", "| --- | --- |"]
    for option in options:
        names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len))
        value = "" if option.is_flag else f" `{option.make_metavar(context)}`"
        shown = option.show_default and isinstance(option.default, str)
        default = f" [default: {option.default}]" if shown else ""
        lines.append(_cell(names + value, option.help + default if option.help else default))
    return lines


def _cell(*texts: str) -> str:
    cells = [" ".join(text.split()).replace("|", "\\|") for text in texts]
    return cells[0] if len(cells) == 1 else f"| {' | '.join(cells)} |"


def score() -> str:
    return "\n".join(
        [GENERATED, "# The rules, and what of the field they cover", "", *_totals(), *_beyond(), *_ledger(), *_checks()]
    )


def _totals() -> list[str]:
    total = Counter(check.category for check in checks())
    done = Counter(check.category for check in checks() if check.name in covered())
    areas = Counter(rule.area for rule in rules.load_all())
    return [
        f"**{areas.total()} rules cover {done.total()} of the {total.total()} checks** that 63 tools of the field make between them.",
        "Each of the others stands below with the reason why it is left out.",
        "Each rule is proven by samples on a real server: `tests/rules/`.",
        "",
        "To cover a check means that a rule finds the defect that the check is about, judged by sizes, use and version:",
        "where the other tool speaks at the sight of a shape, the rule may well be silent.",
        "",
        "| area | rules |",
        "| --- | ---: |",
        *(f"| [{area}](../../../docs/rules/README.md#{area}) | {count} |" for area, count in sorted(areas.items())),
        "",
        "| category of the field | covered | checks |",
        "| --- | ---: | ---: |",
        *(f"| [{category}](#{_anchor(category)}) | {done[category]} | {count} |" for category, count in total.items()),
        f"| **total** | **{done.total()}** | **{total.total()}** |",
        "",
    ]


def _beyond() -> list[str]:
    known = {check.name for check in checks()}
    lines = ["## Rules without a counterpart in the field", ""]
    lines += [f"* {_link(r.id)}: {r.title}" for r in rules.load_all() if not known & set(r.covers)]
    return [*lines, ""]


def _ledger() -> list[str]:
    ledger = field()["ledger"]
    names = sorted({name for name in covered() if _is_ledger_row(name)} | set(ledger["elsewhere"]), key=_ledger_order)
    lines = [
        "## Rows of the ledger",
        "",
        f"The ledger holds {sum(ledger['rows'].values())} things that five audits made by hand did.",
        f"{len(names)} of them have a part that rules or reports show:",
        "",
        "| row | what it asks for | shown by |",
        "| --- | --- | --- |",
    ]
    for name in names:
        by = [_link(rule) for rule in covered().get(name, ())]
        by += [f"({ledger['elsewhere'][name]})"] if name in ledger["elsewhere"] else []
        lines.append(f"| {name} | {ledger['titles'].get(name, '')} | {' '.join(by)} |")
    return [*lines, ""]


def _ledger_order(name: str) -> tuple[int, str]:
    return list(field()["ledger"]["rows"]).index(name[:2]), name


def _checks() -> list[str]:
    lines = ["## Checks of the field", ""]
    for category, members in groupby(checks(), key=lambda check: check.category):
        lines += [f"### {category}", "", "| check | needs | covered by, or left out because |", "| --- | --- | --- |"]
        for check in members:
            by = " ".join(_link(rule) for rule in covered().get(check.name, ()))
            lines.append(f"| {check.name} | {check.needs} | {by or check.reason} |")
        lines.append("")
    return lines


def migrations() -> str:
    """The checks of ``dbwright migrations check``, and the checks of the field on migrations that are left out."""
    lines = [
        GENERATED,
        "# What `dbwright migrations check` finds",
        "",
        "How it looks, and what it assumes: `migrations.md`.",
        "",
    ]
    lines += ["| finding | severity | because | checks of the field |", "| --- | --- | --- | --- |"]
    for check in safety.checks().values():
        lines.append(_cell(f"`{check.id}`", check.severity, check.why, ", ".join(check.covers)))
    left = [check for check in checks() if check.category == "Migration safety & locks" and check.name not in covered()]
    lines += ["", "## Left out", "", "| check of the field | because |", "| --- | --- |"]
    return "\n".join([*lines, *(_cell(check.name, check.reason or "") for check in left)]) + "\n"


def _link(rule: str) -> str:
    if rule in safety.checks() and rule not in rules.names():
        return f"[{rule}](../../../docs/migration-checks.md)"
    return f"[{rule}](../../../docs/rules/{rule}.md)"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def write() -> None:
    files = generated()
    for path in differences():
        if path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
        else:
            path.unlink()


def main(arguments: list[str]) -> int:
    if wrong := mistakes():
        print("\n".join(wrong), file=sys.stderr)
        return 1
    if arguments != ["--check"]:
        write()
        return 0
    changed = differences()
    for path in changed:
        print(f"{path.relative_to(ROOT)} is not up to date: run python docs/generate.py", file=sys.stderr)
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
