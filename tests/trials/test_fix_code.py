"""``dbwright fix --tests``: edits of code that the project's own tests show to be good, and those that they do not."""

from pathlib import Path

import pytest

from cli import assert_one_clear_error
from trials.library import LIST, Library

GET = "self.assertEqual(self.client.get('/').status_code, 200)"


def refused(library: Library, words: str) -> None:
    before = library.view
    done = library.tried()
    assert done.code == 1, done
    assert words in " ".join(done.err.split()), done.err
    assert "Nothing to write" in done.err
    assert library.view == before


def test_what_is_proven_is_written_with_its_figures(tmp_path: Path) -> None:
    library = Library(tmp_path, LIST, GET)
    done = library.tried()
    assert done.code == 0, done.err
    assert 'Book.objects.order_by("title").select_related("author")\n' in library.view
    assert library.view == LIST.replace('order_by("title")', 'order_by("title").select_related("author")')
    assert "books.tests.BookTests.test_page: 25 → 1 statements, same result" in done.err
    assert "1 finding gone: One query a row: author in page" in done.err
    assert "select_related" in done.out
    assert not (tmp_path / "books.sqlite3").exists()
    assert library.tried().code == 2  # nothing is found any more


def test_nothing_of_the_project_is_run_without_tests(tmp_path: Path) -> None:
    library = Library(tmp_path, LIST, GET)
    done = library.fix("queries/*", "--yes")
    assert done.code == 1
    assert '+    books = Book.objects.order_by("title").select_related("author")' in done.out
    assert "Advice, not written" in done.err
    assert "--tests" in done.err
    assert library.view == LIST
    assert not list(tmp_path.rglob("__pycache__"))


def test_without_a_name_and_without_tests_code_is_left_alone(tmp_path: Path) -> None:
    library = Library(tmp_path, LIST, GET)
    done = library.fix("--yes")
    assert done.code == 1
    assert "select_related" not in done.out


def test_a_dry_run_tries_and_shows_and_writes_nothing(tmp_path: Path) -> None:
    library = Library(tmp_path, LIST, GET)
    done = library.tried("--dry-run")
    assert done.code == 0
    assert "25 → 1 statements" in done.err
    assert "select_related" in done.out
    assert library.view == LIST


@pytest.mark.parametrize(
    ("view", "old", "new", "figure"),
    [
        (
            "def page(request):\n    names = []\n    for author in Author.objects.order_by('name'):\n"
            "        names.append([author.name, [book.title for book in author.books.all()]])\n"
            "    return JsonResponse({'names': names})\n",
            "order_by('name')",
            "order_by('name').prefetch_related('books')",
            "13 → 2 statements",
        ),
        (
            "def page(request):\n    return JsonResponse({'total': len(Book.objects.filter(title__gte='b'))})\n",
            "len(Book.objects.filter(title__gte='b'))",
            "Book.objects.filter(title__gte='b').count()",
            "24 → 1 rows fetched",
        ),
        (
            "def page(request):\n    if not Book.objects.filter(title__gte='n'):\n        return HttpResponse('none')\n"
            "    return HttpResponse('some')\n",
            "Book.objects.filter(title__gte='n')",
            "Book.objects.filter(title__gte='n').exists()",
            "12 → 1 rows fetched",
        ),
        (
            "def page(request):\n    # The books, by their title:\n    books = (\n        Book.objects\n        .filter(title__gte='a')\n"
            "        .order_by('title')  # as people seek them\n    )\n"
            "    return HttpResponse(', '.join(f'{book.title} {book.author.publisher.name}' for book in books))\n",
            "# as people seek them\n",
            "# as people seek them\n        .select_related('author__publisher')\n",
            "49 → 1 statements",
        ),
    ],
    ids=["prefetch", "count", "exists", "layout"],
)
def test_each_kind_of_edit(tmp_path: Path, view: str, old: str, new: str, figure: str) -> None:
    library = Library(tmp_path, view, GET)
    done = library.tried()
    assert done.code == 0, done.err
    assert library.view == view.replace(old, new)
    assert figure in done.err


def test_what_comes_out_may_hold_times_and_keys_by_chance(tmp_path: Path) -> None:
    view = LIST.replace("book.title, ", "book.title, str(book.created), str(uuid4()), ")
    library = Library(tmp_path, f"from uuid import uuid4\n\n\n{view}", GET)
    done = library.tried()
    assert done.code == 0, done.err
    assert "25 → 1 statements" in done.err


def test_a_function_that_a_test_calls_itself(tmp_path: Path) -> None:
    view = "def page(request=None):\n    return [(b.title, b.author.name) for b in Book.objects.order_by('pk')]\n"
    library = Library(tmp_path, view, "self.assertEqual(len(page()), 24)")
    done = library.tried()
    assert done.code == 0, done.err
    assert "25 → 1 statements" in done.err


# What is refused


def test_another_result_is_refused(tmp_path: Path) -> None:
    """The list shows what was loaded along: only its statements are fewer."""
    view = LIST.replace("book.title, ", "book.title, 'author' in book._state.fields_cache, ")
    refused(Library(tmp_path, view, GET), "the result of page() is another")


def test_of_several_relations_those_are_written_that_change_nothing(tmp_path: Path) -> None:
    view = (
        "def page(request):\n    rows = []\n    for author in Author.objects.order_by('name'):\n"
        "        loaded = 'books' in getattr(author, '_prefetched_objects_cache', {})\n"
        "        rows.append([loaded, author.publisher.name, [book.title for book in author.books.all()]])\n"
        "    return JsonResponse({'rows': rows})\n"
    )
    library = Library(tmp_path, view, GET)
    done = library.tried()
    assert done.code == 0, done.err
    assert "25 → 13 statements" in done.err
    assert (
        'prefetch_related("books") at books/views.py:9: in books.tests.BookTests.test_page the result of page() is another'
        in done.err
    )
    assert library.view == view.replace("order_by('name')", "order_by('name').select_related('publisher')")


def test_a_test_that_then_fails_is_refused(tmp_path: Path) -> None:
    library = Library(tmp_path, LIST, "with self.assertNumQueries(25):\n    self.client.get('/')")
    refused(library, "books.tests.BookTests.test_page passes without it and not with it")


def test_what_no_test_comes_to_is_advice(tmp_path: Path) -> None:
    refused(Library(tmp_path, LIST, "self.assertEqual(Book.objects.count(), 24)"), "no test comes to it")


def test_too_few_rows_prove_nothing(tmp_path: Path) -> None:
    refused(Library(tmp_path, LIST, GET, rows=0), "the 1 test that comes to it sends no fewer statements")


def test_more_statements_in_any_test_are_refused(tmp_path: Path) -> None:
    """The relation is walked over for some callers only: the others would pay for it."""
    view = (
        "def page(request):\n    rows = []\n    for author in Author.objects.order_by('name'):\n"
        "        if request.GET.get('books'):\n            rows.append([book.title for book in author.books.all()])\n"
        "    return JsonResponse({'rows': rows})\n"
    )
    more = "\n    def test_short(self):\n        self.client.get('/')\n"
    library = Library(tmp_path, view, "self.client.get('/?books=1')", more=more)
    refused(library, "books.tests.BookTests.test_short then sends 2 statements instead of 1")


def test_a_result_that_nothing_shows_is_refused(tmp_path: Path) -> None:
    view = (
        "SEEN = []\n\n\ndef page(request):\n    SEEN.append(names())\n    return HttpResponse('ok')\n\n\n"
        "def names():\n    return {object(): [b.author.name for b in Book.objects.order_by('title')]}\n"
    )
    refused(Library(tmp_path, view, "names()"), "nothing comes out of books.tests.BookTests.test_page")


def test_tests_that_are_different_each_time_prove_nothing(tmp_path: Path) -> None:
    view = f"import os\n\n\n{LIST}".replace("book.author.name]", "book.author.name, 'x ' * os.urandom(1)[0]]")
    refused(Library(tmp_path, view, GET), "or differs each time")


def test_tests_that_failed_before_prove_nothing(tmp_path: Path) -> None:
    refused(Library(tmp_path, LIST, f"{GET}\nself.fail('always')"), "or differs each time")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no-such-program-anywhere", "cannot be started"),
        ("python 'manage.py", "cannot be read"),
        ("python -c pass", "No test ran"),
    ],
)
def test_commands_that_run_no_test_are_told(tmp_path: Path, command: str, words: str) -> None:
    library = Library(tmp_path, LIST, GET)
    done = library.fix("queries/*", "--yes", "--tests", command)
    assert done.code == 2, done
    assert "Traceback" not in done.err
    error, way_on = done.err.splitlines()[-2:]
    assert words in error
    assert "--tests" in way_on or "shell" in way_on
    assert library.view == LIST


def test_line_ends_stay_and_mixed_ones_are_refused(tmp_path: Path) -> None:
    library = Library(tmp_path, LIST, GET)
    views = tmp_path / "books/views.py"
    text = views.read_bytes()
    views.write_bytes(text.replace(b"\n", b"\r\n", 3))
    done = library.tried()
    assert done.code == 1
    assert "mixes line ends" in done.err
    views.write_bytes(text.replace(b"\n", b"\r\n"))
    assert library.tried().code == 0
    written = views.read_bytes()
    assert b"select_related" in written
    assert written.count(b"\r\n") == written.count(b"\n")


# Pages instead of tests


def test_a_page_is_asked_for_with_the_rows_that_are_there(tmp_path: Path) -> None:
    library = Library(tmp_path, LIST, "pass")
    library.fill(30)
    done = library.fix("queries/*", "--yes", "--get", "/?page=1")
    assert done.code == 0, done.err
    assert "/?page=1: 61 → 1 statements, same result" in done.err
    assert 'order_by("title").select_related("author")' in library.view


def test_what_a_page_writes_is_taken_back(tmp_path: Path) -> None:
    view = LIST.replace(
        "    books =", "    Book.objects.create(title='new', author=Author.objects.first())\n    books ="
    )
    library = Library(tmp_path, view, "pass")
    library.fill(3)
    before = library.titles()
    assert library.fix("queries/*", "--dry-run", "--get", "/").code == 0
    assert library.titles() == before


def test_a_page_that_fails_proves_nothing(tmp_path: Path) -> None:
    library = Library(tmp_path, LIST, "pass")
    library.fill(3)
    done = library.fix("queries/*", "--yes", "--get", "/nothing-here/")
    assert done.code == 1
    assert "no test comes to it" in done.err
    done = library.fix("queries/*", "--yes", "--get", "/", "--as", "nobody")
    assert done.code == 2
    assert "No test ran (exit code 1)" in done.err
    assert_one_clear_error(library.fix("queries/*", "--yes", "--get", "/", "--tests", "auto"))
    assert library.view == LIST
