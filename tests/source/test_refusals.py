"""What models, forms and serializers refuse: what a check constraint could say is told, what asks anything else is not."""

from pathlib import Path

import pytest

from dbwright.model.source import SourceFact
from dbwright.source.facts import read
from dbwright.source.modules import Codebase

MODEL = "class Task(Model):\n    def clean(self):\n        {}\n            raise ValidationError('no')\n"
FORM = (
    "class TaskForm(ModelForm):\n    class Meta:\n        model = Task\n\n"
    "    def {}:\n        {}\n            raise ValidationError('no')\n"
)


def facts(tmp_path: Path, text: str) -> list[SourceFact]:
    (tmp_path / "code.py").write_text(text)
    return [f for f in read(Codebase(tmp_path, None)) if f.kind in ("refused in code", "structure checked in code")]


@pytest.mark.parametrize(
    ("test", "names"),
    [
        ("if self.low > self.high:", "low,high"),
        ("if self.low and self.high and self.low > self.high:", "low,high"),
        ("if not self.kind in ['a', 'b']:", "kind"),
        ("if self.kind not in Kind.values:", "kind"),
        ("if self.size < 0:", "size"),
        ("if self.a and self.b:", "a,b"),
    ],
)
def test_model(tmp_path: Path, test: str, names: str) -> None:
    assert [(f.name, f.owner) for f in facts(tmp_path, MODEL.format(test))] == [(names, "Task")]


@pytest.mark.parametrize(
    "test",
    [
        "if not self.kind:",
        "if self.pk is None:",
        "if self.low > compute(self.high):",
        "if self.parent.kind != self.kind:",
        "if self.low > limits[self.kind]:",
        "if self.low > today:",
        "if Task.objects.filter(low=self.low).exists():",
    ],
)
def test_what_no_constraint_could_say(tmp_path: Path, test: str) -> None:
    assert facts(tmp_path, MODEL.format(test)) == []


@pytest.mark.parametrize(
    ("method", "body", "names"),
    [
        ("validate(self, attrs)", "if len(attrs['name'].strip()) < 3:", "name"),
        ("clean(self)", "if self.cleaned_data.get('low') > self.cleaned_data['high']:", "low,high"),
        ("clean(self)", "low = cleaned_data.get('low')\n        if low > cleaned_data['high']:", "low,high"),
        ("clean_size(self, size)", "if size > 100:", "size"),
    ],
)
def test_form(tmp_path: Path, method: str, body: str, names: str) -> None:
    found = facts(tmp_path, FORM.format(method, body))
    assert [(f.kind, f.name, f.owner) for f in found] == [("refused in code", names, "Task")]


def test_a_field_that_is_checked_by_other_means(tmp_path: Path) -> None:
    found = facts(tmp_path, FORM.format("validate_content(self, content)", "if problem(content):"))
    assert [(f.kind, f.name, f.owner) for f in found] == [("structure checked in code", "content", "Task")]


def test_a_form_without_a_model_says_nothing(tmp_path: Path) -> None:
    text = FORM.format("clean_size(self, size)", "if size > 100:").replace("        model = Task\n", "        pass\n")
    assert facts(tmp_path, text) == []


EFFECTS = "def view(request):\n    with transaction.atomic():\n        {}\n    {}\n"


@pytest.mark.parametrize(
    ("inside", "after", "lines"),
    [
        ("task.delay(1)", "pass", [3]),
        ("send_mail('a', 'b', 'c', [])", "pass", [3]),
        ("requests.get('https://example.org')", "pass", [3]),
        ("if request:\n            task.apply_async()", "pass", [4]),
        ("pass", "task.delay(1)", []),
        ("transaction.on_commit(lambda: task.delay(1))", "pass", []),
        ("transaction.on_commit(partial(task.delay, 1))", "pass", []),
        ("def later():\n            task.delay(1)", "pass", []),
        ("queryset.get('https://example.org')", "pass", []),
    ],
)
def test_effects_in_transactions(tmp_path: Path, inside: str, after: str, lines: list[int]) -> None:
    (tmp_path / "code.py").write_text(EFFECTS.format(inside, after))
    found = [f for f in read(Codebase(tmp_path, None)) if f.kind == "effect in transaction"]
    assert [f.place.line for f in found] == lines


def test_a_whole_function_in_a_transaction(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("@transaction.atomic\ndef view(request):\n    task.delay(1)\n")
    found = [f for f in read(Codebase(tmp_path, None)) if f.kind == "effect in transaction"]
    assert [(f.name, f.place.function) for f in found] == [("task.delay", "view")]
