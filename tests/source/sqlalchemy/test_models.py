"""Tables read from the source equal SQLAlchemy's own metadata of the same project."""

from pathlib import Path

import pytest
from orm_project import as_rows, read, registry, truth_rows, written

from dbwright.source import kept

MODELS = {
    "annotated, with a map of types and a convention": """\
import datetime, decimal, enum, uuid
from typing import Annotated, Optional
from sqlalchemy import BigInteger, DateTime, ForeignKey, MetaData, Numeric, String, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

big = Annotated[int, mapped_column(BigInteger)]
name50 = Annotated[str, 50]

class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s"})
    type_annotation_map = {datetime.datetime: DateTime(timezone=True), name50: String(50), decimal.Decimal: Numeric(12, 2)}

class State(enum.Enum):
    OPEN = "open"
    SHUT = "shut"

class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4, unique=True)
    name: Mapped[name50]
    nick: Mapped[str | None] = mapped_column(index=True)
    visits: Mapped[big]
    joined: Mapped[datetime.datetime] = mapped_column(server_default=func.now())
    orders: Mapped[list["Order"]] = relationship(back_populates="customer")

class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[State]
    total: Mapped[Optional[decimal.Decimal]]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"), index=True)
    customer: Mapped["Customer"] = relationship(back_populates="orders")
""",
    "columns, mixins, declared attributes and table arguments": """\
from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import declarative_base, declared_attr, relationship

Base = declarative_base()

class Named:
    @declared_attr
    def __tablename__(cls):
        return "t_" + cls.__name__.lower()

class Stamped:
    made = Column(DateTime, nullable=False)

    @declared_attr
    def maker_id(cls):
        return Column(Integer, ForeignKey("t_user.id"))

tagging = Table("tagging", Base.metadata, Column("post_id", ForeignKey("t_post.id"), primary_key=True),
    Column("tag_id", ForeignKey("t_tag.id"), primary_key=True))

class User(Named, Base):
    id = Column(Integer, primary_key=True)

class Tag(Named, Base):
    id = Column(Integer, primary_key=True)
    name = Column("label", String(40), unique=True)

class Post(Named, Stamped, Base):
    id = Column(Integer, primary_key=True)
    title = Column(String(100), nullable=False, server_default="untitled")
    body = Column(Text)
    data = Column(JSONB, default=dict)
    words = Column(ARRAY(String))
    vector = Column(TSVECTOR)
    tags = relationship("Tag", secondary=tagging, backref="posts")
    __table_args__ = (
        UniqueConstraint("title", "maker_id", name="one_title"),
        CheckConstraint("length(title) > 2", name="long_title"),
        Index("ix_vector", "vector", postgresql_using="gin"),
        Index("ix_recent", made_desc := text("made DESC"), postgresql_where=text("body IS NOT NULL")),
        {"schema": None},
    )
""",
    "inheritance by joined and by single tables": """\
from sqlalchemy import Column, ForeignKey, Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class Thing(Base):
    __abstract__ = True
    id: Mapped[int] = mapped_column(primary_key=True)

class Animal(Thing):
    __tablename__ = "animal"
    kind: Mapped[str] = mapped_column(String(20))
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}

class Dog(Animal):
    __tablename__ = "dog"
    id: Mapped[int] = mapped_column(ForeignKey("animal.id"), primary_key=True)
    breed: Mapped[str]
    __mapper_args__ = {"polymorphic_identity": "dog"}

class Cat(Animal):
    lives: Mapped[int] = mapped_column(nullable=True)
    __mapper_args__ = {"polymorphic_identity": "cat"}
""",
    "types of the project": """\
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, UserDefinedType

class Base(DeclarativeBase):
    pass

class Moment(TypeDecorator):
    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect):
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.DateTime())

class Short(TypeDecorator):
    impl = sa.String
    cache_ok = True

    def __init__(self):
        super().__init__(7)

class Point(UserDefinedType):
    def __init__(self, size):
        self.size = size

    def get_col_spec(self, **kw):
        return "geometry(%s)" % self.size

class Place(Base):
    __tablename__ = "place"
    id: Mapped[int] = mapped_column(primary_key=True)
    at = mapped_column(Moment, nullable=False)
    code = mapped_column(Short())
    spot = mapped_column(Point(4))
    state = mapped_column(sa.Enum("a", "b", name="place_state"))
    kind = mapped_column(sa.Enum("a", "b", name="kind", native_enum=False, create_constraint=True))
""",
    "decorators and tables mapped by hand": """\
from sqlalchemy import Column, Integer, String, Table, Identity, Computed
from sqlalchemy.orm import as_declarative, registry

mapper_registry = registry()

@as_declarative()
class Base:
    id = Column(Integer, Identity(always=True), primary_key=True)

class One(Base):
    __tablename__ = "one"
    double = Column(Integer, Computed("id * 2"))

@mapper_registry.mapped
class Two:
    __tablename__ = "two"
    id = Column(Integer, primary_key=True)

three = Table("three", mapper_registry.metadata, Column("id", Integer, primary_key=True), Column("name", String))

class Three:
    pass

def start():
    pass

mapper_registry.map_imperatively(Three, three)
""",
    "classes made by type()": """\
from sqlalchemy import Column, ForeignKey, Integer, String
from sqlalchemy import Table as PlainTable
from sqlalchemy.orm import DeclarativeBase, declared_attr, mapped_column, relationship

class Base(DeclarativeBase):
    pass

marks = {}
for entity in ("user", "group"):
    table = PlainTable(f"{entity}_mark", Base.metadata,
        Column(f"{entity}_id", ForeignKey(f"{entity}s.id", ondelete="CASCADE"), primary_key=True), Column("mark", String(9)))
    marks[entity] = type(entity.title() + "Mark", (Base,), {"__table__": table})

Membership = PlainTable("membership", Base.metadata, Column("user_id", ForeignKey("users.id"), primary_key=True))

class Event:
    id = Column(Integer, primary_key=True)
    kind = Column(String)

class HasEvents:
    Event = None

    @declared_attr
    def events(cls):
        cls.Event = type(f"{cls.__name__}Event", (Event, Base), {
            "__tablename__": f"{cls.__name__.lower()}_events",
            "source_id": mapped_column(ForeignKey(f"{cls.__tablename__}.id"), nullable=False),
            "source": relationship(cls, back_populates="events")})
        return relationship(cls.Event, back_populates="source")

class User(HasEvents, Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)

class Group(HasEvents, Base):
    __tablename__ = "groups"
    id = Column(Integer, primary_key=True)
""",
    "names made by patterns, constants by ranges": """\
import re
from sqlalchemy import CheckConstraint, Column, Integer, String
from sqlalchemy.orm import declarative_base, declared_attr

def name_of(name):
    return "_".join([part.lower() for part in re.split("(?=[A-Z])", name) if part])

class Named:
    @declared_attr
    def __tablename__(cls):
        return name_of(cls.__name__)

Base = declarative_base(cls=Named)

class Kind:
    NOTE, TASK, TALK = range(1, 4)
    _NUMBERS = {"NOTE": NOTE, "TASK": TASK, "TALK": TALK}
    NAMES = {number: name for name, number in _NUMBERS.items()}

    @staticmethod
    def name_of(number):
        if number not in Kind.NAMES:
            raise ValueError
        return Kind.NAMES[number]

KINDS = [Kind.name_of(Kind.NOTE), Kind.name_of(Kind.TALK)]

class ThingToDo(Base):
    id = Column(Integer, primary_key=True)
    kind = Column(String(20))
    __table_args__ = (CheckConstraint(kind.in_(KINDS), name="kind"),)
""",
    "a type from a factory that is set up later": """\
from abc import ABC, abstractmethod
from sqlalchemy import Column, Integer, LargeBinary, String
from sqlalchemy.orm import declarative_base
from sqlalchemy.types import TypeDecorator

Base = declarative_base()

class Sealed(TypeDecorator):
    impl = LargeBinary

class Adapter(ABC):
    @abstractmethod
    def create(self, config: dict | None, *args): ...

class SealedAdapter(Adapter):
    def create(self, config, *args):
        if config:
            return Sealed(*args)
        raise Exception("no configuration")

class Factory:
    def __init__(self) -> None:
        self._adapter: Adapter | None = None
        self._config: dict[str, str] | None = None

    def set_up(self, application):
        self._config = application.config
        self._adapter = application.config["ADAPTER"]()

    def create(self, *args):
        if self._adapter:
            made = self._adapter.create(self._config, *args)
            setattr(made, "__sealed__", True)
            return made
        raise Exception("not set up")

class Application:
    config = {"ADAPTER": SealedAdapter}

factory = Factory()
factory.set_up(Application())

class Account(Base):
    __tablename__ = "account"
    id = Column(Integer, primary_key=True)
    secret = Column(factory.create(String(1024)))
""",
    "tables made in a loop": """\
from sqlalchemy import Column, ForeignKey, Integer, Table
from sqlalchemy.orm import declarative_base

Base = declarative_base()

class Role(Base):
    __tablename__ = "role"
    id = Column(Integer, primary_key=True)

for owner in ("user", "group"):
    Table(f"{owner}_role", Base.metadata, Column("id", Integer, primary_key=True),
        Column("role_id", ForeignKey("role.id", ondelete="CASCADE")))
""",
}


@pytest.mark.parametrize("kind", MODELS)
def test_tables_equal_the_metadata(tmp_path: Path, kind: str) -> None:
    root = written(tmp_path, {"shop/models.py": MODELS[kind]})
    found = read(root)
    truth = registry(root, "shop.models")
    assert {table.name: as_rows(table) for table in found.tables} == {n: truth_rows(t) for n, t in truth.items()}
    assert not found.problems


def test_places_of_tables_and_columns(tmp_path: Path) -> None:
    text = MODELS["columns, mixins, declared attributes and table arguments"]
    root = written(tmp_path, {"shop/models.py": text})
    table = read(root).table_by_name["t_post"]
    lines = text.splitlines()
    assert lines[table.place.line - 1].startswith("class Post")
    for name, start in (("title", "    title ="), ("made", "    made ="), ("maker_id", "    def maker_id")):
        column = table.column(name)
        assert column is not None
        assert column.file == "shop/models.py"
        assert lines[column.line - 1].startswith(start)
    assert read(root).table_by_name["tagging"].through


def test_models_that_import_each_other(tmp_path: Path) -> None:
    files = {
        "shop/base.py": "from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): pass\n",
        "shop/a.py": "from __future__ import annotations\nfrom typing import TYPE_CHECKING\n"
        "from sqlalchemy import ForeignKey\nfrom sqlalchemy.orm import Mapped, mapped_column, relationship\n"
        "from shop.base import Base\nif TYPE_CHECKING:\n    from shop.b import B\n"
        "class A(Base):\n    __tablename__ = 'a'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
        "    b_id: Mapped[int | None] = mapped_column(ForeignKey('b.id'))\n"
        "    b: Mapped[B | None] = relationship(back_populates='many')\n",
        "shop/b.py": "from __future__ import annotations\nfrom sqlalchemy.orm import Mapped, mapped_column, relationship\n"
        "from shop.base import Base\nfrom shop import a\n"
        "class B(Base):\n    __tablename__ = 'b'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
        "    many: Mapped[list[a.A]] = relationship(back_populates='b')\n",
    }
    root = written(tmp_path, files)
    found = read(root)
    truth = registry(root, "shop.b")
    assert {table.name: as_rows(table) for table in found.tables} == {n: truth_rows(t) for n, t in truth.items()}
    assert not found.problems


def test_what_cannot_be_told_is_said_with_its_line(tmp_path: Path) -> None:
    root = written(
        tmp_path,
        {
            "shop/models.py": """\
import os
from sqlalchemy import Column, Integer, Table
from sqlalchemy.orm import declarative_base, relationship
from somewhere import secret_type

Base = declarative_base()

class Known(Base):
    __tablename__ = "known"
    id = Column(Integer, primary_key=True)
    secret = Column(secret_type())
    others = relationship("Nobody")

class Dynamic(Base):
    __tablename__ = os.environ["TABLE"]
    id = Column(Integer, primary_key=True)
"""
        },
    )
    found = read(root)
    (table,) = found.tables
    assert [(c.name, c.type) for c in table.columns] == [("id", "integer"), ("secret", None)]
    lines = {problem.line for problem in found.problems}
    assert 15 in lines  # the table's name
    assert any("Nobody" in problem.reason for problem in found.problems)


@pytest.mark.parametrize(
    "harm",
    [
        "import pathlib\npathlib.Path({path!r}).unlink()\n",
        "from sqlalchemy.orm import relationship\nbad = relationship(\"__import__('os').remove({path!r})\")\n",
        "def gone():\n    import os\n    os.remove({path!r})\nvalue = gone()\n",
    ],
)
def test_nothing_of_the_project_is_executed(tmp_path: Path, harm: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("here")
    text = MODELS["types of the project"] + harm.format(path=str(victim))
    text += "\nPlace.bad = globals().get('bad')\n"
    text += f"""
class Evil(Base):
    __tablename__ = "evil"
    id = mapped_column(sa.Integer, primary_key=True)
    other = sa.orm.relationship("Place", primaryjoin="__import__('os').remove({str(victim)!r})")
"""
    root = written(tmp_path / "project", {"shop/models.py": text})
    assert "place" in read(root).table_by_name
    assert victim.exists()


FLASK = """\
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()

links = db.Table("links", db.Column("a_id", db.ForeignKey("http_request.id")), db.Column("b_id", db.ForeignKey("named.id")))

class HTTPRequest(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    path = db.Column(db.String(200), index=True, nullable=False)

class Other(db.Model):
    __tablename__ = "named"
    id = db.Column(db.Integer, primary_key=True)
    request_id = db.Column(db.ForeignKey("http_request.id"))
    request = db.relationship("HTTPRequest", backref=db.backref("others", lazy="dynamic"))
"""


def test_flask_sqlalchemy_names_tables_by_classes(tmp_path: Path) -> None:
    found = read(written(tmp_path, {"shop/models.py": FLASK}))
    assert set(found.table_by_name) == {"http_request", "named", "links"}
    table = found.table_by_name["http_request"]
    assert [(c.name, c.type, c.not_null) for c in table.columns] == [
        ("id", "integer", True),
        ("path", "varchar(200)", True),
    ]
    assert [index.name for index in table.indexes] == ["ix_http_request_path"]
    assert not found.problems


FLASK_ON_A_BASE = """\
from flask_sqlalchemy import Model, SQLAlchemy
from sqlalchemy.orm import declarative_base

class Common(Model):
    @classmethod
    def get(cls, key):
        return cls.query.get(key)

class Extended(SQLAlchemy):
    pass

db = Extended(model_class=declarative_base(cls=Common, name="Model"), session_options={})

class Event(db.Model):
    __tablename__ = "events"
    id = db.Column(db.Integer, primary_key=True)

class Talk(db.Model):
    __tablename__ = "talks"
    __table_args__ = {"schema": "programme"}
    id = db.Column(db.Integer, primary_key=True)
    event_id = db.Column(db.ForeignKey("events.id"), index=True)
"""


def test_flask_sqlalchemy_takes_a_base_that_is_declarative_already(tmp_path: Path) -> None:
    found = read(written(tmp_path, {"shop/models.py": FLASK_ON_A_BASE}))
    assert set(found.table_by_name) == {"events", "talks"}
    assert [column.name for column in found.table_by_name["talks"].columns] == ["id", "event_id"]
    assert found.table_by_name["talks"].schema == "programme"
    assert not found.problems
    assert kept.decode(kept.encode(found)) == found


SQLMODEL = """\
import datetime
import uuid
from decimal import Decimal
from typing import Optional
from sqlmodel import Field, Relationship, SQLModel

class HeroBase(SQLModel):
    name: str = Field(index=True, max_length=40)
    age: int | None = None

class Team(SQLModel, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    heroes: list["Hero"] = Relationship(back_populates="team")

class Hero(HeroBase, table=True):
    __tablename__ = "heroes"
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    born: datetime.date
    worth: Decimal = Field(max_digits=8, decimal_places=2)
    team_id: int | None = Field(default=None, foreign_key="team.id", ondelete="CASCADE")
    team: Team | None = Relationship(back_populates="heroes")

class HeroRead(HeroBase):
    id: int
"""


def test_sqlmodel_fields_are_columns_of_table_classes_only(tmp_path: Path) -> None:
    found = read(written(tmp_path, {"shop/models.py": SQLMODEL}))
    assert set(found.table_by_name) == {"team", "heroes"}
    rows = {c.name: (c.type, c.not_null) for c in found.table_by_name["heroes"].columns}
    assert rows == {
        "name": ("varchar(40)", True),
        "age": ("integer", False),
        "id": ("uuid", True),
        "born": ("date", True),
        "worth": ("numeric(8, 2)", True),
        "team_id": ("integer", False),
    }
    assert not found.problems
