"""A table of notes and one function on it, in either framework: for the samples of rules on what is done with rows."""

from __future__ import annotations

_DJANGO = """\
from django.db import models


class Note(models.Model):
    title = models.CharField(max_length=80)


def view(request):
    notes = Note.objects.filter(title=request.GET["t"])
    {}
"""
_SQLALCHEMY = """\
from sqlalchemy import exists, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


def view(session: Session, title: str):
    {}
"""


def in_view(body: str) -> dict[str, str]:
    """A Django project whose view holds the queryset ``notes`` and goes on like this."""
    return {"shop/__init__.py": "", "shop/models.py": _DJANGO.format(body)}


def with_session(body: str) -> dict[str, str]:
    """A project on SQLAlchemy with a function of ``session`` and ``title`` of this body."""
    return {"app/__init__.py": "", "app/notes.py": _SQLALCHEMY.format(body)}
