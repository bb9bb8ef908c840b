"""Tell what a rule looks for, why it matters, and when to ignore it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dbwright.rules import Rule


@click.command("explain")
@click.argument("rule", required=False)
def command(rule: str | None) -> int:
    """Tell what a rule looks for, why it matters, and when to ignore it. Without a rule: list them all."""
    from difflib import get_close_matches

    from dbwright import rules
    from dbwright.options import unknown_rule

    if rule is None:
        for name in rules.names():
            click.echo(f"{name:<45} {rules.load(name).title}")
        return 0
    if rule not in rules.names():
        raise unknown_rule(rule, get_close_matches(rule, rules.names(), 1, 0.5))
    click.echo(page(rules.load(rule)))
    return 0


def page(rule: Rule) -> str:
    """The rule's page as Markdown; also what ``docs/rules`` holds."""
    from dbwright.ranking import WEIGHTS, severity

    limits = [f"* `{name}` = {value:,.12g}" for name, value in rule.limits.items()]
    worst = severity(WEIGHTS[rule.risk])
    since = f", PostgreSQL {rule.minimum_major} and later" if rule.minimum_major else ""
    lines = [
        f"# {rule.id}",
        "",
        rule.title,
        "",
        f"Risk: {rule.risk} (at most {worst}). For {' and '.join(rule.engines)}{since}. Needs {', '.join(rule.needs) or 'nothing'}.",
        "",
        "## Why it matters",
        "",
        rule.why,
        "",
        "## When to ignore",
        "",
        rule.when_to_ignore,
        "",
        f'Accept one with a reason in pyproject.toml: `[tool.dbwright] ignore = [{{rule = "{rule.id}", object = "…", reason = "…"}}]`.',
    ]
    if limits:
        lines += ["", "## Limits", "", *limits]
    return "\n".join(lines)
