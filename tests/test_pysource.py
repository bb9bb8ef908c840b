import ast

import pytest

from dbwright.pysource import Unknown, evaluate, parse


def value_of(text, **names):
    def call(name, arguments, keywords):
        raise Unknown(name)

    return evaluate(ast.parse(text, mode="eval").body, names, call)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'=' * 72", "=" * 72),
        ("60 * 60 * 24", 86400),
        ("2 * [1]", [1, 1]),
        ("'postgres://%s:%05d/%(x)s' % ('db', 7)", None),
        ("'%s:%05d' % ('db', 7)", "db:00007"),
        ("'%(host)s' % {'host': 'db'}", "db"),
        ("'{}:{:>5}'.format('db', 7)", "db:    7"),
        ("'100%% of %s' % 'it'", "100% of it"),
        ("'%20u at 2026' % 1", f"{1:20} at 2026"),
    ],
)
def test_small_expressions_have_their_value(text, value):
    if value is None:
        with pytest.raises(Unknown):
            value_of(text)
    else:
        assert value_of(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "'a' * 10**10",
        "'a' * 10000000000",
        "10000000000 * [1]",
        "'%2000000000d' % 1",
        "'%(a)2000000000d' % {'a': 1}",
        "'%.2000000000f' % 1.5",
        "'%*d' % (2000000000, 1)",
        "'{:2000000000}'.format(1)",
        "'{0:>2000000000}'.format(1)",
        "'{:{}}'.format(1, 2000000000)",
        "a.replace('a', a)",
        "a + a",
        "f'{a}{a}'",
    ],
)
def test_what_would_fill_the_memory_is_not_known(text):
    with pytest.raises(Unknown):
        value_of(text, a="a" * 60_000)


def test_a_file_nested_too_deeply_is_not_parsed(tmp_path):
    path = tmp_path / "settings.py"
    path.write_text("A = " + "(" * 50_000 + ")" * 50_000)
    assert parse(path) is None
    path.write_text("A = " + "-" * 200_000 + "1")
    assert parse(path) is None
