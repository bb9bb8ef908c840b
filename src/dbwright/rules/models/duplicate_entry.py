"""A row of a list that belongs to another row may be there twice: a translation, a setting, the figure of a day, a name.

## Why it matters

One translation for each language, one value for each setting, one figure for each day: code reads the first that comes, or adds both up.
Two requests at once, or an import that runs again, write the second row, and only a unique constraint stops them.

## When to ignore

When several rows for the same key are meant, such as drafts of a translation or figures from several sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.asked import (
    column_place,
    column_ref,
    equal_columns,
    holds_key,
    is_library,
    locations,
    model_name,
    own_tables,
    rows_of,
    unique_keys,
)
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.model.uniqueness import expected
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
# More tables than this and it is a habit of the project: one message.
LIMITS: dict[str, float] = {"tables": 1}
COVERS: tuple[str, ...] = ()
YIELDS_TO = ("constraints/natural-key-not-unique",)

_MODELS = """\
from django.db import models


class Article(models.Model):
    title = models.TextField()


class {0}(models.Model):
    article = models.ForeignKey(Article, models.CASCADE)
    {1}
{2}"""
_LANGUAGE = "language = models.CharField(max_length=8)\n    text = models.TextField()"
_VALUE = "name = models.CharField(max_length=80)\n    value = models.TextField()"
_DAY = "day = models.DateField()\n    visits = models.IntegerField(default=0)"
_META = "\n    class Meta:\n        unique_together = [{}]\n"


def _models(name: str, fields: str, meta: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(name, fields, meta and _META.format(meta))}


BAD = (
    Sample(source=_models("ArticleTranslation", _LANGUAGE)),
    Sample(source=_models("ArticleSetting", _VALUE)),
    Sample(source=_models("DailyVisits", _DAY)),
    Sample(source=_models("ArticleAlias", "alias = models.CharField(max_length=80)")),
)
GOOD = (
    # Another column is the key, and the name is what people read.
    Sample(source=_models("ArticleSetting", _VALUE + "\n    key = models.CharField(max_length=80, primary_key=True)")),
    Sample(source=_models("ArticleTranslation", _LANGUAGE, '("article", "language")')),
    Sample(source=_models("ArticleSetting", _VALUE, '("article", "name")')),
    Sample(
        source=_models("ArticleSetting", _VALUE + "\n    user = models.IntegerField()", '("article", "name", "user")')
    ),
    # A key with several values; names, which may repeat.
    Sample(
        source={
            **_models("ArticleSetting", _VALUE),
            "shop/views.py": "from shop.models import ArticleSetting\n\n\ndef put(article, name, value):\n"
            "    ArticleSetting.objects.get_or_create(article=article, name=name, value=value)\n",
        }
    ),
    Sample(source=_models("ArticlePart", "name = models.CharField(max_length=80)")),
    # Remarks in some language, not the article in it.
    Sample(source=_models("Comment", _LANGUAGE)),
    # A thing of its own that has a name and a value; days on which something was measured or paid.
    Sample(source=_models("Voucher", _VALUE)),
    Sample(source=_models("Payment", "day = models.DateField()\n    amount = models.IntegerField()")),
    # Lines of text may repeat, and so may what has more to it.
    Sample(source=_models("Line", "text = models.TextField()")),
    Sample(source=_models("Edition", "alias = models.CharField(max_length=80)\n    pages = models.IntegerField()")),
    # What was once so may be so again.
    Sample(source=_models("ArticleSlugHistory", "slug = models.CharField(max_length=80)")),
    # Unique but for the case.
    Sample(
        source=_models("ArticleAlias", "alias = models.CharField(max_length=80)").copy()
        | {
            "shop/models.py": _models("ArticleAlias", "alias = models.CharField(max_length=80)")["shop/models.py"]
            + "\n    class Meta:\n        constraints = [models.UniqueConstraint(models.functions.Lower('alias'), 'article', name='a')]\n"
        }
    ),
    # Unique across all articles.
    Sample(source=_models("ArticleAlias", "alias = models.CharField(max_length=80, unique=True)")),
)

_TRANSLATION = re.compile(r"(translation|translated_\w+|locali[sz]ation|i18n)s?$")
_LANGUAGES = re.compile(r"^(language|lang|locale)(_code|_id)?$")
_SETTING = re.compile(
    r"(setting|option|preference|config|configuration|attribute|property|propertie|metadata|meta|parameter|param)s?$"
)
_KEYS = re.compile(r"^(key|name|code|slug|option|setting|attribute|property)$")
_VALUES = re.compile(r"(^|_)value(_\w+)?$|^(data|content)$")
_STATISTIC = re.compile(
    r"(^|_)(daily|monthly|hourly|weekly)(_|$)|(stat|statistic|count|counter|total|summary|metric)s?$"
)
_DAYS = re.compile(r"^(day|date|month|hour|week|period)$")
_WORDS = re.compile(
    r"(^|_)(id|ids|identifier|alias|synonym|tag|keyword|code|slug|email|domain|host|hostname|isbn|doi|sku|cve|handle)$"
)
_PAST = re.compile(
    r"(^|_)(log|history|histories|audit|archive|event|record|version|revision|entry|entries|change)s?(_|$)"
)
_NOTED = re.compile(r"(^|_)(created|updated|modified|added|order|position|uuid|created_by|creator)(_(at|on|by|id))?$")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    spoken_of = {(missing.table.name, missing.columns) for missing in expected(snapshot) if missing.is_served}
    found = [
        _finding(snapshot, table, *entry)
        for table in own_tables(snapshot)
        if not table.through and (entry := _entry(table)) is not None
        if not any(name == table.name and columns <= set(entry[:2]) for name, columns in spoken_of)
        and not _has_several_values(snapshot, table, entry[1])
    ]
    yield from told_once(found, "{} lists that belong to a row take the same entry twice", singly=limits["tables"])


def _has_several_values(snapshot: Snapshot, table: SourceTable, key: str) -> bool:
    """Some query looks for a key with one of its values: a key may have several."""
    values = {c.name for c in table.columns if c.name != key and _VALUES.search(c.name.lower())}
    return any(
        key in equal and values & equal
        for query in snapshot.source.queries_on(table.name)
        if query.issued_by in ("get", "exists", "first", "delete")
        for equal in (equal_columns(query, table.name),)
    )


def _entry(table: SourceTable) -> tuple[str, str, str] | None:
    """The owner, the column that tells its entries apart, and what they are; None for anything else, and where the database knows."""
    owners = [
        c for c in table.columns if c.references and c.not_null and not c.primary_key and not _NOTED.search(c.name)
    ]
    apart = [c for c in table.columns if _LANGUAGES.search(c.name.lower())]
    owners = [c for c in owners if c not in apart]
    if len(owners) != 1 or holds_key(table, {owners[0].name}):
        return None
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", model_name(table)).lower()
    others = [
        c for c in table.columns if c is not owners[0] and not c.primary_key and not _NOTED.search(c.name.lower())
    ]
    if _PAST.search(words):
        return None
    if any(c.primary_key and (c.type or "").startswith(("varchar", "text", "citext")) for c in table.columns):
        return None  # its key tells the entries apart, and what else names them is read by people
    for column, what in _apart(words, others):
        if column.not_null and not any(column.name in text for key in unique_keys(table) for text in key):
            return owners[0].name, column.name, what
    return None


def _apart(words: str, columns: list[SourceColumn]) -> Iterator[tuple[SourceColumn, str]]:
    """Columns that each entry of a list has another value in, by the kind of list that the name and the columns tell."""
    for column in columns:
        name = column.name.lower()
        if is_library(column):
            continue
        if _TRANSLATION.search(words) and _LANGUAGES.search(name):
            yield column, "translation"
        elif _SETTING.search(words) and _KEYS.search(name) and any(_VALUES.search(c.name.lower()) for c in columns):
            yield column, "value"
        elif _STATISTIC.search(words) and _DAYS.search(name) and all(_is_figure(c) for c in columns if c is not column):
            yield column, "figure"
        elif (
            len(columns) == 1 and _WORDS.search(name) and (column.type or "").startswith(("varchar", "text", "citext"))
        ):
            yield column, "entry"


def _is_figure(column: SourceColumn) -> bool:
    return (column.type or "").startswith(("integer", "bigint", "smallint", "numeric", "double", "real"))


def _finding(snapshot: Snapshot, table: SourceTable, owner: str, apart: str, what: str) -> Finding:
    rows = rows_of(snapshot, table.name)
    fields = [column.field or column.name for column in table.columns if column.name in (owner, apart)]
    constraint = (
        f'models.UniqueConstraint(fields=["{fields[0]}", "{fields[1]}"], name="{table.name[:40]}_once")'
        if table.framework == "django"
        else f"UniqueConstraint({owner!r}, {apart!r})"
    )
    return Finding(
        title=f"{model_name(table)} takes two of the same {listed(fields)}"[:79],
        message=f"{table.name} holds one {what} for each {apart} of {owner}, and no unique constraint says so"
        f"{f' (about {rows:,} rows so far)' if rows else ''}.",
        objects=tuple(column_ref(table, name) for name in (owner, apart)),
        impact=Impact(rows, "rows", 100, 1e8) if rows is not None else Impact(1, "tables", 1, 20, estimated=True),
        evidence={"columns": [owner, apart], "kind": what},
        confidence="medium",
        next_step=f"Keep one row of each pair, then add {constraint} to {model_name(table)} ({table.place}).",
        identity=f"{table.name}:{owner}+{apart}",
        locations=locations([table.place, column_place(table, owner), column_place(table, apart)]),
    )
