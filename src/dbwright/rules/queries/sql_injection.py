"""Text of a user's request becomes part of the SQL itself.

## Why it matters

Whoever writes the request writes the statement: other people's rows can be read, changed and deleted, and with enough rights files and
programs of the server reached.
A parameter is sent beside the statement and never read as SQL, whatever it holds.

## When to ignore

When the text was compared with a list of allowed words before, in a way that the reader does not see.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import function_ref, is_aid
from dbwright.model.finding import Confidence, Finding, Impact, Location, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import Place
from dbwright.rules import Limits

RISK: Risk = "security"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = (
    "sql-string-formatting",
    "django-extra",
    "django-rawsql",
    "django-raw-queryset",
    "django-cursor-execute-tainted",
    "sqlalchemy-text-formatted",
    "sqlalchemy-execute-raw",
    "driver-execute-formatted",
    "framework-tainted-sql",
    "CH-18",
)

_HEAD = """\
from django.db import connection, models
from django.db.models.expressions import RawSQL

SORTS = {"name": "name", "newest": "id DESC"}


class Store(models.Model):
    name = models.TextField()


"""


def _view(body: str, before: str = "") -> dict[str, str]:
    lines = "\n    ".join(body.split("\n"))
    return {"shop/__init__.py": "", "shop/models.py": f"{_HEAD}{before}\n\ndef view(request):\n    {lines}\n"}


_RUN = "def run(sql):\n    with connection.cursor() as cursor:\n        cursor.execute(sql)\n"
_FOUND = f"{_RUN}\n\ndef found(word):\n    return run(f\"SELECT id FROM shop_store WHERE name = '{{word}}'\")\n"


_FOUND_BY_VALUE = "\n\ndef found(word):\n    return run('SELECT id FROM shop_store WHERE name = %s', [word])\n"


def _service(sort: str, parameters: str) -> dict[str, str]:
    return {
        "app/__init__.py": "",
        "app/rows.py": "from sqlalchemy import select, text\n"
        "from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column\n\n\nclass Base(DeclarativeBase):\n    pass\n\n\n"
        "class Store(Base):\n    __tablename__ = 'store'\n"
        "    id: Mapped[int] = mapped_column(primary_key=True)\n\n\n"
        "def ordered(session: Session, key):\n    return session.scalars(select(Store).order_by(text(key))).all()\n",
        "app/api.py": "from typing import Literal\n\nfrom fastapi import APIRouter\n\nfrom app import rows\n\nrouter = APIRouter()\n\n\n"
        f"@router.get('/stores')\ndef stores(session, {parameters}):\n    return rows.ordered(session, {sort})\n",
    }


_CURSOR = "with connection.cursor() as cursor:\n    cursor.execute"

BAD = (
    Sample(
        source=_view("q = request.GET['q']\nreturn Store.objects.raw(f\"SELECT * FROM shop_store WHERE name = '{q}'\")")
    ),
    Sample(source=_view(f"{_CURSOR}(\"SELECT 1 FROM shop_store WHERE name = '%s'\" % request.GET.get('q', ''))")),
    Sample(
        source=_view(
            "q = request.POST.get('q')\nsql = 'SELECT id FROM shop_store WHERE name = ' + q\n" + _CURSOR + "(sql)"
        )
    ),
    Sample(source=_view("q = request.GET.get('q')\nreturn Store.objects.extra(where=[f\"name = '{q}'\"])")),
    Sample(
        source=_view(
            "order = request.GET.get('o')\n" + _CURSOR + "('SELECT id FROM shop_store ORDER BY {}'.format(order))"
        )
    ),
    Sample(source=_view("q = request.GET.get('q')\nreturn Store.objects.annotate(n=RawSQL(f'length({q})', []))")),
    # A function puts it together, another runs it.
    Sample(source=_view("return found(request.GET['q'])", _FOUND)),
    Sample(source=_view("return found(word=request.GET.get('q'))", _FOUND)),
    Sample(source=_view("return run(f\"SELECT id FROM shop_store WHERE name = '{request.GET['q']}'\")", _RUN)),
    Sample(source=_service("sort", "sort: str = 'name'")),
    Sample(source=_service("request.query_params['sort']", "request")),
)
GOOD = (
    Sample(
        source=_view("q = request.GET['q']\nreturn Store.objects.raw('SELECT * FROM shop_store WHERE name = %s', [q])")
    ),
    Sample(
        source=_view("q = request.GET['q']\n" + _CURSOR + "('SELECT 1 FROM shop_store WHERE name LIKE %s', [f'%{q}%'])")
    ),
    # A function of one's own that is called like a driver's.
    Sample(
        source=_view("return fetch(f\"of {request.GET['q']}\", 1)", "\n\ndef fetch(word, n):\n    return word * n\n")
    ),
    # What is drawn is called like what makes SQL.
    Sample(source=_view("q = request.GET['q']\nreturn drawing.add(drawing.text(q))")),
    # The user chooses from a table of the program's own words.
    Sample(source=_view("o = SORTS[request.GET['o']]\n" + _CURSOR + "(f'SELECT id FROM shop_store ORDER BY {o}')")),
    Sample(
        source=_view(
            "o = SORTS.get(request.GET.get('o'), 'id')\n" + _CURSOR + "(f'SELECT id FROM shop_store ORDER BY {o}')"
        )
    ),
    Sample(
        source=_view(
            "o = request.GET.get('o')\nif o not in SORTS:\n    o = 'id'\n"
            + _CURSOR
            + "(f'SELECT id FROM shop_store ORDER BY {o}')"
        )
    ),
    Sample(
        source=_view(
            "down = 'DESC' if request.GET.get('d') == 'down' else 'ASC'\n" + _CURSOR + "(f'SELECT 1 ORDER BY 1 {down}')"
        )
    ),
    Sample(source=_view("n = int(request.GET['n'])\n" + _CURSOR + "(f'SELECT id FROM shop_store LIMIT {n}')")),
    # As many placeholders as values.
    Sample(
        source=_view(
            "ids = request.GET.getlist('id')\nmarks = ', '.join(['%s'] * len(ids))\n"
            + _CURSOR
            + "(f'SELECT id FROM shop_store WHERE id IN ({marks})', ids)"
        )
    ),
    # Names of the program's own.
    Sample(source=_view("table = Store._meta.db_table\n" + _CURSOR + "(f'SELECT count(*) FROM {table}')")),
    # Handed on as a value, compared before, a constant of the program, a number, one of the words that the route admits.
    Sample(source=_view("return found(request.GET['q'])", _RUN.replace("(sql)", "(sql, values)") + _FOUND_BY_VALUE)),
    Sample(source=_view("q = request.GET['q']\nif q in SORTS:\n    return found(q)", _FOUND)),
    Sample(source=_view("q = request.GET['q']\nreturn found('open') if q else None", _FOUND)),
    Sample(source=_view("return found(int(request.GET['q']))", _FOUND)),
    Sample(source=_service("sort", "sort: Literal['id', 'name'] = 'id'")),
    Sample(source=_service("sort", "sort: int = 1")),
    Sample(source=_service("'id' if sort else 'name'", "sort: str = 'name'")),
    # Something else that is fetched.
    Sample(source=_view("q = request.GET['q']\nreturn client.fetch(f'https://example.org/{q}')")),
    # The text of a log line is no SQL.
    Sample(source=_view("q = request.GET['q']\nprint(f'searched for {q}')\nreturn Store.objects.filter(name=q)")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    facts = {f.place: f for f in snapshot.source.facts if f.kind == "input in SQL"}
    lines = {(place.file, line) for place, fact in facts.items() for line in range(place.line, fact.end_line + 1)}
    for place, fact in facts.items():
        if not is_aid(place):
            yield _finding(place, fact.name, "medium" if fact.owner else "high", fact.owner)
    followed = {q.issued: q for q in snapshot.source.queries if q.request_text}
    for place in followed:
        if (place.file, place.line) not in lines and not is_aid(place):
            yield _finding(place, "", "medium")


def _finding(place: Place, call: str, confidence: Confidence, made_at: str = "") -> Finding:
    where = f"The text that {call}() at {place} runs" if call else f"The SQL that is run at {place}"
    message = f"{where} is put together with text of the user's request: whoever sends it writes SQL."
    if made_at:
        handed = f"{place} hands text of the user's request to {call}()"
        message = f"{handed}, and it becomes part of the SQL at {made_at}: whoever sends it writes SQL."
    return Finding(
        title=f"Request text in SQL: {place.function.rpartition('.')[2] or place.file}"[:79],
        message=message,
        objects=(function_ref(place),),
        impact=Impact.certain("statement that the user writes"),
        evidence={
            "call": call or "followed from the request",
            "place": str(place),
            "becomes SQL at": made_at or str(place),
        },
        confidence=confidence,
        next_step=_step(call),
        identity=f"{place.file}:{place.function}:{call}",
        locations=(Location(place.file, place.line), *_location(made_at)),
    )


def _location(made_at: str) -> tuple[Location, ...]:
    file, _, line = made_at.rpartition(":")
    return (Location(file, int(line)),) if file else ()


def _step(call: str) -> str:
    if call == "extra":
        return "Replace extra() by filter(), or write %s where the value stands and give the value in params=[…]."
    if call == "text":
        return "Write :name where the value stands and give {'name': value} to execute(); take names of columns from a dict of known ones."
    return "Write %s where the value stands and give the values as the second argument; take names of columns from a dict of known ones."
