"""Syntax of Python 3.12 and later are read by earlier versions; everything else stays as it is."""

import ast

import pytest

from dbwright.source.newer_syntax import rewritten

KEPT = (
    "f'{a[\"b\"]}'",
    "x = 'no f-string {a['",
    "f'{{not a field}}' + \"it's\"",
    "# f'{a['b']}'\nf\"{n:>{width}}\"",
    "rf'\\d{{2}}{a}'",
    "f'''{a\n+ b}'''",
    "'f' + f'{a!r:>10}'",
    "f'never ends {",
    "proof'text'",
    "table[key](1)",
    "type = 1",
    "kind: type = list[int]",
)
REPAIRED = (
    ("f'{row['key']}'\nafter = 1", 2),
    ("f'a {'\\n'.join(rows)} b'\nafter = 1", 2),
    ("f'{f'{x['y']}'}'\nafter = 1", 2),
    ("f'{\n  row['key']\n}'\nafter = 1", 4),
    ('f"""{\n"\\\\".join(a)}"""\nafter = 1', 3),
    ("call(f'{a['b']}', f\"{c[\"d\"]}\", 'x')\nafter = 1", 2),
)


@pytest.mark.parametrize("source", KEPT)
def test_what_is_read_already_stays(source: str) -> None:
    assert rewritten(source) == source


@pytest.mark.parametrize(("source", "line"), REPAIRED)
def test_quotes_backslashes_and_line_breaks_in_fields(source: str, line: int) -> None:
    tree = ast.parse(rewritten(source))
    assert isinstance(tree.body[0], ast.Expr)
    assert tree.body[-1].lineno == line


def test_the_name_in_the_field_is_kept_where_it_can_be() -> None:
    tree = ast.parse(rewritten("f'{row['key']}'"))
    assert "row" in [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]


def test_type_parameters_and_aliases() -> None:
    source = "type Pair[T] = tuple[T, T]\n\n\nclass Box[T: (int, str)](Base):\n    async def first[K](self, k: K) -> K:\n        return k\n"
    tree = ast.parse(rewritten(source))
    assert [type(node).__name__ for node in tree.body] == ["Assign", "ClassDef"]
    assert tree.body[1].lineno == 4
