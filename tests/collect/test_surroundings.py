"""What stands around the code, in projects of every shape: told by environment, without running anything and without any secret."""

import time
from pathlib import Path

import msgspec
import pytest

from dbwright.acquire import Request, acquire
from dbwright.audit import audit
from dbwright.collect import surroundings
from dbwright.collect.surroundings.passwords import weakness
from dbwright.collect.surroundings.variables import expand
from dbwright.model.surroundings import DatabaseAccess, Surroundings
from dbwright.report import html, json, markdown, sarif

pytest.importorskip("yaml")
POSTGRESQL = "'ENGINE': 'django.db.backends.postgresql'"


def project(root: Path, files: dict[str, str]) -> Surroundings:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return surroundings.read(root)[0]


def accesses(root: Path, settings: str, **more: str) -> list[DatabaseAccess]:
    return list(project(root, {"shop/settings.py": settings, **more}).accesses)


def options(access: DatabaseAccess) -> dict[str, object]:
    return {option.name: option.value for option in access.options}


@pytest.mark.parametrize(
    ("condition", "then", "otherwise"),
    [
        ("DEBUG", "development", "production"),
        ("not DEBUG", "production", "development"),
        ("'test' in sys.argv", "tests", "any"),
        ("os.environ.get('ENV') == 'production'", "production", "development"),
        ("os.environ.get('ENV') != 'production'", "development", "production"),
        ("IS_LIVE", "production", "development"),
        ("USE_REPLICA", "any", "any"),
        ("os.getenv('CI')", "tests", "any"),
    ],
)
def test_branches_are_told_by_environment(tmp_path: Path, condition: str, then: str, otherwise: str) -> None:
    text = f"""\
DATABASES = {{'default': {{{POSTGRESQL}, 'CONN_MAX_AGE': 1}}}}
if {condition}:
    DATABASES = {{'default': {{{POSTGRESQL}, 'CONN_MAX_AGE': 2}}}}
"""
    found = {options(access)["CONN_MAX_AGE"]: access.environment for access in accesses(tmp_path, text)}
    assert found == {1: otherwise, 2: then}


def test_a_split_package_is_read_as_each_of_its_environments(tmp_path: Path) -> None:
    files = {
        "shop/settings/base.py": f"DATABASES = {{'default': {{{POSTGRESQL}}}}}\n",
        "shop/settings/production.py": "from .base import *\nDATABASES['default']['CONN_MAX_AGE'] = 60\n",
        "shop/settings/dev.py": "from shop.settings.base import *\nDATABASES['default'].update(CONN_MAX_AGE=0)\n",
        "shop/settings/test.py": "from .base import *\nDATABASES['default'] = {'ENGINE': 'django.db.backends.sqlite3'}\n",
    }
    found = {a.environment: (a.engine, options(a).get("CONN_MAX_AGE")) for a in project(tmp_path, files).accesses}
    assert found == {"production": ("postgresql", 60), "development": ("postgresql", 0), "tests": ("sqlite", None)}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("dj_database_url.config(conn_max_age=600, ssl_require=True)", {"CONN_MAX_AGE": 600, "sslmode": "require"}),
        ("env.db('DATABASE_URL')", {}),
        (f"{{{POSTGRESQL}, 'CONN_MAX_AGE': env.int('AGE', default=30)}}", {"CONN_MAX_AGE": 30}),
        (f"{{{POSTGRESQL}, 'CONN_MAX_AGE': config('AGE', default=5, cast=int)}}", {"CONN_MAX_AGE": 5}),
        (f"{{{POSTGRESQL}, 'CONN_MAX_AGE': vault.read('age')}}", {"CONN_MAX_AGE": None}),
        (f"{{{POSTGRESQL}, **COMMON}}", {"CONN_MAX_AGE": 9}),
        (f"{{{POSTGRESQL}, 'OPTIONS': {{'options': '-c statement_timeout=5000 -c lock_timeout=1s'}}}}",
         {"statement_timeout": "5000", "lock_timeout": "1s"}),
        (f"{{{POSTGRESQL}, 'OPTIONS': {{'connect_timeout': 3, 'pool': {{'max_size': 4}}}}}}", {"connect_timeout": 3, "pool": True}),
    ],
)  # fmt: skip
def test_options_through_helpers(tmp_path: Path, entry: str, expected: dict[str, object]) -> None:
    common = "COMMON = {'CONN_MAX_AGE': 9}\n" if "COMMON" in entry else ""
    (access,) = accesses(tmp_path, f"{common}DATABASES = {{'default': {entry}}}\n")
    assert options(access) == expected


@pytest.mark.parametrize(
    ("command", "processes", "threads", "is_async"),
    [
        ("gunicorn -w 4 --threads 8 shop.wsgi", 4, 8, False),
        ("gunicorn shop.wsgi --workers=3 -k uvicorn.workers.UvicornWorker", 3, 1, True),
        ("gunicorn -w ${WORKERS:-6} shop.wsgi", 6, 1, False),
        ("gunicorn -w ${WORKERS} shop.wsgi", None, 1, False),
        ("poetry run uvicorn app:app --workers 2", 2, None, True),
        ('sh -c "python manage.py migrate && exec gunicorn -w 5 shop.wsgi"', 5, 1, False),
        ("celery -A shop worker -c 8", 8, 1, False),
        ("celery -A shop worker -P gevent -c 100", 1, 100, False),
        ("./run.sh", 7, 1, False),
    ],
)
def test_commands(tmp_path: Path, command: str, processes: int, threads: int, is_async: bool) -> None:
    text = f"services:\n  web:\n    build: .\n    command: {command}\n"
    run = "#!/bin/sh\npython manage.py migrate\nexec gunicorn shop.wsgi \\\n  --workers 7\n"
    (service,) = project(tmp_path, {"docker-compose.yml": text, "run.sh": run}).services
    told = [amount.value if amount else None for amount in (service.processes, service.threads)]
    assert (*told, service.is_async) == (processes, threads, is_async)


def test_anchors_replicas_and_env_files(tmp_path: Path) -> None:
    text = """\
x-app: &app
  build: .
  env_file: [web.env]
services:
  web:
    <<: *app
    command: gunicorn shop.wsgi -w $COUNT
    deploy: {replicas: 3}
  beat:
    <<: *app
    command: celery -A shop beat
"""
    found = project(tmp_path, {"compose.yaml": text, "web.env": "COUNT=2\n"})
    assert [(s.name, s.runs, s.processes.value if s.processes else None, s.replicas) for s in found.services] == [
        ("web", "web", 2, 3),
        ("beat", "scheduler", 1, 1),
    ]


def test_a_service_of_developers_is_one(tmp_path: Path) -> None:
    mounted = "services:\n  web:\n    build: .\n    command: gunicorn shop.wsgi\n    volumes: ['.:/app']\n"
    files = {"docker-compose.yml": mounted, "deploy/docker-compose.yml": mounted.replace(".:/app", "media:/media")}
    assert {s.group: s.environment for s in project(tmp_path, files).services} == {
        "docker-compose.yml": "development",
        "deploy/docker-compose.yml": "any",
    }


SECRETS = ("hunter2hunter2", "kD93hf-Qmz71", "db.secret-host.example", "s3cr3t_user")
FULL_OF_SECRETS = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
    "shop/settings.py": f"DATABASES = {{'default': {{{POSTGRESQL}, 'PASSWORD': 'hunter2hunter2', 'HOST': 'db.secret-host.example',"
    " 'USER': 's3cr3t_user', 'OPTIONS': {'passfile': 'kD93hf-Qmz71', 'sslmode': 'prefer'}}}\n",
    "shop/db.py": "from sqlalchemy import create_engine\n"
    "engine = create_engine('postgresql://s3cr3t_user:hunter2hunter2@db.secret-host.example/x',\n"
    "                       connect_args={'password': 'kD93hf-Qmz71'})\n",
    ".env": "DB_PASSWORD=hunter2hunter2\nDATABASE_URL=postgres://s3cr3t_user:kD93hf-Qmz71@db.secret-host.example/x\n",
    ".env.production": "POSTGRES_USER=s3cr3t_user\nPOSTGRES_PASSWORD=s3cr3t_user\nDB_POOL_SIZE=20\n",
    "docker-compose.yml": "services:\n  db:\n    image: postgres:17\n    environment: {POSTGRES_PASSWORD: hunter2hunter2}\n"
    "  web:\n    build: .\n    command: gunicorn shop.wsgi --env KEY=kD93hf-Qmz71\n    environment: {DB_PASSWORD: hunter2hunter2}\n",
    "Procfile": "web: SECRET=hunter2hunter2 gunicorn shop.wsgi\n",
    "backup.sh": "PGPASSWORD=hunter2hunter2 pg_dump -h db.secret-host.example -U s3cr3t_user\n",
    "pgbouncer.ini": "[databases]\nx = host=db.secret-host.example password=hunter2hunter2\n[pgbouncer]\npool_mode = transaction\n",
}  # fmt: skip


def test_no_secret_leaves_the_reader(tmp_path: Path) -> None:
    project(tmp_path / "project", FULL_OF_SECRETS)
    cache = tmp_path / "cache"
    snapshot = acquire(Request(tmp_path / "project", use_database=False), {"DBWRIGHT_CACHE": str(cache)})
    around = snapshot.project.surroundings
    assert around.passwords
    assert len(around.accesses) == 2
    report = audit(snapshot)
    assert any(finding.rule == "security/weak-password" for finding in report.findings)
    texts = [msgspec.json.encode((snapshot.project, snapshot.source)).decode(), repr(snapshot.project)]
    texts += [renderer.render(report) for renderer in (html, json, markdown, sarif)]
    texts += [path.read_bytes().decode("latin-1") for path in cache.rglob("*") if path.is_file()]
    for secret in SECRETS[:2]:
        assert not [text for text in texts if secret in text]
    for private in SECRETS[2:]:
        assert private not in texts[0] + texts[1]


@pytest.mark.parametrize(
    ("text", "user", "is_weak"),
    [
        ("postgres", "", True),
        ("Change_Me", "", True),
        ("shop", "shop", True),
        ("a9!x", "", True),
        ("correct-horse-battery", "", False),
        ("<your password>", "", False),
        ("${DB_PASSWORD}", "", False),
        ("your-password-here", "", False),
        ("xxxxxxxx", "", False),
        ("", "", False),
    ],
)
def test_weakness_is_told_without_the_text(text: str, user: str, is_weak: bool) -> None:
    why = weakness(text, user)
    assert (why is not None) == is_weak
    assert not text or why is None or text.lower() not in why.lower().split()


def test_expanding_ends() -> None:
    assert expand("${A:-${B:-x}} $C ${D}", {"C": "c"}) == "x c "
    assert expand("${A:-" * 50 + "}" * 50, {}) is not None


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    ("text", "line"),
    [("services: [\n", 2), ("services:\n  web: {image: x\n", 3), ("\x00", 1), ("services:\n\tweb: x\n", 2), ("[" * 3000, 1)],
)  # fmt: skip
def test_yaml_that_is_none_is_told_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "docker-compose.yml").write_text(text)
    found, problems = surroundings.read(tmp_path)
    assert not found.services
    (problem,) = problems
    assert (problem.file, problem.line) == ("docker-compose.yml", line)


def test_what_would_swell_or_go_round_does_not(tmp_path: Path) -> None:
    modules = {
        f"shop/m{n}.py": "DATABASES = {'default': {}}\n" + "".join(f"from shop.m{o} import *\n" for o in range(30))
        for n in range(30)
    }
    began = time.process_time()
    found = project(
        tmp_path, modules | {"docker-compose.yml": BOMB + "services: *t\n", "shop/settings.py": "from .m1 import *\n"}
    )
    assert not found.services
    assert time.process_time() - began < 5
