"""Content and use for any Django application, through its own ORM and its own admin.

Run inside the application's environment (``manage.py shell`` or with DJANGO_SETTINGS_MODULE set)::

    python django_use.py --rows 20000 --queries 300

Every concrete, managed model gets rows: foreign keys point at rows that exist, choices are among the field's choices, unique fields
are unique, optional fields are empty now and then. Models differ in size (a Zipf distribution by the number of models that point
at them). A model whose rows the database refuses is left out and reported. Then the ORM is asked what an application asks: rows by
primary key, pages in the model's own order, children of a parent, a filter on each indexed or unique field, updates, deletes; and every
changelist and change page of the admin is opened by a superuser with the test client, twice.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import random
import secrets
import string
import sys
import uuid
from decimal import Decimal

import django

django.setup()

from django.apps import apps  # noqa: E402
from django.core.exceptions import FieldDoesNotExist  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

rng = random.Random(11)
WORDS = (
    "amber basil cedar delta ember fjord grove harbor island juniper kite lumen meadow north opal pine quartz river stone thyme "
    "umber velvet willow xenon yarrow zephyr"
).split()
SKIPPED = {"contenttypes", "sites", "sessions", "migrations"}


def word() -> str:
    return rng.choice(WORDS)


def value(field: models.Field, number: int) -> object:  # noqa: C901
    if field.choices and not field.unique:
        flat = []
        for key, _label in field.flatchoices:
            flat.append(key)
        if flat:
            return rng.choice(flat)
    if isinstance(field, models.BooleanField):
        return rng.random() < 0.2
    if isinstance(field, models.UUIDField):
        return uuid.UUID(int=rng.getrandbits(128))
    if isinstance(field, models.DateTimeField):
        return timezone.now() - dt.timedelta(minutes=rng.randint(0, 400_000))
    if isinstance(field, models.DateField):
        return dt.date.today() - dt.timedelta(days=rng.randint(0, 700))
    if isinstance(field, models.TimeField):
        return dt.time(rng.randint(0, 23), rng.randint(0, 59))
    if isinstance(field, models.DurationField):
        return dt.timedelta(seconds=rng.randint(1, 90_000))
    if isinstance(field, models.DecimalField):
        return Decimal(rng.randint(0, 10 ** min(5, field.max_digits - 1))) / (10 ** min(field.decimal_places, 2))
    if isinstance(field, models.FloatField):
        return rng.random() * 1000
    if isinstance(field, models.IntegerField):
        top = 30_000 if isinstance(field, models.SmallIntegerField | models.PositiveSmallIntegerField) else 10**6
        return number if field.unique else rng.randint(0, min(top, rng.choice((5, 100, top))))
    if isinstance(field, models.GenericIPAddressField):
        return f"10.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
    if isinstance(field, models.EmailField):
        return f"{word()}.{number}@example.org"
    if isinstance(field, models.URLField):
        return f"https://example.org/{word()}/{number}"
    if isinstance(field, models.JSONField):
        return rng.choice(({}, {"source": word(), "count": number}, {"tags": [word(), word()]}))
    if isinstance(field, models.BinaryField):
        return secrets.token_bytes(40)
    if isinstance(field, models.FileField):
        return f"files/{number}.dat"
    if isinstance(field, models.SlugField):
        return f"{word()}-{number}"[: field.max_length or 50]
    if isinstance(field, models.CharField):
        length = field.max_length or 60
        text = f"{number:x}{word()}" if length < 30 else f"{word()} {word()} {number}"
        if length >= 30 and field.unique:
            text = "".join(rng.choices(string.ascii_letters, k=12)) + str(number)
        return text[:length]
    if isinstance(field, models.TextField):
        return " ".join(word() for _ in range(rng.randint(1, 60)))
    if field.has_default():
        return field.get_default()
    return None


def ordered() -> list[type[models.Model]]:
    """Models with those that others need first."""
    todo = [
        m
        for m in apps.get_models(include_auto_created=True)
        if m._meta.managed and not m._meta.proxy and not m._meta.swapped and m._meta.app_label not in SKIPPED
    ]
    done: list[type[models.Model]] = []
    while todo:
        ready = [
            m
            for m in todo
            if all(
                f.null or f.remote_field.model in done or f.remote_field.model not in todo or f.remote_field.model is m
                for f in m._meta.local_fields
                if f.remote_field and not isinstance(f.remote_field.model, str)
            )
        ] or todo[:1]
        for model in ready:
            todo.remove(model)
            done.append(model)
    return done


def keys_of(model: type[models.Model], name: str, cache: dict) -> list:
    key = (model, name)
    if not cache.get(key):  # what is empty now may be filled later: models can point at each other
        cache[key] = list(model._base_manager.values_list(name, flat=True)[:50_000])
    return cache[key]


def fill(model: type[models.Model], count: int, cache: dict) -> int:  # noqa: C901
    fields = [f for f in model._meta.local_fields if not isinstance(f, models.AutoField)]
    made, batch = 0, []
    if model._meta.parents:
        return 0
    choices = {}  # asked once for each model: a table that is empty stays so while another is filled
    for field in fields:
        if field.remote_field and field.is_relation and not getattr(field, "generated", False):
            target = getattr(field, "target_field", None)
            choices[field] = keys_of(field.remote_field.model, target.attname if target else "pk", cache)
    for number in range(count):
        values = {}
        for field in fields:
            if getattr(field, "generated", False):
                continue
            if field.remote_field and field.is_relation:
                choice = choices[field]
                if field.unique:
                    values[field.attname] = choice[number] if number < len(choice) else None
                elif choice and not (field.null and rng.random() < 0.15):
                    values[field.attname] = choice[min(int(rng.paretovariate(0.7)), len(choice)) - 1]
                if values.get(field.attname) is None and not field.null and (field.unique or not choice):
                    return made + flush(model, batch)
                continue
            if field.null and not field.primary_key and rng.random() < 0.3:
                continue
            found = value(field, number)
            if found is not None:
                values[field.attname] = found
        batch.append(model(**values))
        if len(batch) == 1000:
            made += flush(model, batch)
            batch = []
            for field in choices:
                if field.remote_field.model is model and not choices[field]:
                    choices[field] = keys_of(model, field.target_field.attname, cache)
    return made + flush(model, batch)


def flush(model: type[models.Model], batch: list) -> int:
    if not batch:
        return 0
    with transaction.atomic():
        before = model._base_manager.count()
        model._base_manager.bulk_create(batch, ignore_conflicts=True)
        return model._base_manager.count() - before


def content(rows: int) -> None:
    cache: dict = {}
    done = ordered()
    pointed = dict.fromkeys(done, 0)
    for model in done:
        for field in model._meta.local_fields:
            if field.remote_field and not isinstance(field.remote_field.model, str):
                pointed[field.remote_field.model] = pointed.get(field.remote_field.model, 0) + 1
    for position, model in enumerate(done):
        # What nothing points at is where rows pile up: log entries, line items, memberships.
        share = 1 / (1 + pointed[model]) if pointed[model] else 1
        count = max(20, int(rows * share * rng.choice((0.02, 0.1, 0.3, 1))))
        try:
            if model._base_manager.count() >= count // 2:
                continue
            made = fill(model, count, cache)
        except Exception as error:
            print(f"left out {model._meta.label}: {type(error).__name__}: {str(error)[:120]}", file=sys.stderr)
            continue
        print(f"{position + 1}/{len(done)} {model._meta.label}: {made}", flush=True)


def ask(queries: int) -> None:
    for model in ordered():
        manager, meta = model._base_manager, model._meta
        ids = list(manager.values_list("pk", flat=True)[:2000])
        if not ids:
            continue
        with contextlib.suppress(Exception):
            for _ in range(max(5, queries // 10)):
                manager.filter(pk=rng.choice(ids)).first()
            for page in range(5):
                list(model._default_manager.all()[page * 50 : page * 50 + 50])
        for field in meta.local_fields:
            if field.is_relation and field.remote_field:
                repeat = max(5, queries // 20)
            elif field.unique or field.db_index:
                repeat = max(3, queries // 40)
            else:
                continue
            with contextlib.suppress(Exception), transaction.atomic():
                values = list(manager.values_list(field.attname, flat=True)[:500])
                for _ in range(repeat):
                    list(manager.filter(**{field.attname: rng.choice(values)})[:100])
        with contextlib.suppress(Exception), transaction.atomic():
            field = next(
                f for f in meta.local_fields if isinstance(f, models.CharField | models.BooleanField) and not f.unique
            )
            for pk in rng.sample(ids, min(len(ids), 40)):
                one = manager.get(pk=pk)
                manager.filter(pk=pk).update(**{field.attname: getattr(one, field.attname)})
        if not meta.related_objects:
            with contextlib.suppress(Exception), transaction.atomic():
                manager.filter(pk__in=rng.sample(ids, max(1, len(ids) // 50))).delete()


def admin_pages() -> None:
    if not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib import admin
    from django.contrib.auth import get_user_model
    from django.test import Client

    user_model = get_user_model()
    user = user_model._default_manager.filter(
        **({"is_superuser": True} if _has(user_model, "is_superuser") else {})
    ).first()
    if user is None:
        return
    client = Client(raise_request_exception=False)
    client.force_login(user)
    opened = 0
    for model in admin.site._registry:
        if not hasattr(model, "_base_manager"):
            continue  # not a table: settings that an extension shows as one
        meta = model._meta
        first = model._base_manager.values_list("pk", flat=True).first()
        for path in ("", "?q=amber", f"{first}/change/"):
            for _ in range(2):
                with contextlib.suppress(Exception):
                    opened += client.get(f"/admin/{meta.app_label}/{meta.model_name}/{path}").status_code == 200
    print(f"{opened} admin pages opened")


def _has(model: type[models.Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=300)
    arguments = parser.parse_args()
    content(arguments.rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    ask(arguments.queries)
    admin_pages()


main()
