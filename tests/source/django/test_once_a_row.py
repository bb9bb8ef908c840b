"""What runs once for each row of a query, and what is loaded along with the rows: lines and paths, read from one project."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from web_project import written

from dbwright.model.source import Place, Source
from dbwright.source import read

FILES = {
    "shop/models.py": """\
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from far_away.models import FarManager


class NoteManager(FarManager):
    def open(self):
        return self.filter(text="")


class Note(models.Model):
    text = models.TextField()
    book = models.ForeignKey("Book", models.CASCADE, related_name="notes")
    writer = models.ForeignKey("Writer", models.CASCADE)
    kind = models.ForeignKey(ContentType, models.CASCADE)
    number = models.IntegerField()
    about = GenericForeignKey("kind", "number")
    objects = NoteManager()


class Book(models.Model):
    title = models.TextField()
    writer = models.ForeignKey("Writer", models.CASCADE)


    def __iter__(self):
        return iter(self.notes.all())


    @property
    def short_notes(self):
        return self.notes.filter(text="").first()


class Page(models.Model):
    book = models.OneToOneField(Book, models.CASCADE)


class Writer(models.Model):
    name = models.TextField()
    said = GenericRelation(Note, object_id_field="number", content_type_field="kind")
""",
    "shop/loops.py": """\
from shop.models import Book, Note, Writer


def related_by_kind():
    return [list(writer.said.all()) for writer in Writer.objects.all()]


def loaded(books):
    books = books.select_related("writer")
    return books.order_by("title")


def nested():
    for book in Book.objects.prefetch_related("notes"):
        for note in book.notes.all():
            print(note.writer)


def built():
    for book in loaded(Book.objects.all()):
        print(book.writer, book.notes.count())


def generic():
    for note in Note.objects.open():
        print(note.about)


def generic_loaded():
    for note in Note.objects.open().prefetch_related("about"):
        print(note.about)


def over_one(n):
    for note in Book.objects.get(pk=n):
        print(note.writer)


def of_two(n):
    if n:
        notes = Note.objects.filter(pk=n)
    else:
        notes = Note.objects.select_related("writer")
    for note in notes:
        print(note.writer)


def told_at_run_time(names):
    for note in Note.objects.select_related(*names):
        print(note.book)


def told_by_some(names):
    notes = Note.objects.all()
    if names:
        notes = notes.prefetch_related(*names)
    for note in notes:
        print(note.book)
""",
    "shop/rows.py": """\
from django.conf import settings
from django.db.models import Prefetch

from shop.models import Book, Note, Page, Writer


def to_attribute():
    for book in Book.objects.prefetch_related(Prefetch("notes", Note.objects.filter(text=""), to_attr="short_notes")):
        print(book.short_notes)


def without_attribute():
    for book in Book.objects.prefetch_related("notes"):
        print(book.short_notes)


def of_one_book(book: Book):
    for note in book.notes.all():
        print(note.book.writer, note.writer)


def of_each_book():
    for book in Book.objects.all():
        for note in book.notes.all():
            print(note.book.writer)


def inside_a_prefetch():
    for note in Note.objects.prefetch_related(Prefetch("book", Book.objects.select_related("writer"))):
        print(note.book.writer)


def beside_a_prefetch():
    for note in Note.objects.prefetch_related(Prefetch("book", Book.objects.all())):
        print(note.book.writer)


def nothing(given):
    rows = Note.objects.none() if given else Note.objects.select_related("book")
    for note in rows:
        print(note.book)


def only_nothing():
    for note in Note.objects.none():
        print(note.book)


def has(rows: list):
    rows = Note.objects.all() if rows else Note.objects.filter(text="")
    if hasattr(rows, "prefetch_related"):
        rows = rows.prefetch_related("book")
    for note in rows:
        print(note.book, note.writer)


def has_not():
    rows = Note.objects.all()
    if hasattr(rows, "unheard_of"):
        rows = rows.prefetch_related("book")
    for note in rows:
        print(note.book)


def there_and_back():
    for book in Book.objects.select_related("page"):
        print(book.page.book.title)


def there_by_a_query():
    for book in Book.objects.all():
        print(book.page.book.title)


def under_debug():
    for note in Note.objects.all():
        if settings.DEBUG:
            print(note.book)
        if not settings.DEBUG:
            print(note.writer)


def cached():
    for book in Book.objects.all():
        if book.notes.all()._result_cache is not None:
            print(len(book.notes.filter(text="")))
""",
    "shop/short.py": """\
from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from shop.models import Book


class FullSerializer(serializers.ModelSerializer):
    count = serializers.SerializerMethodField()

    class Meta:
        model = Book
        fields = ["title", "count"]

    def get_count(self, book):
        return book.notes.count()


class ShortSerializer(FullSerializer):
    class Meta:
        model = Book
        fields = ["title"]


class FullViewSet(ReadOnlyModelViewSet):
    serializer_class = FullSerializer
    queryset = Book.objects.all()


class ShortViewSet(ReadOnlyModelViewSet):
    serializer_class = ShortSerializer
    queryset = Book.objects.all()
""",
    "shop/given.py": """\
from django.db.models import Count, Prefetch, prefetch_related_objects

from shop.models import Book, Note


def fill(notes):
    for note in notes:
        note.__dict__["book"] = None


def assigned():
    notes = list(Note.objects.filter(text="assigned"))
    fill(notes)
    for note in notes:
        print(note.book, note.writer)


def fetched_later():
    notes = list(Note.objects.filter(text="later"))
    prefetch_related_objects(notes, "book")
    for note in notes:
        print(note.book, note.writer)


def evaluated(book: Book):
    for other in Book.objects.all():
        notes = other.notes.filter(text="x")
        if notes:
            count_of(notes)


def count_of(notes):
    return notes.count(), notes.exists(), notes[0]


def first_of_loaded():
    for book in Book.objects.prefetch_related("notes"):
        print(book.notes.all()[0], book.notes.count())


def told_apart(note_or_book):
    for row in Note.objects.all():
        if isinstance(row, Book):
            print(row.writer)
        elif isinstance(row, Note):
            print(row.book)


def annotated():
    for book in Book.objects.annotate(short_notes=Count("notes")):
        print(book.short_notes)


def has_annotation():
    for book in Book.objects.annotate(known=Count("notes")):
        if not hasattr(book, "known"):
            print(book.writer)


def back_from_an_attribute():
    for book in Book.objects.prefetch_related(Prefetch("notes", Note.objects.all(), to_attr="kept")):
        for note in book.kept:
            print(note.book.writer)


def some_of_them(full):
    notes = Note.objects.all()
    if full:
        notes = notes.select_related("book")
    for note in notes:
        print(note.book, note.writer)
""",
    "shop/schema.py": """\
from graphene_django import DjangoObjectType

from shop.models import Book


class BookType(DjangoObjectType):
    class Meta:
        model = Book

    def resolve_notes(self, info):
        return self.notes.all()

    @staticmethod
    def resolve_title(root, info):
        return root.title

    @hints(prefetch_related="writer")
    def resolve_writer(self, info):
        return self.writer
""",
    "shop/documents.py": """\
from django_elasticsearch_dsl import Document, fields

from shop.models import Book


class BookDocument(Document):
    writer = fields.TextField(attr="writer.name")
    notes = fields.NestedField(properties={"text": fields.TextField()})

    class Django:
        model = Book


class PlainBookDocument(Document):
    writer = fields.TextField(attr="writer.name")

    class Django:
        model = Book

    def get_queryset(self):
        return self.django.model.objects.order_by("title")
""",
    "shop/api.py": """\
from nested_api.serializers import NestedModelSerializer
from rest_framework.viewsets import ReadOnlyModelViewSet

from shop.models import Book


class BookSerializer(NestedModelSerializer):
    writer_name = serializers.SerializerMethodField()

    class Meta:
        model = Book
        fields = ["title", "notes"]


class BookViewSet(ReadOnlyModelViewSet):
    serializer_class = BookSerializer

    def get_queryset(self):
        return Book.objects.all()
""",
}
for number in range(30):
    FILES["shop/loops.py"] += (
        f"\n\ndef many_{number}():\n    return [str(n) for n in loaded(Book.objects.all()).filter(id={number})]\n"
    )
FILES["shop/loops.py"] += (
    "\n\ndef last():\n    for note in of_any(Note.objects.all()):\n        print(note.book)\n\n\n"
    "def of_any(rows):\n    return rows.filter(pk=1)\n\n\n"
    + "\n\n\n".join(f"def any_{n}():\n    return list(of_any(Book.objects.filter(title='{n}')))" for n in range(10))
    + "\n"
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return read(written(tmp_path_factory.mktemp("rows"), FILES), strict=True)


def touched(source: Source, function: str) -> Iterator[tuple[str | None, str | None]]:
    """Relation, and the table of the rows that it is touched for."""
    for query in source.queries:
        if query.issued.function == function and query.rows_loops:
            yield query.relation, query.rows_loops[-1].table


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("nested", {("writer", "shop_note")}),
        ("built", {("notes", "shop_book")}),
        ("generic", {("about", "shop_note")}),
        ("generic_loaded", set()),
        ("related_by_kind", {("said", "shop_writer")}),
        ("over_one", {("writer", "shop_note")}),
        ("of_two", {("writer", "shop_note")}),
        ("told_at_run_time", set()),
        ("told_by_some", set()),
        ("last", {("book", "shop_note")}),
        ("to_attribute", set()),
        ("Book.short_notes", {("notes", "shop_book")}),
        ("of_one_book", {("writer", "shop_note")}),
        ("of_each_book", {("notes", "shop_book"), ("writer", "shop_book")}),
        ("inside_a_prefetch", set()),
        ("beside_a_prefetch", {("book__writer", "shop_note")}),
        ("nothing", set()),
        ("only_nothing", set()),
        ("has", {("writer", "shop_note")}),
        ("has_not", set()),
        ("there_and_back", set()),
        ("there_by_a_query", {("page", "shop_book")}),
        ("under_debug", {("writer", "shop_note")}),
        ("cached", set()),
        ("assigned", {("writer", "shop_note")}),
        ("fetched_later", {("writer", "shop_note")}),
        ("evaluated", {("notes", "shop_book")}),
        ("count_of", set()),
        ("first_of_loaded", set()),
        ("told_apart", {("book", "shop_note")}),
        ("some_of_them", {("writer", "shop_note")}),
        ("FullSerializer.get_count", {("notes", "shop_book")}),
        ("ShortViewSet", set()),
        ("annotated", set()),
        ("has_annotation", set()),
        ("back_from_an_attribute", {("writer", "shop_book")}),
        ("BookType", {("notes", "shop_book")}),
        ("BookDocument", {("writer", "shop_book"), ("notes", "shop_book")}),
        ("PlainBookDocument", {("writer", "shop_book")}),
        ("BookViewSet", {("notes", "shop_book")}),
    ],
)
def test_what_a_row_costs(source: Source, function: str, expected: set[tuple[str, str]]) -> None:
    assert set(touched(source, function)) == expected


def test_rows_of_rows_know_the_way_from_the_outermost_queryset(source: Source) -> None:
    [query] = [q for q in source.queries if q.issued.function == "nested" and q.issued_by == "relation"]
    outer, inner = query.loops
    assert (inner.relation, inner.owner) == ("notes", outer.rows_made)


def test_of_several_querysets_that_is_told_whose_rows_lack_the_relation(source: Source) -> None:
    lines = {
        (source_line(query.loops[-1].rows_made), query.loops[-1].owner is not None)
        for query in source.queries
        if query.issued.function in ("of_two", "over_one") and query.issued_by == "relation"
    }
    assert lines == {("notes = Note.objects.filter(pk=n)", False), ("return iter(self.notes.all())", True)}


def source_line(place: Place | None) -> str:
    return FILES[place.file].splitlines()[place.line - 1].strip() if place is not None else ""


def test_lines_that_build_the_rows_are_known(source: Source) -> None:
    query = next(q for q in source.queries if q.issued.function == "built" and q.rows_loops)
    assert [place.line for place in query.loops[-1].rows_built] == [9, 10]
    assert query.loops[-1].rows_made is not None
    assert query.loops[-1].rows_made.line == 20


def test_rows_that_graphql_chooses_are_told_apart(source: Source) -> None:
    assert all(q.loops[0].by_graphql for q in source.queries if q.issued.function == "BookType")
    assert not any(loop.by_graphql for q in source.queries if q.issued.function == "built" for loop in q.loops)


@pytest.mark.parametrize(
    ("prefetched", "apart"),
    [
        ('Prefetch("notes", queryset=short())', True),
        ('Prefetch("notes", short())', True),
        ('Prefetch("notes")', False),
        ('"notes"', False),
    ],
)
def test_rows_that_are_prefetched_with_a_queryset_of_their_own_are_made_there(
    tmp_path: Path, prefetched: str, apart: bool
) -> None:
    code = (
        "from django.db.models import Prefetch\nfrom shop.models import Book, Note\n\n\n"
        "def short():\n    return Note.objects.filter(text='')\n\n\n"
        f"def names():\n    for book in Book.objects.prefetch_related({prefetched}):\n"
        "        for note in book.notes.all():\n            print(note.writer.name)\n"
    )
    root = written(tmp_path, {"shop/models.py": FILES["shop/models.py"], "shop/code.py": code})
    [query] = [q for q in read(root, strict=True).queries if q.issued_by == "relation" and q.table == "shop_writer"]
    assert (query.loops[-1].asked.line if query.loops[-1].asked else None) == (11 if apart else None)
    assert query.loops[-1].rows_made is not None
    assert query.loops[-1].rows_made.line == (6 if apart else 11)
