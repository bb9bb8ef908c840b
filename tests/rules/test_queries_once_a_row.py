"""What a query once a row is told with: the line and the method that mend it, and how much it weighs."""

from pathlib import Path

import pytest
from test_source_samples import findings

from dbwright import rules
from dbwright.model.finding import Finding
from dbwright.model.sample import Sample
from dbwright.rules.queries import n_plus_one


def told(tmp_path: Path, source: dict[str, str]) -> Finding:
    rule = next(rule for rule in rules.load_all() if rule.id == "queries/n-plus-one")
    (finding,) = findings(rule, Sample(source=source), tmp_path / "project")
    return finding


@pytest.mark.parametrize(
    ("body", "step"),
    [
        (
            "for b in Book.objects.all():\n        b.author",
            '.select_related("author") to the queryset made at shop/views.py:7',
        ),
        (
            "for a in Author.objects.all():\n        [b.title for b in a.books.all()]",
            '.prefetch_related("books") to the queryset made at shop/views.py:7',
        ),
        (
            "for a in Author.objects.all():\n        [b.title for b in a.books.order_by('title')]",
            '.prefetch_related(Prefetch("books", queryset=…, to_attr=…)) to the queryset made at shop/views.py:7',
        ),
        (
            "for p in Publisher.objects.all():\n        for a in p.author_set.filter(name='x'):\n"
            "            [b.title for b in a.books.all()]",
            '.prefetch_related("books") to the queryset made at shop/views.py:8',
        ),
        (
            "for b in Book.objects.all():\n        Author.objects.get(pk=b.author_id)",
            "with Author.objects.in_bulk(keys)",
        ),
        ("for b in Book.objects.all():\n        Author.objects.get(name=b.title)", "with one query with IN (…)"),
    ],
)
def test_step(tmp_path: Path, body: str, step: str) -> None:
    assert step in (told(tmp_path, n_plus_one._views(f"def f():\n    {body}")).next_step or "")


def test_a_tree_weighs_as_one_relation(tmp_path: Path) -> None:
    finding = told(tmp_path, n_plus_one._shelves("Shelf.objects.all()"))
    assert finding.title == "One query a row: parent in paths"
    assert "further" not in finding.message
    assert finding.severity == "medium"


def test_many_relations_do_not_weigh_as_many_rows(tmp_path: Path) -> None:
    fields = "".join(f"    f{n} = models.ForeignKey('Item', models.CASCADE, related_name='+')\n" for n in range(40))
    touched = ", ".join(f"item.f{n}.name" for n in range(40))
    source = {
        "shop/__init__.py": "",
        "shop/models.py": f"from django.db import models\n\n\nclass Item(models.Model):\n"
        f"    created = models.DateTimeField(auto_now_add=True)\n{fields}",
        "shop/views.py": f"from shop.models import Item\n\n\ndef f():\n    return [({touched}) for item in Item.objects.all()]\n",
    }
    assert told(tmp_path, source).severity == "medium"


def test_a_list_of_a_table_that_does_not_grow_weighs_little(tmp_path: Path) -> None:
    source = dict(next(sample.source for sample in n_plus_one.BAD if "BookAdmin" in str(sample.source)))
    source["shop/models.py"] = source["shop/models.py"].replace(
        "    created = models.DateTimeField(auto_now_add=True)\n", ""
    )
    assert told(tmp_path, source).severity == "info"


def test_the_kinds_of_things_are_few_though_they_have_a_moment(tmp_path: Path) -> None:
    source = {
        name: text.replace("Author", "AuthorType").replace("author", "authortype")
        for name, text in n_plus_one._views(
            "def names():\n    return [(a.publisher.name, a.publisher_id) for a in Author.objects.all()]"
        ).items()
    }
    assert told(tmp_path, source).severity == "info"


@pytest.mark.parametrize(
    ("below", "severity"),
    [
        ("", "info"),
        # What belongs to them makes orders, tickets or threads of them, and no settings.
        (
            "\n\nclass Note(models.Model):\n    saved = models.ForeignKey(Saved, models.CASCADE)\n",
            "medium",
        ),
    ],
)
def test_what_a_user_has_saved_is_few(tmp_path: Path, below: str, severity: str) -> None:
    source = n_plus_one._views("x = 1")
    source["shop/models.py"] += (
        "\n\nclass User(models.Model):\n    name = models.TextField()\n\n\nclass Saved(models.Model):\n"
        "    user = models.ForeignKey(User, models.CASCADE)\n    author = models.ForeignKey(Author, models.CASCADE)\n"
        "    created = models.DateTimeField(auto_now_add=True)\n\n\nclass Team(models.Model):\n"
        "    user = models.ForeignKey(User, models.CASCADE)\n\n\nclass Seat(models.Model):\n"
        "    team = models.ForeignKey(Team, models.CASCADE)\n" + below
    )
    source["shop/views.py"] = (
        "from shop.models import Saved\n\n\ndef saved(request):\n"
        "    return [one.author.name for one in Saved.objects.filter(user_id=request.user.pk)]\n"
    )
    assert told(tmp_path, source).severity == severity


def test_lists_of_the_admin_are_one_habit(tmp_path: Path) -> None:
    source = {
        **n_plus_one._views("x = 1"),
        "shop/admin.py": "from django.contrib import admin\n\nfrom shop.models import Author, Book\n\n\n"
        "@admin.register(Book)\nclass BookAdmin(admin.ModelAdmin):\n    list_display = ('title', 'author')\n\n\n"
        "@admin.register(Author)\nclass AuthorAdmin(admin.ModelAdmin):\n    list_display = ('name', 'publisher')\n",
        "shop/models.py": n_plus_one._MODELS.replace("models.CASCADE", "models.CASCADE, null=True"),
    }
    finding = told(tmp_path, source)
    assert finding.title == "2 lists of the admin send a query a row"
    assert {place.line for place in finding.locations if place.file == "shop/admin.py"} == {7, 12}
    assert [each["title"] for each in finding.evidence["each"]] == [
        "One query a row: author in BookAdmin",
        "One query a row: publisher in AuthorAdmin",
    ]


def test_the_list_of_the_admin_is_mended_where_it_is_declared(tmp_path: Path) -> None:
    source = next(sample.source for sample in n_plus_one.BAD if "BookAdmin" in str(sample.source))
    assert 'Give BookAdmin (shop/admin.py:7) list_select_related = ("author", …)' in (
        told(tmp_path, dict(source)).next_step or ""
    )


@pytest.mark.parametrize(
    ("books", "step"),
    [
        ("Prefetch('books', queryset=shown)", '.select_related("editor") to the queryset made at shop/views.py:10'),
        ("'books'", '.prefetch_related("books__editor") to the queryset made at shop/views.py:11'),
    ],
)
def test_rows_that_are_prefetched_apart_are_mended_where_their_queryset_is_made(
    tmp_path: Path, books: str, step: str
) -> None:
    source = n_plus_one._views(
        "from django.db.models import Prefetch\n\n\ndef editors():\n    shown = Book.objects.order_by('title')\n"
        f"    return [b.editor for a in Author.objects.prefetch_related({books}) for b in a.books.all()]"
    )
    source["shop/models.py"] += "    editor = models.ForeignKey(Author, models.CASCADE, related_name='+')\n"
    assert step in (told(tmp_path, source).next_step or "")
