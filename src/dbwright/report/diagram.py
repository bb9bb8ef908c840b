"""The relationship diagram: tables in layers from left to right, parents before children, as SVG made in plain Python.

The layout is that of Sugiyama: cycles are cut, tables are put into layers by their longest way from a root, long edges get
waypoints, and layers are ordered to keep edges short. The same report gives the same picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markupsafe import Markup, escape

from dbwright.plaintext import one_line
from dbwright.report.relations import Relation

MOST_TABLES = 40
_CHARACTER = 7.3
_BOX_HEIGHT, _ROW, _GAP, _MARGIN = 40, 54, 92, 12
_WAYPOINT_ROW = 16
_LONGEST_NAME = 34
_SWEEPS = 8


@dataclass(frozen=True, slots=True)
class Box:
    """A table to draw. ``mark`` is a severity for its left edge; ``rows`` weighs when not all can be drawn."""

    key: str
    name: str
    caption: str
    rows: int
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Diagram:
    """``svg`` is safe to embed; ``left_out`` counts related tables that were not drawn."""

    svg: Markup
    width: int
    shown: int
    left_out: int


@dataclass
class _Node:
    key: str
    layer: int
    box: Box | None
    width: float = 0.0
    x: float = 0.0
    y: float = 0.0
    before: list[_Node] = field(default_factory=list)
    after: list[_Node] = field(default_factory=list)

    @property
    def height(self) -> float:
        return _ROW if self.box else _WAYPOINT_ROW


def draw(boxes: Sequence[Box], relations: Sequence[Relation]) -> Diagram | None:
    """The diagram of the tables that relations tie; None when none does."""
    tied = Counter(name for r in relations for name in {r.parent_name, r.child_name})
    known = [box for box in boxes if tied[box.key]]
    chosen = sorted(known, key=lambda box: (-tied[box.key], -box.rows, box.key))[:MOST_TABLES]
    keys = {box.key for box in chosen}
    lines = [r for r in relations if r.parent_name in keys and r.child_name in keys]
    drawn = {name for r in lines for name in (r.parent_name, r.child_name)}
    chosen = [box for box in chosen if box.key in drawn]
    if not chosen:
        return None
    edges = _edges(lines)
    layers = _layers({box.key for box in chosen}, edges)
    nodes, paths = _nodes({box.key: box for box in chosen}, layers, edges)
    columns = _columns(nodes)
    width, height = _place(columns)
    return Diagram(_svg(nodes, paths, lines, width, height), round(width), len(chosen), len(known) - len(chosen))


def _edges(relations: Sequence[Relation]) -> list[tuple[str, str]]:
    pairs = {(r.parent_name, r.child_name) for r in relations if r.parent_name != r.child_name}
    return sorted(pairs)


def _layers(keys: set[str], edges: list[tuple[str, str]]) -> dict[str, int]:
    """The layer of each table: one more than its last parent's. An edge that would close a cycle is passed over."""
    children: dict[str, list[str]] = {key: [] for key in sorted(keys)}
    for parent, child in edges:
        children[parent].append(child)
    order: list[str] = []
    state = dict.fromkeys(children, 0)
    backward: set[tuple[str, str]] = set()
    for root in sorted(children, key=lambda key: (sum(1 for _, child in edges if child == key), key)):
        stack = [(root, iter(children[root]))] if not state[root] else []
        state[root] = state[root] or 1
        while stack:
            key, rest = stack[-1]
            child = next(rest, "")
            if not child:
                state[key] = 2
                order.append(key)
                stack.pop()
            elif state[child] == 1:
                backward.add((key, child))
            elif state[child] == 0:
                state[child] = 1
                stack.append((child, iter(children[child])))
    layer = dict.fromkeys(children, 0)
    for key in reversed(order):
        for child in children[key]:
            if (key, child) not in backward:
                layer[child] = max(layer[child], layer[key] + 1)
    return _pull(layer, children, backward)


def _pull(layer: dict[str, int], children: dict[str, list[str]], backward: set[tuple[str, str]]) -> dict[str, int]:
    """Move roots next to their first child: edges get shorter."""
    parents = {child for key in children for child in children[key] if (key, child) not in backward}
    for key in children:
        nearest = [layer[c] for c in children[key] if (key, c) not in backward]
        if key not in parents and nearest:
            layer[key] = min(nearest) - 1
    return layer


def _nodes(
    boxes: dict[str, Box], layers: dict[str, int], edges: list[tuple[str, str]]
) -> tuple[list[_Node], dict[tuple[str, str], list[_Node]]]:
    """A node for each table, and waypoints where an edge passes a layer."""
    nodes = {key: _Node(key, layers[key], box, _width(box)) for key, box in sorted(boxes.items())}
    every = list(nodes.values())
    paths = {}
    for parent, child in edges:
        start, end = nodes[parent], nodes[child]
        step = 1 if end.layer >= start.layer else -1
        path = [start]
        for layer in range(start.layer + step, end.layer, step):
            waypoint = _Node(f"{parent}>{child}>{layer}", layer, None)
            every.append(waypoint)
            path.append(waypoint)
        path.append(end)
        for left, right in pairwise(path):
            left.after.append(right)
            right.before.append(left)
        paths[parent, child] = path
    return every, paths


def _width(box: Box) -> float:
    return max(110.0, _CHARACTER * max(len(_short(box.name)), len(box.caption) - 2) + 26)


def _short(name: str) -> str:
    name = one_line(name)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _columns(nodes: list[_Node]) -> list[list[_Node]]:
    """The nodes of each layer from top to bottom, ordered by the middle of their neighbours."""
    columns: list[list[_Node]] = [[] for _ in range(max(node.layer for node in nodes) + 1)]
    for node in nodes:
        columns[node.layer].append(node)
    columns = [column for column in columns if column]
    for sweep in range(_SWEEPS):
        position = {id(node): n / max(len(c), 1) for c in columns for n, node in enumerate(c)}
        for column in columns if sweep % 2 == 0 else reversed(columns):
            column.sort(key=lambda node: (_middle(node, position, sweep % 2 == 0), node.key))
            position |= {id(node): n / len(column) for n, node in enumerate(column)}
    return columns


def _middle(node: _Node, position: dict[int, float], from_left: bool) -> float:
    near = (node.before if from_left else node.after) or (node.after if from_left else node.before)
    return sum(position[id(other)] for other in near) / len(near) if near else position[id(node)]


def _place(columns: list[list[_Node]]) -> tuple[float, float]:
    """Coordinates: each column centred; a tall column of tables is folded into two staggered ones."""
    heights = [sum(node.height for node in column) for column in columns]
    tallest = max(heights)
    x = float(_MARGIN)
    for column, height in zip(columns, heights, strict=True):
        width = max((node.width for node in column), default=0.0)
        y = _MARGIN + (tallest - height) / 2
        for node in column:
            node.x, node.y = x + (0 if node.box else width / 2), y + node.height / 2
            y += node.height
        x += width + _GAP
    return x - _GAP + _MARGIN, tallest + 2 * _MARGIN


def _svg(
    nodes: list[_Node],
    paths: dict[tuple[str, str], list[_Node]],
    relations: Sequence[Relation],
    width: float,
    height: float,
) -> Markup:
    parts = [
        Markup('<svg class="erd" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img"'
               ' aria-label="Relationship diagram; the matrix below says the same in words">').format(w=round(width), h=round(height)),
        Markup('<defs><marker id="one" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
               '<path d="M0 0.8 7 4 0 7.2z"/></marker></defs>'),
    ]  # fmt: skip
    drawn = set()
    for relation in relations:
        pair = (relation.parent_name, relation.child_name)
        if pair in paths and pair not in drawn:
            drawn.add(pair)
            same = [r for r in relations if (r.parent_name, r.child_name) == pair]
            parts.append(_line(paths[pair], same))
    loops = Counter(r.child_name for r in relations if r.parent_name == r.child_name)
    parts += [_box(node, node.box, loops[node.key]) for node in nodes if node.box]
    parts.append(Markup("</svg>"))
    return Markup("\n").join(parts)


def _line(path: list[_Node], relations: list[Relation]) -> Markup:
    """From the child to the parent, where the arrow is."""
    points = []
    forward = path[-1].layer > path[0].layer
    for number, node in enumerate(path):
        if node.box is None:
            points.append((node.x, node.y))
        elif (number == 0) == forward:
            points.append((node.x + node.width, node.y))
        else:
            points.append((node.x, node.y))
    points.reverse()
    text = f"M{points[0][0]:.0f} {points[0][1]:.0f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        bend = (to_x - x) / 2
        text += f"C{x + bend:.0f} {y:.0f} {to_x - bend:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
    tone = {"cascade": "cascade", "set null": "null", "set default": "null"}.get(relations[0].on_delete, "keep")
    title = "; ".join(
        f"{r.child_name}.{', '.join(r.columns)} → {r.parent_name}, on delete {r.on_delete}" for r in relations
    )
    return Markup('<path class="e {}" d="{}" marker-end="url(#one)"><title>{}</title></path>').format(
        tone, text, one_line(title)
    )


def _box(node: _Node, box: Box, loops: int) -> Markup:
    top = node.y - _BOX_HEIGHT / 2
    loop = " ↺ refers to itself" if loops else ""
    return Markup(
        '<g class="t {}"><title>{}</title><rect class="b" x="{:.0f}" y="{:.0f}" width="{:.0f}" height="{}" rx="4"/>'
        '<rect class="m" x="{:.0f}" y="{:.0f}" width="4" height="{}" rx="2"/>'
        '<text class="n" x="{:.0f}" y="{:.0f}">{}</text><text class="c" x="{:.0f}" y="{:.0f}">{}</text></g>'
    ).format(
        box.mark or "none", one_line(box.name) + loop, node.x, top, node.width, _BOX_HEIGHT,
        node.x, top, _BOX_HEIGHT,
        node.x + 13, node.y - 3, _short(box.name), node.x + 13, node.y + 12, escape(box.caption + (" ↺" if loops else "")),
    )  # fmt: skip
