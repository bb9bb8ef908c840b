"""An application with SQLAlchemy models and Alembic revisions, written in the ways that people write them."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

MODELS = '''\
"""The shop's models."""

from datetime import datetime

from sqlalchemy import JSON, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


customer_tags = Table(
    "customer_tags",
    Base.metadata,
    Column("customer_id", ForeignKey("customers.id"), primary_key=True),
    Column("tag", String(20), primary_key=True),
)


class Customer(Base):
    """A customer."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(200))
    name: Mapped[str | None] = mapped_column(Text, index=True)
    score: Mapped[int | None]


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (Index("orders_status", "status"), {"comment": "what was bought"})

    id = Column(Integer, primary_key=True)
    customer_id = Column(ForeignKey("customers.id"), nullable=False)
    status = Column(String(20), nullable=False)
    paid = Column(Boolean, nullable=False)
    number = Column(String(20))
    placed: Mapped[datetime]


class Note(Base):
    __tablename__ = "notes"
    __table_args__ = {"comment": "what was said"}

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    data: Mapped[dict] = mapped_column(JSON)


class Stock(Base):
    __tablename__ = "stock"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount_positive"),
        Index("stock_place", "place", "amount"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(String(20))
    amount: Mapped[int]
'''
ENV = """\
import os

from alembic import context
from sqlalchemy import create_engine

from shop.models import Base

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=Base.metadata, as_sql=True)
    context.run_migrations()
else:
    with create_engine(os.environ["SHOP_URL"]).connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata)
        with context.begin_transaction():
            context.run_migrations()
"""
TEMPLATE = '''\
"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}
"""
from alembic import op
import sqlalchemy as sa
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
'''


class Shop:
    """The project in a folder, with one revision that makes it."""

    def __init__(self, folder: Path, empty: str) -> None:
        self.folder = folder
        files = {
            "alembic.ini": "[alembic]\nscript_location = alembic\nprepend_sys_path = .\n",
            "alembic/env.py": ENV,
            "alembic/script.py.mako": TEMPLATE,
            "shop/__init__.py": "",
            "shop/models.py": MODELS,
        }
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "alembic/versions").mkdir()
        self.alembic("revision", "--autogenerate", "-m", "first", "--rev-id", "0001", database=empty)

    def alembic(self, *arguments: str, database: str) -> str:
        """What a command of Alembic prints; it must succeed. ``database`` is a conninfo, or a URL."""
        ended = subprocess.run(
            [sys.executable, "-m", "alembic", *arguments],
            cwd=self.folder,
            env={**os.environ, "SHOP_URL": self.url(database)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    @staticmethod
    def url(database: str) -> str:
        """A conninfo as SQLAlchemy takes it."""
        if "://" in database:
            return database
        told = psycopg.conninfo.conninfo_to_dict(database)
        host, port, user, name = (told[key] for key in ("host", "port", "user", "dbname"))
        return f"postgresql+psycopg://{user}@/{name}?host={host}&port={port}&passfile={told.get('passfile', '')}"

    def python(self, code: str) -> str:
        """What Python prints in the project's folder; it must succeed."""
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
