"""F-strings of Python 3.12 and later are read by earlier versions; everything else stays as it is."""

import ast

import pytest

from dbwright.source.fstrings import rewritten

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
