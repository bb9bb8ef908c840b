"""Relationships and their picture."""

import dataclasses
import re
from xml.etree import ElementTree

import shop

from dbwright.model.catalog import Catalog
from dbwright.model.report import Report
from dbwright.report import diagram
from dbwright.report.relations import many_to_many, relations

SVG = "{http://www.w3.org/2000/svg}"


def with_keys(*pairs: tuple[str, str]) -> Report:
    """Tables named in the pairs (parent, child), with a foreign key for each."""
    names = sorted({name for pair in pairs for name in pair})
    tables = {name: shop.table(n, name) for n, name in enumerate(names, 1)}
    keys = [
        shop.foreign_key(tables[child], 100 + n, tables[parent], f"{parent}_id")
        for n, (parent, child) in enumerate(pairs)
    ]
    report = shop.empty()
    catalog = Catalog(tables=tuple(tables.values()), constraints=tuple(keys))
    return dataclasses.replace(report, snapshot=dataclasses.replace(report.snapshot, catalog=catalog))


def picture(report: Report) -> diagram.Diagram | None:
    found = relations(report)
    names = sorted({name for r in found for name in (r.parent_name, r.child_name)})
    return diagram.draw([diagram.Box(name, name, "≈ 1 rows", 1) for name in names], found)


def boxes(drawn: diagram.Diagram) -> dict[str, tuple[float, float, float, float]]:
    """x, y, width and height of each table."""
    result = {}
    for group in ElementTree.fromstring(str(drawn.svg)).iter(f"{SVG}g"):
        rect = group.find(f"{SVG}rect")
        assert rect is not None
        name = str(group.findtext(f"{SVG}title"))
        x, y, width, height = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        result[name] = (x, y, width, height)
    return result


def test_relations_say_what_a_delete_does_and_whether_it_is_indexed() -> None:
    told = [(r.parent_name, r.child_name, r.columns, r.kind, r.on_delete, r.indexed) for r in relations(shop.shop())]
    assert told == [
        ("shop_customer", "shop_order", ("customer_id",), "one to many", "cascade", True),
        ("shop_order", "shop_line", ("order_id",), "one to many", "no action", False),
    ]


def test_a_link_table_is_many_to_many() -> None:
    report = with_keys(("a", "link"), ("b", "link"))
    ties = many_to_many(report, relations(report))
    assert [(t.left, t.right, t.through) for t in ties] == [("a", "b", "link")]


def test_parents_stand_left_of_their_children() -> None:
    drawn = picture(with_keys(("a", "b"), ("b", "c"), ("a", "c")))
    assert drawn
    at = boxes(drawn)
    assert at["a"][0] < at["b"][0] < at["c"][0]


def test_cycles_and_self_references_are_drawn() -> None:
    drawn = picture(with_keys(("a", "b"), ("b", "a"), ("c", "c"), ("a", "c")))
    assert drawn
    assert drawn.shown == 3
    assert len(re.findall('class="e ', drawn.svg)) == 3
    assert "c ↺ refers to itself" in boxes(drawn)


def test_only_self_references_make_a_diagram_too() -> None:
    drawn = picture(with_keys(("a", "a")))
    assert drawn
    assert drawn.shown == 1


def test_no_boxes_overlap_and_none_leaves_the_picture() -> None:
    drawn = picture(shop.large(120))
    assert drawn
    root = ElementTree.fromstring(str(drawn.svg))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    at = list(boxes(drawn).values())
    for x, y, w, h in at:
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
    for number, (x, y, w, h) in enumerate(at):
        for x2, y2, w2, h2 in at[number + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_a_large_schema_shows_its_most_connected_tables_and_says_how_many_it_leaves_out() -> None:
    drawn = picture(shop.large(300))
    assert drawn
    assert 30 <= drawn.shown <= diagram.MOST_TABLES
    assert drawn.shown + drawn.left_out == 300


def test_the_same_report_gives_the_same_picture() -> None:
    assert picture(shop.large(80)) == picture(shop.large(80))


def test_nothing_to_draw() -> None:
    assert picture(shop.empty()) is None


def test_hostile_names_stay_text() -> None:
    drawn = picture(shop.hostile())
    assert drawn
    ElementTree.fromstring(str(drawn.svg))
    assert "<script" not in drawn.svg
    assert "\x1b" not in drawn.svg
