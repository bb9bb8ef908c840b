"""Statements that plain functions of a project issue, compared on the parse tree with those of the running project."""

from pathlib import Path

import pytest
from web_project import differences, queries, written

IMPORTS = "from django.db import connection\nfrom django.utils.functional import SimpleLazyObject, lazy\n"
IMPORTS += "from shop.models import Author, Book, Publisher\n"
CONDITIONS = [
    "title='x'",
    "title__lt='x'",
    "title__gt='x'",
    "title__in=['x']",
    "pk=1",
    "pk__lt=1",
    "pk__gt=1",
    "author=1",
    "tags=1",
]


@pytest.mark.parametrize(
    "code",
    [
        # A cursor of the project's own, and what is asked for each of its rows.
        """
def run():
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM shop_book WHERE id > %s", [0])
        for row in cursor.fetchall():
            Book.objects.get(pk=row[0])
""",
        # A row made of one that a function of unknown result gives; what it was made of is loaded.
        """
def run():
    made = Author.objects.create(name="x", publisher=chosen())
    return made.publisher.name

def chosen(*names):
    return Publisher.objects.get(pk=names[0]) if names else Publisher.objects.first()
""",
        """
def run():
    Author.objects.get_or_create(name="new", defaults={"publisher": SimpleLazyObject(lambda: Publisher.objects.get())})
""",
        # A mixin's method on each of its classes, more of them than a function is walked with.
        """
class Counted:
    def total(self, condition):
        return self.model.objects.filter(**condition).count()

"""
        + "".join(
            f"class {name}{number}(Counted):\n    model = {name}\n\n"
            for name in ("Author", "Book", "Publisher")
            for number in range(4)
        )
        + """
def run():
    Author3().total({"publisher__name": "x"})
    Book3().total({"title__lt": "x"})
    Publisher3().total({"name__in": "x"})
""",
        # A short helper that each caller hands another query.
        "def first(queryset):\n    return list(queryset[:1])\n\ndef run():\n"
        + "".join(f"    first(Book.objects.filter({condition}))\n" for condition in CONDITIONS),
        # Relations to models that are named, and defined later.
        """
from django.db import models

class Shelf(models.Model):
    room = models.ForeignKey("Room", models.CASCADE)
    labels = models.ManyToManyField("Label")

class Tall(Shelf):
    kept_by = models.ForeignKey("shop.Author", models.CASCADE)

class Room(models.Model):
    name = models.CharField(max_length=10)

class Label(models.Model):
    name = models.CharField(max_length=10)

def run():
    Tall.objects.create(room=Room.objects.create(), kept_by=Author.objects.get())
    tall = Tall.objects.get()
    tall.room.name
    tall.labels.filter(name="x").count()
    Shelf.objects.filter(room__name="x", labels__name="y").count()
    Room.objects.filter(shelf__tall__kept_by__name="x").exists()
""",
        # What one branch loads is not there for the other, nor for the next method.
        """
class Reader:
    def __init__(self, book):
        self.book = book

    def first(self, short):
        books = Book.objects.filter(title="b")
        if short:
            self.book.author.name
            return list(books)
        names = [book.title for book in books]
        return names, self.book.author.name

def run():
    Reader(Book.objects.get()).first(True)
    Reader(Book.objects.get()).first(False)
    Book.objects.get().author.name
""",
        # Values that are not known beside numbers, and in place of columns; keys that a dictionary may have.
        """
from decimal import Decimal
from django.db.models import Case, Count, F, Value, When
from django.db.models.functions import Coalesce

def run():
    told({"amount": 3, "key": 1})

def told(given):
    amount = given["amount"]
    list(Book.objects.values("id").annotate(n=Coalesce(Count("tags"), amount), m=F("n") * amount))
    list(Book.objects.annotate(n=Case(When(id__gt=amount, then=amount), default=Value(1))).filter(n__lt=amount))
    Book.objects.aggregate(n=Coalesce(Count("id"), Value(0)))
    data = dict(given)
    if "key" in data:
        Book.objects.filter(id__lt=amount, title__gt=Decimal("0.5")).count()
""",
        # Methods that nobody calls by name, of an object that is made of a row.
        """
class Statistics:
    def __init__(self, about):
        self.about = about

    def calculate(self, name):
        return getattr(self, f"get_{name}")()

    def get_books(self):
        return self.about.books.filter(title="b").count()

    def get_publisher(self):
        return self.about.publisher.name

def run():
    for name in ("books", "publisher"):
        calculated(Author.objects.get(), name + "")

def calculated(author, name):
    return Statistics(author).calculate(name)
""",
        # Managers and querysets that say in brackets what they are of.
        """
from django.db import models

class LabelQuerySet(models.QuerySet["Label"]):
    def short(self):
        return self.filter(name__lt="c")

class LabelManager(models.Manager["Label"]):
    def named(self, name):
        return self.filter(name=name).exists()

class Label(models.Model):
    name = models.CharField(max_length=10)
    objects = LabelManager()
    queried = LabelQuerySet.as_manager()

def run():
    Label.objects.named("x")
    Label.queried.short().count()
""",
        # The first page has no OFFSET, the others have one.
        """
def run():
    page(1)
    page(2)

def page(number):
    begin = (number - 1) * 1
    list(Book.objects.all()[begin:begin + 1])
""",
        # Lists that are not known, in conditions and as keys.
        """
from django.db.models import Q

def run():
    among([1, 2])

def among(keys):
    Author.objects.filter(Q(id__in=keys) | Q(name="x")).count()
    Author.objects.in_bulk(keys)
""",
        # A bound that may be left out.
        """
def run():
    few(None)
    few(3)

def few(limit=None):
    for book in Book.objects.all()[:limit]:
        yield_nothing(book.title)

def yield_nothing(title):
    return title
""",
        # A condition that grows under another one, and those that a dictionary and a list hold under one.
        """
from django.db.models import Q

def run():
    for number in (0, 1):
        found("x", number)

def found(text, number):
    either = Q(title=text)
    if number:
        either |= Q(pk=number)
    Book.objects.filter(either).count()
    also = {"title": text}
    if number:
        also["author__name"] = text
    Book.objects.filter(**also).count()
    Book.objects.filter(**also).exists()
""",
    ],
)
def test_statements_are_those_that_the_framework_issues(tmp_path: Path, code: str) -> None:
    assert differences(written(tmp_path, {"shop/code.py": IMPORTS + code})) == []


def test_methods_of_abstract_models_and_mixins_are_walked_on_the_models_that_have_them(tmp_path: Path) -> None:
    code = """
from django.db import models

class Named(models.Model):
    name = models.CharField(max_length=10)

    class Meta:
        abstract = True

    def rename(self, name):
        self.name = name
        self.save(update_fields=["name"])

class Counts:
    def others(self):
        return type(self).objects.exclude(pk=self.pk).count()

class Shop(Counts, Named):
    pass

class Street(Counts, Named):
    pass

class Unused:
    def others(self):
        return self.objects.count()
"""
    found = queries(written(tmp_path, {"shop/code.py": code}), "shop/code.py")
    assert {(query.issued_by, query.table) for query in found} == {
        ("update", "shop_shop"),
        ("update", "shop_street"),
        ("count", "shop_shop"),
        ("count", "shop_street"),
    }
    assert not any(query.unknown for query in found)


def test_what_becomes_of_rows_that_are_there_already(tmp_path: Path) -> None:
    code = """
def run(rows):
    Publisher.objects.bulk_create(rows, ignore_conflicts=True)
    Publisher.objects.bulk_create(rows, update_conflicts=True, update_fields=["name"], unique_fields=["id"])
    Publisher.objects.bulk_create(rows)
"""
    found = [query.sql or "" for query in queries(written(tmp_path, {"shop/code.py": IMPORTS + code}), "shop/code.py")]
    assert [sql.partition(" ON CONFLICT")[2].strip()[:30] for sql in found] == [
        "DO NOTHING",
        '("id") DO UPDATE SET "name" = ',
        "",
    ]


def test_a_value_that_may_be_none_says_so(tmp_path: Path) -> None:
    code = """
def asked(request, kwargs, key=None):
    Book.objects.filter(pk=request.GET.get("book")).exists()
    Book.objects.filter(pk=kwargs.get("book")).exists()
    Book.objects.filter(pk=key).exists()
    Book.objects.filter(pk=request.GET["book"]).exists()
    Book.objects.filter(pk=kwargs.get("book", 1)).exists()
    if key:
        Book.objects.filter(pk=key).exists()
    Author.objects.filter(pk=Book.objects.get().author_id).exists()
"""
    found = queries(written(tmp_path, {"shop/code.py": IMPORTS + code}), "shop/code.py")
    told = [query.parameters[-1].or_none for query in found if query.issued_by == "exists"]
    assert told == [True, True, True, False, False, False, False]


def test_a_model_that_saves_itself_inserts_or_updates(tmp_path: Path) -> None:
    code = """
from django.db import models

class Note(models.Model):
    text = models.TextField()
    number = models.IntegerField(default=0)

    def save(self, *args, **kwargs):
        self.number += 1
        super().save(*args, **kwargs)

    def mark(self, also):
        names = ["text"]
        if also:
            names.append("number")
        super().save(update_fields=names)

def again(key):
    note = Note.objects.get(pk=key)
    note.text = "x"
    super(Note, note).save()
"""
    found = queries(written(tmp_path, {"shop/code.py": code}), "shop/code.py")
    assert {q.issued_by for q in found if q.issued.function == "Note.save"} == {"insert", "update"}
    assert [q.query.set_columns for q in found if q.issued.function == "Note.mark" and q.query] == [
        ("text", "number"),
        ("text",),
    ]


def test_asking_whether_there_is_a_row_at_the_other_end_fetches_it(tmp_path: Path) -> None:
    code = """
from django.db import models

class Biography(models.Model):
    author = models.OneToOneField(Author, models.CASCADE, related_name="biography")

def known(author: Author):
    return hasattr(author, "biography") and hasattr(author, "books") and hasattr(author, "name")
"""
    (query,) = queries(written(tmp_path, {"shop/models.py": _models() + code}), "shop/models.py")
    assert (query.issued_by, query.table) == ("relation", "shop_biography")


def test_a_class_that_a_function_makes_is_one_for_each_call(tmp_path: Path) -> None:
    code = """
from django.db import models
from django_scopes import ScopedManager

def open_only(**scopes):
    class Open(ScopedManager(**scopes).__class__):
        def get_queryset(self):
            return super().get_queryset().filter(closed=False)
    return Open()

class Sale(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)
    closed = models.BooleanField()
    objects = open_only(author="author")

class Part(models.Model):
    sale = models.ForeignKey(Sale, models.CASCADE)
    closed = models.BooleanField()
    objects = open_only(author="sale__author")

def both():
    Sale.objects.count()
    Part.objects.count()
"""
    sale, part = queries(written(tmp_path, {"shop/models.py": _models() + code}), "shop/models.py")
    assert '"shop_sale"."author_id" = ' in (sale.sql or "")
    assert 'INNER JOIN "shop_sale"' in (part.sql or "")


def test_features_of_the_connection_are_those_of_postgresql(tmp_path: Path) -> None:
    code = """
ITSELF = lazy(lambda: ("self",) if connection.features.has_select_for_update_of else (), tuple)()

def run(key):
    Book.objects.select_for_update(of=ITSELF).get(pk=key)
    if connection.vendor == "mysql":
        Author.objects.get(pk=key)
"""
    (query,) = queries(written(tmp_path, {"shop/code.py": IMPORTS + code}), "shop/code.py")
    assert query.sql is not None
    assert query.sql.endswith('FOR UPDATE OF "shop_book"')


def test_scopes_narrow_all_but_what_is_walked_without_them(tmp_path: Path) -> None:
    code = """
from django.db import models
from django_scopes import ScopedManager, scope, scopes_disabled

class Open(ScopedManager(author="author").__class__):
    def get_queryset(self):
        return super().get_queryset().filter(closed=False)

class Sale(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)
    closed = models.BooleanField()
    objects = ScopedManager(author="author")
    open = Open()

def opened():
    return Sale.open.latest("pk")

def inside(key):
    return Sale.objects.get(pk=key)

@scopes_disabled()
def outside(key):
    return Sale.objects.get(pk=key)

def around(key):
    with scopes_disabled():
        return inside_only_here(key)

def inside_only_here(key):
    with scope(author=key):
        Sale.objects.count()
    return Sale.objects.filter(pk=key).exists()
"""
    found = queries(written(tmp_path, {"shop/models.py": _models() + code}), "shop/models.py")
    narrowed = {(query.issued_by, '"author_id" = ' in (query.sql or ""), query.issued.function) for query in found}
    assert ("get", True, "inside") in narrowed
    assert ("first", True, "opened") in narrowed
    assert all('NOT "shop_sale"."closed"' in (query.sql or "") for query in found if query.issued.function == "opened")
    assert ("get", False, "outside") in narrowed
    assert ("get", True, "outside") not in narrowed
    assert {("exists", False, "inside_only_here"), ("exists", True, "inside_only_here")} <= narrowed
    assert ("count", False, "inside_only_here") not in narrowed


def test_a_scope_may_be_switched_off_and_its_join_with_it(tmp_path: Path) -> None:
    code = """
from django.db import models
from django_scopes import ScopedManager

class Sale(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)
    objects = ScopedManager(author="author")

class Part(models.Model):
    sale = models.ForeignKey(Sale, models.CASCADE)
    objects = ScopedManager(author="sale__author")

def both(key):
    Sale.objects.get(pk=key)
    Part.objects.filter(pk=key).count()
    Part.objects.select_related("sale").get(pk=key)
    Part.objects.with_scopes_disabled().filter(pk=key).exists()
"""
    found = queries(written(tmp_path, {"shop/models.py": _models() + code}), "shop/models.py")
    sale, count, related, off = ([(q.sql or "")[begin:end].split()[0] for begin, end in q.optional] for q in found)
    assert sale == ['"shop_sale"."author_id"']
    assert count == ["INNER", '"shop_sale"."author_id"']
    assert related == ['"shop_sale"."author_id"']
    assert all((query.sql or "").count("JOIN") == 1 for query in found[1:3])
    assert off == []
    assert "author_id" not in (found[3].sql or "")


def test_related_rows_are_those_of_the_default_manager(tmp_path: Path) -> None:
    code = """
from django.db import models

class Open(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(closed=False)

class Sale(models.Model):
    author = models.ForeignKey(Author, models.CASCADE, related_name="sales")
    closed = models.BooleanField()
    objects = Open()
    every = models.Manager()

def prefetched():
    return list(Author.objects.prefetch_related("sales"))
"""
    found = queries(written(tmp_path, {"shop/models.py": _models() + code}), "shop/models.py")
    (sales,) = [query.sql or "" for query in found if '"shop_sale"' in (query.sql or "")]
    assert 'NOT "shop_sale"."closed"' in sales


def test_a_queryset_that_a_relation_is_set_to_is_asked_for_its_rows(tmp_path: Path) -> None:
    code = """
from django.db import models

class Shelf(models.Model):
    books = models.ManyToManyField(Book)

def fill(shelf: Shelf, title):
    shelf.books.set(Book.objects.filter(title=title))
"""
    found = queries(written(tmp_path, {"shop/models.py": _models() + code}), "shop/models.py")
    assert any('WHERE "shop_book"."title" = $1' in (query.sql or "") for query in found)


def test_what_protects_a_row_is_taken_not_to_be_there(tmp_path: Path) -> None:
    code = """
from django.db import models

class Sale(models.Model):
    author = models.ForeignKey(Author, models.PROTECT)

def remove(author: Author):
    author.delete()
"""
    found = queries(written(tmp_path, {"shop/models.py": _models() + code}), "shop/models.py")
    assert any((query.sql or "").startswith('SELECT "shop_sale"') for query in found)
    assert any((query.sql or "").startswith('DELETE FROM "shop_author"') for query in found)


def test_a_row_where_a_key_is_wanted_is_its_key(tmp_path: Path) -> None:
    code = """
def task(author: Author):
    return Author.objects.get(pk=author)

def other(book: Book, key):
    return Book.objects.filter(pk=key, author=book).first()
"""
    by_row, by_both = queries(written(tmp_path, {"shop/code.py": IMPORTS + code}), "shop/code.py")
    assert 'WHERE "shop_author"."id" = ' in (by_row.sql or "")
    assert 'WHERE ("shop_book"."author_id" = ' in (by_both.sql or "")
    assert 'AND "shop_book"."id" = ' in (by_both.sql or "")
    assert (by_row.partial, by_both.partial) == (None, None)


def test_a_function_handed_to_something_unknown_is_called(tmp_path: Path) -> None:
    code = """
def counted(cache):
    return cache.get_or_set("books", lambda: Book.objects.count(), 60)
"""
    (query,) = queries(written(tmp_path, {"shop/code.py": IMPORTS + code}), "shop/code.py")
    assert query.issued_by == "count"


def test_a_variable_is_what_it_was_found_equal_to(tmp_path: Path) -> None:
    code = """
def by(key, value):
    if key != "name":
        raise ValueError(key)
    return Author.objects.filter(**{key: value}).first()
"""
    (query,) = queries(written(tmp_path, {"shop/code.py": IMPORTS + code}), "shop/code.py")
    assert 'WHERE "shop_author"."name" = ' in (query.sql or "")


def test_a_variable_is_not_what_it_was_equal_to_in_one_branch(tmp_path: Path) -> None:
    code = """
def by(value):
    if value == "nobody":
        print(value)
    return Author.objects.filter(name=value).first()
"""
    (query,) = queries(written(tmp_path, {"shop/code.py": IMPORTS + code}), "shop/code.py")
    assert (query.parameters[0].origin, query.parameters[0].value) == ("argument", None)


def _models() -> str:
    from web_project import FILES

    return FILES["shop/models.py"]
