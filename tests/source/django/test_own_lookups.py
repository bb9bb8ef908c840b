"""Fields of a project that take another lookup for the one that was named: the SQL is that of the lookup they take."""

from pathlib import Path

import pytest
from web_project import queries, written

FIELDS = """\
from django.db import models


class NameField(models.CharField):
    CONVERSIONS = {"exact": "iexact", "contains": "icontains"}

    def get_lookup(self, lookup_name):
        converted = self.CONVERSIONS.get(lookup_name, lookup_name)
        return super().get_lookup(converted)


class LoginField(NameField):
    pass


class PlainField(models.CharField):
    def get_lookup(self, lookup_name):
        return super().get_lookup(lookup_name)


class OddField(models.CharField):
    def get_lookup(self, lookup_name):
        return lookup_of_today(lookup_name)


class User(models.Model):
    name = LoginField(max_length=30)
    plain = PlainField(max_length=30)
    odd = OddField(max_length=30)
"""


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        ("name=value", 'UPPER("shop_user"."name"::text) = UPPER($1)'),
        ("name__contains=value", 'UPPER("shop_user"."name"::text) LIKE UPPER($1)'),
        ("name__startswith=value", '"shop_user"."name"::text LIKE $1'),
        ("name__in=[value, 'x']", '"shop_user"."name" IN ($1, $2)'),
        ("plain=value", '"shop_user"."plain" = $1'),
        ("odd=value", '"shop_user"."odd" = $1'),
    ],
)
def test_the_lookup_is_that_of_the_field(tmp_path: Path, condition: str, sql: str) -> None:
    code = f"from shop.models import User\n\n\ndef act(value):\n    return list(User.objects.filter({condition}))\n"
    root = written(tmp_path, {"shop/models.py": FIELDS, "shop/code.py": code})
    (found,) = [query for query in queries(root, "shop/code.py") if query.issued.function == "act"]
    assert sql in (found.sql or "")
    assert not found.partial
