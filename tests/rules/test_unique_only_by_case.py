"""The unique index that is advised is the one that the look-ups ask for, in the words of the model's framework."""

from pathlib import Path

from test_source_samples import findings

from dbwright import rules
from dbwright.model.sample import Sample
from dbwright.rules.models import unique_only_by_case

ORM = """\
from sqlalchemy import String, func
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(80), unique=True)


def find(session: Session, login):
    return session.query(Person).filter(func.lower(Person.login) == login.lower()).first()
"""


def step(tmp_path: Path, source: dict[str, str]) -> str:
    rule = next(rule for rule in rules.load_all() if rule.id == "models/unique-only-by-case")
    (finding,) = findings(rule, Sample(source=source), tmp_path / "project")
    return finding.next_step


def test_iexact_asks_for_upper(tmp_path: Path) -> None:
    told = step(tmp_path, dict(unique_only_by_case.BAD[0].source))
    assert 'models.UniqueConstraint(Upper("login"), name="…")' in told
    assert "look-ups by upper() use its index" in told


def test_sqlalchemy_asks_for_what_it_writes(tmp_path: Path) -> None:
    assert 'Index("…", func.lower(Person.login), unique=True)' in step(tmp_path, {"shop.py": ORM})
