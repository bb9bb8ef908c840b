"""A query's plan for people: as text, and as a picture in one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence

from dbwright.model.query_plan import Plan, Step, steps
from dbwright.plaintext import one_line
from dbwright.report.page import harmless, page

_LONGEST = 110
_WIDTH, _ROW = 1160, 40
_COLOURS = {
    "Seq Scan": "#d9534f",
    "Sort": "#e8943a",
    "Index Scan": "#3a8f5c",
    "Index Only Scan": "#2f7d8f",
    "Bitmap": "#5b8c3a",
}


def text(plan: Plan) -> str:
    """A line for each node: its share of the cost, what it does, rows, and what it looks for."""
    rows = steps(plan)
    total = sum(step.own for step in rows) or 1.0
    lines = [_costs(plan), ""]
    for step in rows:
        indent = "  " * step.depth
        times = f" x {step.times:,.0f}" if step.times > 1.5 else ""
        figures = f"{float(step.node['Total Cost']):,.1f}, {float(step.node['Plan Rows']):,.0f} rows{times}"
        lines.append(f"{step.own / total:5.0%}  {indent}{_cut(step.title)}  [{figures}]")
        if step.condition:
            lines.append(f"       {indent}  {_cut(step.condition)}")
    lines += ["", dominating(plan)]
    return "\n".join(lines)


def _costs(plan: Plan) -> str:
    return f"cost {plan.cost:,.1f}, about {plan.rows:,.0f} rows"


def dominating(plan: Plan) -> str:
    """The sentence that says what the plan's cost goes to."""
    rows = steps(plan)
    total = sum(step.own for step in rows) or 1.0
    first = max(rows, key=lambda step: step.own)
    return f"{first.own / total:.0%} of the cost is {_cut(first.title)}" + (
        f", {first.times:,.0f} times." if first.times > 1.5 else "."
    )


def pictures(title: str, plans: Sequence[tuple[str, Plan]]) -> str:
    """A page with a picture of each plan: every box a node, as wide as its share of the cost."""
    parts = (
        f"<h2>{harmless(name)}</h2><p>{harmless(_costs(plan))} · {harmless(dominating(plan))}</p>"
        f"{picture(plan)}<pre>{harmless(text(plan))}</pre>"
        for name, plan in plans
    )
    return page(title, "\n".join(parts))


def picture(plan: Plan) -> str:
    """The tree as SVG: children below their parent, widths by cost."""
    rows = steps(plan)
    below = [0.0] * len(rows)
    for position in range(len(rows) - 1, -1, -1):
        below[position] += max(rows[position].own, plan.cost * 0.002)
        parent = _parent(rows, position)
        if parent is not None:
            below[parent] += below[position]
    scale = _WIDTH / below[0]
    left = [0.0] * len(rows)
    taken = [0.0] * len(rows)
    boxes = []
    for position, step in enumerate(rows):
        parent = _parent(rows, position)
        if parent is not None:
            left[position] = left[parent] + taken[parent]
            taken[parent] += below[position] * scale
        boxes.append(_box(step, left[position], below[position] * scale, step.own / plan.cost if plan.cost else 0.0))
    height = (max(step.depth for step in rows) + 1) * _ROW
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="plan">{"".join(boxes)}</svg>'


def _parent(rows: Sequence[Step], position: int) -> int | None:
    depth = rows[position].depth
    return next((p for p in range(position - 1, -1, -1) if rows[p].depth < depth), None)


def _box(step: Step, x: float, width: float, share: float) -> str:
    kind = str(step.node["Node Type"])
    colour = next((value for name, value in _COLOURS.items() if kind.startswith(name)), "#6b7a90")
    tip = f"{step.title}\n{step.condition}\n{share:.0%} of the cost, {float(step.node['Plan Rows']):,.0f} rows"
    y = step.depth * _ROW
    label = f"{step.title} {share:.0%}"[: int(width / 6.6)] if width > 40 else ""
    return (
        f'<g><title>{harmless(tip)}</title><rect x="{x:.1f}" y="{y}" width="{max(width - 1, 0.5):.1f}" height="{_ROW - 2}" rx="3"'
        f' fill="{colour}"/><text x="{x + 5:.1f}" y="{y + 24}" font-size="12" fill="#fff" font-family="system-ui,sans-serif">'
        f"{harmless(label)}</text></g>"
    )


def _cut(words: str) -> str:
    words = one_line(words)
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
