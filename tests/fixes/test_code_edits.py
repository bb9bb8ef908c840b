"""Edits of the code that sends queries: the place is found, all else stays as it is, and what leaves a doubt is refused."""

import ast

import pytest

from dbwright.fixes.code_edits import CodeText, edited, marked
from dbwright.fixes.python_text import CannotEdit
from dbwright.model.code_edit import CodeEdit, Doing, together
from dbwright.model.source_table import Place


def edit(do: Doing, line: int = 1, names: tuple[str, ...] = ("author",)) -> CodeEdit:
    return CodeEdit(Place("shop/views.py", line, "page"), do, names, "shop.models.Book")


def written(text: str, do: Doing, line: int = 1, names: tuple[str, ...] = ("author",)) -> str:
    return edited(text, [edit(do, line, names)])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = Book.objects.all()\n", 'x = Book.objects.all().select_related("author")\n'),
        ("x = Book.objects.filter(a=1)[:9]\n", 'x = Book.objects.filter(a=1).select_related("author")[:9]\n'),
        ("x = Book.objects.get(pk=1)\n", 'x = Book.objects.select_related("author").get(pk=1)\n'),
        ("x = Book.objects.filter(a=1).first()\n", 'x = Book.objects.filter(a=1).select_related("author").first()\n'),
        (
            "for b in self.get_queryset():\n    pass\n",
            'for b in self.get_queryset().select_related("author"):\n    pass\n',
        ),
        ("x = super().get_queryset()\n", 'x = super().get_queryset().select_related("author")\n'),
        ("x = [b.author for b in a.books.all()]\n", 'x = [b.author for b in a.books.all().select_related("author")]\n'),
        ("x = get_object_or_404(Book, pk=1)\n", 'x = get_object_or_404(Book.objects.select_related("author"), pk=1)\n'),
        ("x = render(r, Book.objects.all(), Author.objects.all())\n", None),
        # The queryset of the rows, not of the condition.
        ("x = Book.objects.filter(a__in=Author.objects.filter(b=1))\n", None),
        # What is there already is added to, in its quotes.
        ("x = Book.objects.select_related('a')\n", "x = Book.objects.select_related('a', 'author')\n"),
        ("x = Book.objects.select_related('author')\n", "x = Book.objects.select_related('author')\n"),
        ("x = Book.objects.select_related(*a)\n", 'x = Book.objects.select_related(*a).select_related("author")\n'),
        ("x = Book.objects.select_related(None)\n", 'x = Book.objects.select_related(None).select_related("author")\n'),
        ("x = models.Book.objects.all()\n", 'x = models.Book.objects.all().select_related("author")\n'),
        ("queryset = Book.published.all()\n", 'queryset = Book.published.all().select_related("author")\n'),
        ("é = 'é', Book.objects.all()\n", "é = 'é', Book.objects.all().select_related('author')\n"),
    ],
)
def test_a_relation_is_loaded_along(before: str, after: str | None) -> None:
    new = written(before, "select_related")
    if after is not None:
        assert new == after
    else:
        first = next(
            node
            for node in ast.walk(ast.parse(new))
            if isinstance(node, ast.Attribute) and node.attr == "select_related"
        )
        assert "Author" not in ast.unparse(first.value).partition("(")[0]
        assert new.replace('.select_related("author")', "") == before


def test_a_call_stands_on_a_line_of_its_own_where_the_others_do() -> None:
    before = (
        "x = (\n    Book.objects\n    # those of one\n    .filter(a=1)  # only\n    .order_by('b')\n    .first()\n)\n"
    )
    after = before.replace(".order_by('b')\n", ".order_by('b')\n    .select_related('author')\n")
    for line in (2, 4, 5):
        assert written(before, "select_related", line) == after


def test_a_comment_stays_with_its_call() -> None:
    before = "x = (\n    Book.objects.filter(a=1)\n    .order_by('b')  # as people seek\n)\n"
    assert written(before, "select_related", 2) == before.replace("seek\n", "seek\n    .select_related('author')\n")


def test_lines_that_are_continued_stay_so() -> None:
    before = "x = Book.objects \\\n    .filter(a=1) \\\n    .order_by('b')\n"
    after = before.replace(".order_by('b')", ".order_by('b') \\\n    .select_related('author')")
    assert written(before, "select_related") == after


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = Book.objects.filter(a=1).values('a')\n", "no instances"),
        ("x = Book.objects.values_list('a', flat=True).filter(a=1)\n", "no instances"),
        ("x = Book.objects.all().union(y)\n", "combines several"),
        ("x = Book.objects.only('a')\n", "leaves columns out"),
        ("x = Book.objects.defer('a')\n", "leaves columns out"),
        ("x = Book.objects.all().iterator()\n", "in pieces"),
        ("x = Book.objects.select_for_update().filter(a=1)\n", "locks its rows"),
        ("x = Book.objects.select_related().filter(a=1)\n", "names no relation"),
        ("x = Author.objects.filter(a=1)\n", "for other rows than Book"),
        ("x = zip(Book.objects.all(), Book.objects.filter(a=1))\n", "several expressions"),
        ("x = books\n", "no expression"),
        ("x = [1].index(1)\n", "no expression"),
        ("x = f'{Book.objects.all()}'\n", "f-string"),
        ("x = '''\n'''\ny = 1\n", "no expression"),
    ],
)
def test_what_leaves_a_doubt_is_refused(text: str, words: str) -> None:
    with pytest.raises(CannotEdit, match=words):
        written(text, "select_related")


def test_rows_that_are_locked_may_be_prefetched_for() -> None:
    assert written("x = Book.objects.select_for_update()\n", "prefetch_related").endswith(
        '.prefetch_related("author")\n'
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("q = select(Book)\n", "q = select(Book).options(selectinload(Book.author))\n"),
        ("q = sa.select(Book).where(a)\n", "q = sa.select(Book).where(a).options(selectinload(Book.author))\n"),
        (
            "q = s.scalars(select(m.Book).where(a)).all()\n",
            "q = s.scalars(select(m.Book).where(a).options(selectinload(m.Book.author))).all()\n",
        ),
        (
            "q = s.query(Book).filter(a).all()\n",
            "q = s.query(Book).filter(a).options(selectinload(Book.author)).all()\n",
        ),
        (
            "q = Book.query.filter_by(a=1).first()\n",
            "q = Book.query.filter_by(a=1).options(selectinload(Book.author)).first()\n",
        ),
        (
            "q = db.session.query(Book).limit(5)\n",
            "q = db.session.query(Book).limit(5).options(selectinload(Book.author))\n",
        ),
    ],
)
def test_a_relationship_is_loaded_along(before: str, after: str) -> None:
    head = "from sqlalchemy.orm import Session\n"
    assert written(head + before, "selectinload", 2) == "from sqlalchemy.orm import Session, selectinload\n" + after


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("q = select(Book.id).where(a)\n", "no expression"),
        ("q = select(Book, Author)\n", "more than the rows"),
        ("q = select(Book).union(select(Book))\n", "several|combines"),
        ("q = s.query(Book).with_entities(Book.id)\n", "no instances"),
        ("q = select(Book).subquery()\n", "part of another"),
        ("q = select(Author)\n", "no expression"),
    ],
)
def test_statements_of_something_else_are_refused(text: str, words: str) -> None:
    with pytest.raises(CannotEdit, match=words):
        written(text, "selectinload")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = len(books)\n", "x = books.count()\n"),
        ("x = len(list(Book.objects.all()))\n", "x = Book.objects.all().count()\n"),
        ("x = len(books[:5]) + 1\n", "x = books[:5].count() + 1\n"),
        ("x = f(len(self.books.all()))\n", "x = f(self.books.all().count())\n"),
    ],
)
def test_rows_are_counted_by_the_database(before: str, after: str) -> None:
    assert written(before, "count", names=()) == after


@pytest.mark.parametrize(
    "text", ["x = len(a) + len(b)\n", "x = size(a)\n", "x = len([b for b in a])\n", "x = len(a or b)\n"]
)
def test_another_length_is_left_alone(text: str) -> None:
    with pytest.raises(CannotEdit):
        written(text, "count", names=())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("if books:\n    pass\n", "if books.exists():\n    pass\n"),
        ("if not books:\n    pass\n", "if not books.exists():\n    pass\n"),
        ("x = bool(books)\n", "x = bool(books.exists())\n"),
        ("x = 1 if Book.objects.filter(a=1) else 2\n", "x = 1 if Book.objects.filter(a=1).exists() else 2\n"),
        ("if books.count():\n    pass\n", "if books.exists():\n    pass\n"),
        ("if not books.count():\n    pass\n", "if not books.exists():\n    pass\n"),
        ("x = books.count() > 0\n", "x = books.exists()\n"),
        ("x = books.count() >= 1 and y\n", "x = books.exists() and y\n"),
        ("x = books.count() == 0\n", "x = not books.exists()\n"),
        ("x = books.count() < 1\n", "x = not books.exists()\n"),
    ],
)
def test_the_database_is_asked_whether_there_are_any(before: str, after: str) -> None:
    assert written(before, "exists", names=()) == after


def test_the_variable_tells_which_of_several_is_meant() -> None:
    assert (
        written("if books and user:\n    pass\n", "exists", names=("books",))
        == "if books.exists() and user:\n    pass\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "if books and user:\n    pass\n",
        "x = books.count() > 5\n",
        "x = books.count() == 1\n",
        "x = books.count()\n",
        "x = books\n",
        "if Book.objects.filter(a=1).first():\n    pass\n",
        "if [1].count(1) > 0:\n    pass\n",
    ],
)
def test_other_tests_are_left_alone(text: str) -> None:
    with pytest.raises(CannotEdit):
        written(text, "exists", names=())


def test_all_edits_of_a_file_are_done_and_nothing_else() -> None:
    text = "a = len(x)\n\n\ndef f():\n\treturn Book.objects.all()  # \x0c all\n"
    edits = [edit("count", 1, ()), edit("select_related", 5), edit("prefetch_related", 5, ("tags",))]
    new = edited(text, edits)
    assert new == text.replace("len(x)", "x.count()").replace(
        "all() ", 'all().select_related("author").prefetch_related("tags") '
    )


class Unmarked(ast.NodeTransformer):
    """What a text says without its marks."""

    def __init__(self, calls: list[ast.Call]) -> None:
        self.calls = calls

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return node.args[1] if node in self.calls else node


def test_marks_wrap_the_expression_and_change_nothing() -> None:
    text = (
        "@cached\nasync def f():\n    if x.count() > 0:\n        return (\n            Book.objects.filter(a=1)\n"
        "            .order_by('b')  # c\n        )\n"
    )
    numbers = {edit("exists", 3, ()): 0, edit("select_related", 5): 1, edit("prefetch_related", 5, ("tags",)): 2}
    for chosen in ((), tuple(numbers), tuple(numbers)[:2]):
        new = marked(text, numbers, chosen)
        tree = ast.parse(new)
        calls = [
            n
            for n in ast.walk(tree)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == "reached"
        ]
        assert sorted(call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)) == [0, 1, 2]
        assert "@cached\n@__import__('dbwright_recorder').returns\nasync def" in new.replace('"', "'")
        function = Unmarked(calls).visit(tree).body[0]
        function.decorator_list.pop()
        assert ast.unparse(tree) == ast.unparse(ast.parse(edited(text, chosen)))


def test_what_a_class_says_stands_in_no_function() -> None:
    text = "class V:\n    queryset = Book.objects.all()\n\n    def f(self):\n        return Book.objects.all()\n"
    assert CodeText(text).function_of(edit("select_related", 2)) is None
    function = CodeText(text).function_of(edit("select_related", 5))
    assert function is not None
    assert function.name == "f"


def test_edits_of_one_function_stand_together() -> None:
    one, other = edit("count", 1), edit("exists", 9)
    third = CodeEdit(Place("shop/views.py", 30, "list"), "count")
    assert together([one, third, other, one]) == ((one, other), (third,))
