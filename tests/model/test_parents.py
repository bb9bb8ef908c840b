"""What the rows that a query asks for have in common."""

from pathlib import Path

import pytest

from dbwright import acquire
from dbwright.model.parents import scope_of, tenants

MODELS = """\
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Shop(models.Model):
    name = models.CharField(max_length=80)


class Order(models.Model):
    shop = models.ForeignKey(Shop, models.CASCADE)
    code = models.CharField(max_length=20, unique=True)


class Line(models.Model):
    order = models.ForeignKey(Order, models.CASCADE)
    seller = models.ForeignKey(Shop, models.SET_NULL, null=True, related_name="+")
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.IntegerField()
    text = models.TextField()
"""


@pytest.mark.parametrize(
    ("asked", "scope"),
    [
        ("Line.objects.all()", ""),
        ("Line.objects.filter(text=x)", ""),
        ("Line.objects.exclude(order=x)", ""),
        ("Line.objects.filter(pk=x)", "row"),
        ("Line.objects.filter(pk__in=x)", "rows"),
        ("Line.objects.filter(pk__in=x, order=x)", "parent"),
        ("Line.objects.filter(order=x)", "parent"),
        # No index of the code serves it.
        ("Line.objects.filter(order__code__iexact=x)", ""),
        ("Line.objects.filter(order__code=x)", "parent"),
        ("Line.objects.filter(content_type=x, object_id=x)", "parent"),
        ("Line.objects.filter(content_type=x)", ""),
        # Shops belong to nothing, and what is theirs has lines.
        ("Line.objects.filter(order__shop=x)", "tenant"),
        ("Line.objects.filter(seller=x)", "tenant"),
        ("Line.objects.filter(order__shop__name=x)", "tenant"),
    ],
)
def test_scope(asked: str, scope: str, tmp_path: Path) -> None:
    app = tmp_path / "shop"
    app.mkdir()
    (app / "__init__.py").write_text("")
    (app / "models.py").write_text(MODELS)
    (app / "views.py").write_text(f"from shop.models import Line\n\n\ndef lines(x):\n    return list({asked})\n")
    request = acquire.Request(tmp_path, use_database=False)
    snapshot = acquire.acquire(request, {"DBWRIGHT_CACHE": str(tmp_path / "cache")})
    source = snapshot.source
    assert tenants(snapshot) == {"shop_shop"}
    query = next(q for q in source.queries if q.table == "shop_line")
    assert query.query is not None
    assert scope_of(snapshot, query.query, source.table_by_name["shop_line"]) == scope
