import re

import pytest

from dbwright.fixes import sqlite
from dbwright.fixes.sql import backward, forward
from dbwright.model.change import AddConstraint, Change, SetNotNull, SetOnDelete, Verbatim


@pytest.mark.parametrize(
    "definition", ["UNIQUE (a)", "PRIMARY KEY (a)", "EXCLUDE USING gist (a WITH &&)", "NOT NULL a"]
)
def test_only_checks_and_foreign_keys_can_be_validated_later(definition):
    with pytest.raises(ValueError, match="validated later"):
        AddConstraint("public", "t", "c", definition, validate=True)
    AddConstraint("public", "t", "c", definition)


def names_in(statements):
    return {n.encode() for s in statements for n in re.findall(r'CONSTRAINT "([^"]+)"', s)}


def test_names_of_passing_constraints_have_at_most_63_bytes_and_differ_from_the_name():
    long = "ü" * 31
    key = "FOREIGN KEY (a) REFERENCES b(a)"
    found = names_in(forward(Change((SetOnDelete("public", "t", long, key + " ON DELETE CASCADE", key),))))
    assert len(found) == 2
    found |= names_in(forward(Change((SetNotNull("public", "t", long),))))
    assert len(found) == 3
    assert max(map(len, found)) <= 63


def test_a_verbatim_statement_is_one_statement_whatever_stands_in_it():
    body = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$BEGIN\n  PERFORM 1;\n  PERFORM ';\n';\nEND$$"
    change = Change((Verbatim(body, "DROP FUNCTION f()"),))
    assert list(forward(change)) == [body]
    assert list(backward(change)) == ["DROP FUNCTION f()"]
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM b;\n  DELETE FROM c;\nEND"
    assert sqlite.render(Verbatim(trigger, None)) == (trigger,)
