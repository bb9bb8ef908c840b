"""Source that is broken, odd or hostile: told with its line, never a crash, never a hang, and nothing of it is ever run."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dbwright.acquire import Request, acquire
from dbwright.audit import audit
from dbwright.model.snapshot import UNREAD, Snapshot
from dbwright.model.source import Source
from dbwright.source import files, read

MODELS = """\
from django.db import models


class Order(models.Model):
    code = models.CharField(max_length=20)


def view(request):
    return list(Order.objects.filter(code=request.GET["code"]))
"""
PYTHON_2 = "print 'sold', 3\nclass Old:\n    pass\n"


def write(root: Path, contents: dict[str, bytes | str]) -> Path:
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def project(root: Path, contents: dict[str, bytes | str]) -> Path:
    return write(root, {"shop/__init__.py": "", "shop/models.py": MODELS, **contents})


def audited(root: Path) -> Snapshot:
    """The whole way, as ``dbwright audit --no-db`` goes it."""
    snapshot = acquire(Request(root, use_database=False), {"DBWRIGHT_CACHE": str(root.parent / "cache")})
    report = audit(snapshot)
    assert not [n for n in report.not_checked if "the rule failed" in n.reason]
    return snapshot


def is_read(source: Source) -> bool:
    """Whether the right module beside the bad one was read whole."""
    return "shop_order" in source.table_by_name and any(query.sql for query in source.queries_on("shop_order"))


LATIN = "# -*- coding: latin-1 -*-\nNAME = 'Müller'\n".encode("latin-1")


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("x = 1\ny = (\n", 2, "not Python 3"),
        ("x = 1\n\n\ndef f(:\n    pass\n", 4, "not Python 3"),
        (PYTHON_2, 1, "not Python 3"),
        ("x = 1\ntry:\n    pass\nexcept ValueError, error:\n    pass\n", 4, "not Python 3"),
        ("NAME = 'Müller'\n".encode("latin-1"), 1, "utf-8"),
        ("x = 1\n".encode("utf-16"), 1, "not Python 3"),
        ("x = 1\n".encode("utf-16-le"), 1, "null bytes"),
        (b"x = 1\x00\n", 1, "null bytes"),
        (b"# coding: no-such-codec\nx = 1\n", 1, "codec"),
        (b"x = [\n" + b"1,\n" * 1_000_000 + b"]\n", 1, "larger than 3 MB"),
        ("x = " + "(" * 1000 + ")" * 1000, 1, ""),
        ("x = " + "-" * 100_000 + "1\n", 1, ""),
        ("if x:\n" + "".join(" " * n + "if x:\n" for n in range(1, 1000)) + " " * 1000 + "y = 1\n", 101, ""),
        (os.urandom(5000).replace(b"\x00", b"\x01") + b"\n(", 0, ""),
    ],
    ids=[
        "bracket", "def", "python 2", "python 2 except", "latin-1", "utf-16", "utf-16 without mark", "nul", "codec", "generated",
        "brackets",
        "operators", "indentation", "random",
    ],
)  # fmt: skip
def test_a_file_that_is_no_python_is_told_with_its_line(
    tmp_path: Path, content: bytes | str, line: int, reason: str
) -> None:
    root = project(tmp_path / "project", {"shop/bad.py": content})
    snapshot = audited(root)
    assert is_read(snapshot.source)
    (problem,) = [p for p in snapshot.source.problems if p.file == "shop/bad.py"]
    assert line in (0, problem.line)
    assert reason.lower() in problem.reason.lower()
    (gap,) = [gap for gap in snapshot.gaps if gap.section == UNREAD]
    assert f"shop/bad.py:{problem.line}" in gap.reason


@pytest.mark.parametrize(
    "content",
    [
        LATIN,
        b"\xef\xbb\xbfx = 1\n",
        b"",
        b"x = 1\r\ny = 2\r",
        b"def first[T](items: list[T]) -> T:\n    return items[0]\n",
        "x = " + "[" * 80 + "]" * 80,
        "x = " + " + ".join(["'a'"] * 500),
        "x" * 200_000 + " = 1\n",
    ],
    ids=["latin-1", "mark", "empty", "line ends", "newer", "brackets", "long sum", "long name"],
)
def test_odd_files_that_are_python(tmp_path: Path, content: bytes | str) -> None:
    source = read(project(tmp_path, {"shop/odd.py": content}))
    assert is_read(source)
    assert not [p for p in source.problems if p.file == "shop/odd.py"]


CYCLIC: dict[str, bytes | str] = {
    "shop/a.py": "from shop.b import *\nfrom shop.models import Order\nclass A(B): pass\n",
    "shop/b.py": "from shop.a import *\nfrom .c import C as B\n",
    "shop/c.py": "from shop.b import B as C\nfrom shop.a import A\nX = Y\nY = X\n",
    "shop/loop.py": "import shop.loop\nfrom shop.loop import thing as thing\nclass D(D): pass\n",
}


def test_imports_names_and_classes_that_go_in_circles(tmp_path: Path) -> None:
    assert is_read(audited(project(tmp_path / "project", CYCLIC)).source)


def test_star_imports_through_modules(tmp_path: Path) -> None:
    contents: dict[str, bytes | str] = {f"shop/s{n}.py": f"from shop.s{n + 1} import *\n" for n in range(60)}
    contents["shop/s60.py"] = "from shop.models import *\n"
    contents["shop/end.py"] = (
        "from shop.s0 import *\nfrom nowhere import *\n\ndef find():\n    return Order.objects.get(code='x')\n"
    )
    source = read(project(tmp_path, contents))
    assert any(query.issued.file == "shop/end.py" and query.table == "shop_order" for query in source.queries)


def test_links_that_go_in_circles(tmp_path: Path) -> None:
    root = project(tmp_path / "project", {})
    (root / "shop/again").symlink_to(root)
    (root / "shop/self.py").symlink_to("self.py")
    (root / "shop/one.py").symlink_to("two.py")
    (root / "shop/two.py").symlink_to("one.py")
    (root / "shop/gone.py").symlink_to("/nowhere/at/all.py")
    source = audited(root).source
    assert is_read(source)
    assert {table.place.file for table in source.tables if table.owned} == {"shop/models.py"}


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    root = project(tmp_path / "project", {"shop/templates/a.html": ""})
    for name in (
        "shop/pipe.py",
        "shop/templates/pipe.html",
        "manage.py",
        "settings.py",
        ".env",
        "docker-compose.yml",
        "alembic.ini",
        "Procfile",
    ):
        os.mkfifo(root / name)
    (root / "shop/endless.py").symlink_to("/dev/zero")
    (root / "Dockerfile").symlink_to("/dev/zero")
    (root / "shop/folder.py").mkdir()
    assert is_read(audited(root).source)


def test_unreadable_files_and_folders_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path, {"shop/secret.py": "x = 1\n", "shop/closed/inside.py": "x = 1\n"})
    read_bytes, scandir = Path.read_bytes, os.scandir

    def refused(what: Callable[..., object], name: str) -> Callable[..., object]:
        def call(path: object, *rest: object) -> object:
            if str(path).endswith(name):
                raise PermissionError(13, "Permission denied", str(path))
            return what(path, *rest)

        return call

    monkeypatch.setattr(Path, "read_bytes", refused(read_bytes, "secret.py"))
    monkeypatch.setattr(os, "scandir", refused(scandir, "closed"))
    source = read(root)
    assert is_read(source)
    told = {problem.file: problem.reason for problem in source.problems}
    assert told == {"shop/secret.py": "Permission denied", "shop/closed": "Permission denied"}


def test_a_folder_of_very_many_files_is_bounded_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(tmp_path, {f"zoo/m{n:04}.py": "" for n in range(300)})
    monkeypatch.setattr(files, "MOST_FILES", 100)
    source = read(root)
    assert is_read(source)
    assert source.files == 100
    assert any("more than 100 Python files" in problem.reason for problem in source.problems)


HARM = "import os\nos.remove({0!r})\nopen({1!r}, 'w').write('ran')\nos.system('touch ' + {1!r})\n"


def test_nothing_of_a_project_is_ever_run(tmp_path: Path) -> None:
    victim, trace = tmp_path / "victim", tmp_path / "trace"
    victim.write_text("still here")
    harm = HARM.format(str(victim), str(trace))
    run = f"__import__('os').remove({str(victim)!r})"
    names = (
        "manage.py setup.py conftest.py shop/__init__.py shop/settings.py shop/urls.py shop/admin.py shop/apps.py shop/wsgi.py "
        "tests/conftest.py "
        "shop/migrations/__init__.py shop/migrations/0001_initial.py alembic/env.py alembic/versions/1_a.py sitecustomize.py django.py "
        "sqlalchemy.py gunicorn.conf.py yaml.py"
    ).split()
    contents: dict[str, bytes | str] = dict.fromkeys(names, harm + MODELS)
    contents["manage.py"] = harm + "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    contents["shop/settings.py"] = (
        harm + f"DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'NAME': {run}}}}}\n"
    )
    contents["shop/models.py"] = (
        harm
        + MODELS
        + f"""
class Evil(models.Model):
    size = models.CharField(max_length={run}, default={run}, choices=[({run}, 'x')])

    class Meta:
        db_table = {run}
        indexes = [models.Index(fields=[{run}], name=(lambda: {run})())]
        constraints = [models.CheckConstraint(condition=models.Q(size={run}), name='c')]

    def __init_subclass__(cls):
        {run}

    def __class_getitem__(cls, item):
        {run}


class Child(Evil[{run}], metaclass={run}):
    @property
    def title(self):
        return {run}


def search(request):
    return [e.title for e in Evil.objects.filter(size={run}).extra(where=[{run}])] + eval("{run}") + exec("{run}")
"""
    )
    contents["shop/templates/a.html"] = f"{{% load evil %}}{{{{ order.delete }}}}{{% include {run} %}}"
    contents["shop/templatetags/evil.py"] = harm
    contents["docker-compose.yml"] = (
        f"services:\n  web:\n    image: !!python/object/apply:os.remove ['{victim}']\n    command: rm {victim}\n"
    )
    contents[".env"] = f"DB_NAME=$(rm {victim})\nDATABASE_URL=`rm {victim}`\n"
    contents["alembic.ini"] = f"[alembic]\nscript_location = alembic\nsqlalchemy.url = postgresql://%({run})s\n"
    root = write(tmp_path / "project", contents)
    here = Path.cwd()
    os.chdir(root)
    try:
        snapshot = audited(root)
    finally:
        os.chdir(here)
    assert "shop_order" in snapshot.source.table_by_name
    assert victim.read_text() == "still here"
    assert not trace.exists()


DYNAMIC = """\
from django.db import models
from vault import Client

FIELDS = {name: models.CharField(max_length=Client().get("length")) for name in open("names").read().split()}
Dynamic = type("Dynamic", (models.Model,), {"__module__": __name__, **FIELDS})


def register(base):
    for number in range(10 ** 9):
        globals()[f"Model{number}"] = type(f"Model{number}", (base,), {})


register(models.Model)
exec(compile(open("more.py").read(), "more.py", "exec"))


class Settled(models.Model):
    locals()["hidden"] = models.TextField()
    code = getattr(models, Client().get("kind"))(max_length=3)
    plain = models.TextField()
"""
SETTINGS = """\
import hvac
from google.cloud import secretmanager

client = hvac.Client(url="https://vault.example", token=open("/var/run/token").read())
SECRET = client.secrets.kv.v2.read_secret_version(path="shop")["data"]["data"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "PASSWORD": SECRET["password"], **SECRET["database"]}}
DATABASES["default"].update({key.upper(): value for key, value in SECRET.items()})
exec(SECRET["more"])
"""


def test_dynamic_models_and_settings_from_a_vault(tmp_path: Path) -> None:
    manage = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    root = project(
        tmp_path / "project", {"shop/dynamic.py": DYNAMIC, "shop/settings.py": SETTINGS, "manage.py": manage}
    )
    snapshot = audited(root)
    assert is_read(snapshot.source)
    settled = snapshot.source.table_by_name["shop_settled"]
    assert {"id", "plain"} <= {column.name for column in settled.columns}
    (access,) = snapshot.project.surroundings.accesses
    assert not access.is_complete
    rules = {finding.rule for finding in audit(snapshot).findings}
    assert not [rule for rule in rules if rule.startswith(("connections/", "security/"))]


BRANCHES = "\n".join(f"    if request.GET.get('p{n}'):\n        rows = rows.filter(code={n})" for n in range(40))
CALLS = "\n\n".join(
    f"def step{n}(rows, request):\n    if request.user:\n        return step{n + 1}(rows.filter(code='{n}'), request)\n"
    f"    return step{n + 1}(rows.exclude(code='{n}'), request) or step{n + 1}(rows, request)"
    for n in range(40)
)
NESTED = (
    "\n".join("    " * n + f"    for r{n} in Order.objects.all():" for n in range(18))
    + "\n"
    + "    " * 19
    + "list(Order.objects.filter(code=r0))"
)
EXPLODING = {
    "branches": f"def view(request):\n    rows = Order.objects.all()\n{BRANCHES}\n    return list(rows)\n",
    "calls": f"{CALLS}\n\ndef step40(rows, request):\n    return list(rows)\n\n"
    "def view(request):\n    return step0(Order.objects.all(), request)\n",
    "loops": f"def view(request):\n{NESTED}\n",
    "recursion": "def view(request, depth=0, *rest):\n    list(Order.objects.filter(code=depth))\n"
    "    return view(request, depth + 1, [rest, rest])\n",
    "doubling": "x = 'a'\n" + "x = x + x\n" * 200 + "def view(request):\n    return Order.objects.get(code=x)\n",
    "powers": "X = 9 ** 9 ** 9 ** 9\nY = 'a' * 10 ** 10\nZ = [0] * 10 ** 12\nW = 1 << 10 ** 10\n",
    "endless": "def view(request):\n    while True:\n        for o in Order.objects.all():\n            yield from view(request)\n",
}


@pytest.mark.parametrize("name", EXPLODING)
def test_time_is_bounded(tmp_path: Path, name: str) -> None:
    root = project(tmp_path / "project", {"shop/views.py": "from shop.models import Order\n\n" + EXPLODING[name]})
    began = time.process_time()
    assert is_read(audited(root).source)
    assert time.process_time() - began < 30
