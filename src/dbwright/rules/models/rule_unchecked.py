"""Python refuses values that the table takes.

## Why it matters

`clean()` is called by forms alone, `save()` not by `update()`, bulk writes, other services and SQL by hand.
What the model is sure of is then not so, and code that relies on it fails far from where the row was written.

## When to ignore

When the rule is about to change, or old rows break it on purpose.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.asked import column_ref, is_aid, locations, model_name, own_tables, rows_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceFact, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
# More tables than this and it is a habit of the project: one message.
LIMITS: dict[str, float] = {"tables": 1}
COVERS = ("numeric-rule-without-check", "CH-08", "BP-16")

_MODELS = """\
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

KINDS = ("new", "done")


class Task(models.Model):
    kind = models.CharField(max_length=9)
    weight = models.IntegerField()
    low = models.IntegerField()
    high = models.IntegerField()
{0}
    def clean(self):
        {1}
            raise ValidationError("no")
"""
_CHECK = """
    class Meta:
        constraints = [models.CheckConstraint(condition=Q(low__lte=F("high")), name="low_first")]
"""


def _models(test: str, meta: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(meta, test)}


_SERIALIZER = """\
from rest_framework import serializers

from shop.models import Task


class TaskSerializer(serializers.ModelSerializer):
    class Meta:
        model = Task
        fields = ["kind", "low", "high"]

    def validate(self, attrs):
        {}
            raise serializers.ValidationError("no")
        return attrs
"""


def _serializer(test: str) -> dict[str, str]:
    return {**_models("if not self.kind:"), "shop/serializers.py": _SERIALIZER.format(test)}


_FORM = {
    "shop/__init__.py": "",
    "shop/models.py": _models("if not self.kind:")["shop/models.py"],
    "shop/forms.py": "from django import forms\n\nfrom shop.models import Task\n\n\nclass TaskForm(forms.ModelForm):\n    class Meta:\n"
    "        model = Task\n        fields = ['kind']\n\n    def clean_kind(self):\n        kind = self.cleaned_data['kind']\n"
    "        if len(kind) < 3:\n            raise forms.ValidationError('too short')\n        return kind\n",
}

BAD = (
    Sample(source=_serializer("if len(attrs['kind'].strip()) < 3:")),
    Sample(source=_models("if self.low > self.high:")),
    Sample(source=_models("if self.kind not in KINDS:")),
    Sample(source=_models("if self.weight < 0 or self.weight > 100:")),
    Sample(source=_serializer("low = attrs.get('low')\n        if low and low > attrs['high']:")),
)
GOOD = (
    # How people are to write one value.
    Sample(source=_FORM),
    Sample(source=_serializer("if attrs['kind'] != self.instance.kind:")),
    Sample(source=_serializer("if attrs['kind'] in Task.objects.values_list('kind'):")),
    Sample(source=_models("if self.low > self.high:", _CHECK)),
    # No comparison of columns that SQL could make.
    Sample(source=_models("if self.low > compute(self.high):")),
    Sample(source=_models("if self.kind != self.parent.kind:")),
    Sample(source=_models("if not self.kind:")),
    # A word that is taken; what the method sets itself; under a condition that SQL could not ask.
    Sample(source=_models("if self.kind == 'api':")),
    Sample(
        source=_serializer("low = attrs.get('low')\n        attrs['low'] = 1\n        if low and low > attrs['high']:")
    ),
    Sample(source=_serializer("if self.context['strict']:\n          if attrs['low'] > attrs['high']:")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    facts: defaultdict[tuple[str, str], list[SourceFact]] = defaultdict(list)
    for fact in snapshot.source.facts:
        if fact.kind == "refused in code" and not is_aid(fact.place):
            of_model = fact.place.function.partition(".")[0] == fact.owner
            facts[fact.place.file if of_model else "", fact.owner].append(fact)
    found = [
        _finding(snapshot, table, rules) for table in own_tables(snapshot) if (rules := list(_unchecked(table, facts)))
    ]
    yield from told_once(found, "{} tables take values that Python refuses", singly=limits["tables"])


def _unchecked(
    table: SourceTable, facts: dict[tuple[str, str], list[SourceFact]]
) -> Iterator[tuple[SourceFact, list[str]]]:
    by_field = {column.field: column.name for column in table.columns} | {c.name: c.name for c in table.columns}
    checks = [c.condition or "" for c in table.constraints if c.kind in ("check", "exclusion")]
    name = model_name(table)
    for fact in (*facts.get((table.place.file, name), ()), *facts.get(("", name), ())):
        names = [by_field.get(name, "") for name in fact.name.split(",")]
        kinds = {column.name: column.type or "" for column in table.columns}
        if not all(names) or any(kinds[name].startswith("bytea") for name in names):
            continue  # what is encrypted says nothing to the database
        of_form = ".clean" in fact.place.function and fact.place.function.partition(".")[0] != fact.owner
        if len(names) == 1 and of_form:
            continue  # how people are to write one value
        if not any(all(name in text for name in names) for text in checks):
            yield fact, names


def _finding(snapshot: Snapshot, table: SourceTable, rules: list[tuple[SourceFact, list[str]]]) -> Finding:
    rows = rows_of(snapshot, table.name)
    columns = list(dict.fromkeys(name for _, names in rules for name in names))
    first, names = rules[0]
    where = "models.CheckConstraint" if table.framework == "django" else "CheckConstraint"
    return Finding(
        title=f"{model_name(table)}: only code refuses wrong {listed(columns, 3)}"[:79],
        message=f"{first.place.function} ({first.place}) refuses some values of {listed(names)}; no check constraint of {table.name} does: "
        "whatever writes past that method stores them.",
        objects=tuple(column_ref(table, name) for name in columns),
        impact=Impact(rows, "rows", 1_000, 1e9)
        if rows is not None
        else Impact(len(columns), "columns", 5, 50, estimated=True),
        evidence={"columns": columns, "places": [str(fact.place) for fact, _ in rules]},
        confidence="medium" if rows is not None else "low",
        next_step=f"Write the same condition as a {where} of {model_name(table)} ({table.place}), after correcting rows that break it.",
        identity=table.name,
        locations=locations([fact.place for fact, _ in rules]),
    )
