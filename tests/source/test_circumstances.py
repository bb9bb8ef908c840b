"""Under what circumstances lines run, as the text tells it."""

from pathlib import Path

import pytest

from dbwright.model.source import SourceFact
from dbwright.source.facts import read
from dbwright.source.modules import Codebase


def facts(tmp_path: Path, kind: str, **files: str) -> list[SourceFact]:
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    return [fact for fact in read(Codebase(tmp_path, None)) if fact.kind == kind]


def jobs(tmp_path: Path, **files: str) -> list[str]:
    return [fact.place.function for fact in facts(tmp_path, "job", **files)]


@pytest.mark.parametrize(
    "decorator",
    [
        "@shared_task",
        "@app.task",
        "@app.task(bind=True)",
        "@app.on_after_finalize.connect",
        "@dramatiq.actor",
        "@receiver(signals.periodic_task)",
        "@receiver(signal=periodic_task)",
    ],
)
def test_decorated(tmp_path: Path, decorator: str) -> None:
    assert jobs(tmp_path, code=f"{decorator}\ndef send():\n    pass\n") == ["send"]


@pytest.mark.parametrize("decorator", ["@login_required", "@receiver(post_save)", "@app.route('/')", "@task_view"])
def test_not_a_job(tmp_path: Path, decorator: str) -> None:
    assert jobs(tmp_path, code=f"{decorator}\ndef send():\n    pass\n") == []


TASK = "@shared_task\ndef nightly():\n    collect()\n"


def test_named_by_jobs_alone(tmp_path: Path) -> None:
    text = "def collect():\n    inner()\n\n\ndef inner():\n    pass\n"
    assert jobs(tmp_path, code=text, jobs=TASK) == ["collect", "inner", "nightly"]


@pytest.mark.parametrize(
    "other",
    [
        "def view(request):\n    collect()\n",
        "urlpatterns = [path('', collect)]\n",
        "ACTIONS = ['code.collect']\n",
    ],
)
def test_named_by_others_too(tmp_path: Path, other: str) -> None:
    assert jobs(tmp_path, code="def collect():\n    pass\n", jobs=TASK, other=other) == ["nightly"]


def test_named_in_a_template(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "book.html").write_text("{{ book.collect }}")
    text = "class Book:\n    def collect(self):\n        pass\n"
    assert jobs(tmp_path, code=text, jobs=TASK.replace("collect()", "book.collect()")) == ["nightly"]


def test_named_by_commands_alone(tmp_path: Path) -> None:
    folder = tmp_path / "shop" / "management" / "commands"
    folder.mkdir(parents=True)
    (folder / "nightly.py").write_text("class Command:\n    def handle(self):\n        collect()\n")
    assert jobs(tmp_path, code="def collect():\n    pass\n\n\ndef other():\n    pass\n") == [
        "collect",
        "Command.handle",
    ]


def test_methods_that_frameworks_call(tmp_path: Path) -> None:
    text = "class Book:\n    def save(self):\n        pass\n\n    def get_absolute_url(self):\n        pass\n"
    job = "@shared_task\ndef nightly():\n    book.save()\n    book.get_absolute_url()\n"
    assert jobs(tmp_path, code=text, jobs=job) == ["nightly"]


@pytest.mark.parametrize(
    "test",
    ["key not in seen", "not key in seen", "key and key not in seen"],
)
def test_remembered(tmp_path: Path, test: str) -> None:
    found = facts(tmp_path, "remembered", code=f"def f(key, seen):\n    if {test}:\n        seen[key] = ask(key)\n")
    assert [(fact.place.line, fact.name) for fact in found] == [(3, "seen")]


@pytest.mark.parametrize(
    "body",
    [
        "if key in seen:\n        seen[key] = ask(key)",
        "if key not in seen:\n        other[key] = ask(key)",
        "if 'name' not in seen:\n        seen['name'] = ask(key)",
        "if key not in seen or forced:\n        seen[key] = ask(key)",
        "if key not in seen:\n        return ask(key)",
    ],
)
def test_not_remembered(tmp_path: Path, body: str) -> None:
    assert facts(tmp_path, "remembered", code=f"def f(key, seen):\n    {body}\n") == []


def test_results_kept_by_arguments(tmp_path: Path) -> None:
    text = "@lru_cache(maxsize=None)\ndef f(key):\n    return 1\n\n\nclass Row:\n    @cache\n    def g(self):\n        return 1\n"
    assert [fact.place.function for fact in facts(tmp_path, "remembered", code=text)] == ["f"]


@pytest.mark.parametrize(
    "walked",
    [
        "form.cleaned_data.items()",
        "enumerate(form.fields.values())",
        "settings.LANGUAGES",
        "Kind.choices",
        "[a, b]",
        "{'a': a}.items()",
        "NAMES",
        "self.NAMES",
    ],
)
def test_few_turns(tmp_path: Path, walked: str) -> None:
    text = f"NAMES = ('a', 'b')\n\n\ndef f(self, form, a, b):\n    for one in {walked}:\n        ask(one)\n"
    assert [fact.place.line for fact in facts(tmp_path, "few turns", code=text)] == [5]


@pytest.mark.parametrize(
    "walked",
    [
        "rows",
        "form.cleaned_data['books']",
        "form.fields.all()",
        "[*rows, a]",
        "{**rows}",
        "request.GET.getlist('n')",
        "ROWS",
    ],
)
def test_any_number_of_turns(tmp_path: Path, walked: str) -> None:
    text = f"ROWS = load()\n\n\ndef f(form, rows, request, a):\n    for one in {walked}:\n        ask(one)\n"
    assert facts(tmp_path, "few turns", code=text) == []


def test_on_failure(tmp_path: Path) -> None:
    text = "def f():\n    try:\n        ask()\n    except ValueError:\n        log()\n        tell()\n    else:\n        go()\n"
    assert [(fact.place.line, fact.end_line) for fact in facts(tmp_path, "on failure", code=text)] == [(5, 6)]
