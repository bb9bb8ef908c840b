"""Edits of source as people write it; what cannot be edited is refused and never broken."""

import ast
from pathlib import Path

import pytest

from dbwright.fixes import django_models, sqlalchemy_models, writing
from dbwright.fixes.conditions import as_q
from dbwright.fixes.django_models import AddEntry, ModelClass, SetFieldOption
from dbwright.fixes.drafts import FileText
from dbwright.fixes.python_text import CannotEdit
from dbwright.fixes.sqlalchemy_models import AddArgument, MappedClass, RemoveArgument

INDEX = AddEntry("indexes", 'models.Index(fields=["a"], name="a_idx")')
HEAD = "from django.db import models\n\n\n"


def model(body: str, edit: django_models.ModelEdit = INDEX, head: str = HEAD) -> str:
    text = f"{head}class A(models.Model):\n{body}"
    new = django_models.edited(text, ModelClass("m.py", "A", 4), edit)
    ast.parse(new)
    return new


def table(body: str, edit: sqlalchemy_models.TableEdit) -> str:
    new = sqlalchemy_models.edited(
        f"import sqlalchemy as sa\n\n\nclass A(Base):\n{body}", MappedClass("m.py", "A", 4), edit
    )
    ast.parse(new)
    return new


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("\ta = models.IntegerField()\n\n\tclass Meta:\n\t\tordering = ['a']\n", "tabs"),
        ("    Meta = Other\n    a = models.IntegerField()\n", "assigned"),
        ("    class Meta:\n        if True:\n            indexes = []\n", "condition"),
        ("    a = models.IntegerField(\n", "not written in a way"),
    ],
)
def test_what_cannot_be_followed_is_refused(body: str, reason: str) -> None:
    with pytest.raises(CannotEdit, match=reason):
        model(body)


def test_a_call_that_takes_arguments_from_elsewhere_is_left_alone() -> None:
    with pytest.raises(CannotEdit, match="from elsewhere"):
        model("    a = models.IntegerField(**kw)\n", SetFieldOption("a", "null", "True"))


@pytest.mark.parametrize("strange", ["b = 1\n\x0c\n    ", "b = '\u2028'\n    ", "b = '\x85'\n    "])
def test_lines_are_counted_as_python_counts_them(strange: str) -> None:
    new = model(f"    {strange}a = models.IntegerField()\n\n    def f(self):\n        pass\n")
    fields, methods = new.split("    class Meta:")
    assert "a = models.IntegerField()" in fields
    assert "def f(self)" in methods


@pytest.mark.parametrize("value", ['["it\'s", "x"]', '"O\'Brien \\"x\\""', '["a", "it\'s"]'])
def test_texts_keep_their_quotes_in_files_of_the_other_kind(value: str) -> None:
    head = "'''Models.'''\nfrom django.db import models\nX = 'a', 'b', 'c', 'd'\n"
    check = AddEntry("constraints", f'models.CheckConstraint(condition=models.Q(a__in={value}), name="n")')
    new = model("    a = models.TextField()\n", check, head)
    (call,) = (n for n in ast.walk(ast.parse(new)) if isinstance(n, ast.Call) and ast.unparse(n.func) == "models.Q")
    assert ast.literal_eval(call.keywords[0].value) == ast.literal_eval(value)
    assert "name='n'" in new


def test_the_name_models_is_imported_where_it_is_not() -> None:
    assert "from django.db import models as m, models" in model(
        "    a = m.IntegerField()\n", head="from django.db import models as m\n\n\n"
    )
    new = model("    a = IntegerField()\n", head="from django.db.models import IntegerField\n\n\n")
    assert "from django.db import models\n" in new


def test_nothing_comes_between_a_decorator_and_its_function() -> None:
    body = "    @declared_attr\n    def __tablename__(cls):\n        return 'a'\n"
    new = table(body, AddArgument('@Index("a_idx", "a")', ("Index",)))
    assert new.index("__table_args__") < new.index("@declared_attr")


@pytest.mark.parametrize("rest", ['sa.Index("y", "b")', '{"schema": "s"}'])
def test_what_is_left_of_two_arguments_is_still_a_tuple(rest: str) -> None:
    body = f'    __table_args__ = (sa.Index("z", "b"), {rest})\n'
    new = table(body, RemoveArgument("z"))
    assert f"__table_args__ = ({rest},)" in new


def test_a_cast_that_changes_what_is_compared_stays_sql() -> None:
    assert as_q("a::date = '2020-01-01'", {"a": "a"}) is None
    assert as_q("(a)::text = 'x'::text", {"a": "a"}) == 'models.Q(a="x")'


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_text("old\n")
    (tmp_path / "link.py").symlink_to("real.py")
    writing.write(tmp_path, [FileText("link.py", "old\n", "new\n")])
    assert (tmp_path / "link.py").is_symlink()
    assert (tmp_path / "real.py").read_text() == "new\n"


def test_a_file_that_vanished_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(writing.NotWritten, match=r"gone.py: No such file"):
        writing.write(tmp_path, [FileText("gone.py", "a\n", "b\n")])


def test_what_was_written_is_put_back_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_bytes(b"a\r\nb\n")
    (tmp_path / "b.py").write_bytes(b"b\n")
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target.name == "b.py":
            raise OSError(28, "No space left on device", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(writing.NotWritten, match="No space left"):
        writing.write(tmp_path, [FileText("a.py", "a\nb\n", "c\n", crlf=True), FileText("b.py", "b\n", "d\n")])
    assert (tmp_path / "a.py").read_bytes() == b"a\r\nb\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "b.py"]
