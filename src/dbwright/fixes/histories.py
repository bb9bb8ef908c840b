"""Broken histories of migrations brought to one line: ids that stand twice, several ends, revisions whose work is done already.

What makes only what the main line makes by itself is set aside (into the folder ``archived``, as text): it would fail where it ran. What
makes more stays, and a merge brings the ends together. The main line is the longest.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from dbwright.fixes.drafts import FileText
from dbwright.fixes.project import Project
from dbwright.fixes.python_text import CannotEdit, PythonText, assigned
from dbwright.fixes.spelling import text
from dbwright.model.migrations import MigrationFile, Migrations
from dbwright.source.migration_files import alembic_merge, django_merge


class _History:
    """One history as it is mended. Revisions are known by their files: ids may stand twice."""

    def __init__(self, project: Project, framework: str, group: str, files: Sequence[MigrationFile]) -> None:
        self.project = project
        self.framework = framework
        self.group = group
        self.files = {file.place.file: file for file in files}
        self.names = {file.place.file: file.name for file in files}
        self.parents = {file.place.file: tuple(p for p in file.parents if "." not in p) for file in files}
        self.archived: dict[str, str] = {}
        self.words: list[str] = []

    def of_name(self, name: str) -> list[str]:
        return [file for file, known in self.names.items() if known == name and file not in self.archived]

    def ends(self) -> list[str]:
        followed = {parent for file, parents in self.parents.items() if file not in self.archived for parent in parents}
        return sorted(file for file, name in self.names.items() if name not in followed and file not in self.archived)

    def line_to(self, end: str) -> list[str]:
        """The files from the first to this one; of several with one id all."""
        found: dict[str, None] = {}
        waiting = [end]
        while waiting:
            file = waiting.pop()
            if file not in found:
                found[file] = None
                waiting += [above for parent in self.parents[file] for above in self.of_name(parent)]
        return list(found)


def mend(project: Project, migrations: Migrations) -> tuple[tuple[FileText, ...], tuple[str, ...]]:
    """The files that bring the histories of a project to one end each, and what was done, in words. Raises CannotEdit where a file is not
    written in a way that is followed."""
    groups: defaultdict[tuple[str, str], list[MigrationFile]] = defaultdict(list)
    for file in migrations.files:
        groups[file.framework, file.group].append(file)
    broken = {(p.framework, p.group) for p in migrations.problems if p.fault in ("heads", "duplicate")}
    files: list[FileText] = []
    words: list[str] = []
    for key in sorted(broken):
        history = _History(project, *key, groups[key])
        _set_aside(history)
        _rename_twins(history)
        files += _texts(history)
        for at, to in history.archived.items():
            text_, crlf = project.text(at), project.has_crlf(at)
            files += [FileText(to, None, text_, crlf), FileText(at, text_, "", crlf, gone=True)]
        words += history.words
    return tuple(files), tuple(words)


# Setting aside -------------------------------------------------------------------------------------------------------------


def _set_aside(history: _History) -> None:
    """Ends, and twins in the middle, that make only what the main line makes without them."""
    if history.framework != "alembic":
        return
    main = max(history.ends(), key=lambda end: (len(history.line_to(end)), end))
    for _ in range(len(history.files)):
        line = set(history.line_to(main))
        twins = {file for file in line if len(history.of_name(history.names[file])) > 1}
        chosen = next((f for f in sorted(twins) if _is_done(history, f, line - twins)), None)
        if chosen is None:
            chosen = next((f for f in reversed(history.ends()) if f != main and _is_done(history, f, line)), None)
        if chosen is None:
            return
        _archive(history, chosen)


def _archive(history: _History, file: str) -> None:
    """Its children follow its parents, unless another file has its id."""
    path = PurePosixPath(file)
    history.archived[file] = str(path.parent.parent / "archived" / f"{path.name}.txt")
    history.words.append(f"{file} is set aside: what it makes is made by others already")
    if not history.of_name(history.names[file]):
        for child, parents in history.parents.items():
            if history.names[file] in parents:
                history.parents[child] = tuple(
                    dict.fromkeys(
                        above
                        for one in parents
                        for above in (history.parents[file] if one == history.names[file] else (one,))
                    )
                )


def _is_done(history: _History, file: str, line: Iterable[str]) -> bool:
    """Whether everything that it makes is made by the line."""
    made = {_made(o) for f in line if f != file for o in history.files[f].operations if o.effect == "makes"}
    own = [o for o in history.files[file].operations if o.effect or o.risk not in ("none", "brief lock")]
    tables = {table for part, table, _ in made if part == "table"}
    return bool(own) and all(
        o.effect == "makes"
        and (_made(o) in made or (o.part == "index" and o.table in tables and _is_of_new(o.table, own)))
        for o in own
    )


def _made(operation: object) -> tuple[object, object, object]:
    part, table, name = (getattr(operation, key) for key in ("part", "table", "name"))
    return part, table, None if part == "table" else name


def _is_of_new(table: str | None, operations: Sequence[object]) -> bool:
    return any(getattr(o, "part", "") == "table" and getattr(o, "table", None) == table for o in operations)


# Ids and ends --------------------------------------------------------------------------------------------------------------


def _rename_twins(history: _History) -> None:
    """Of several files with one id the first keeps it; the others get one of their own and follow each other."""
    for name in sorted(set(history.names.values())):
        first, *others = sorted(history.of_name(name)) or [""]
        above = name
        for file in others:
            fresh = _fresh(history, file)
            history.words.append(f"{file} is revision {fresh} now: {name} stands in {first}, too")
            history.names[file] = fresh
            history.parents[file] = (above,)
            above = fresh
        if others:
            for child, parents in history.parents.items():
                if name in parents and child not in others:
                    history.parents[child] = tuple(above if parent == name else parent for parent in parents)


def _fresh(history: _History, file: str) -> str:
    """An id from the beginning of the file's name, else the old one with a letter behind it."""
    known = set(history.names.values())
    stem = PurePosixPath(file).stem.split("_")[0]
    for candidate in (stem, *(history.names[file] + letter for letter in "bcdefghijklmnopqrstuvwxyz")):
        if re.fullmatch(r"[0-9A-Za-z]{4,}", candidate) and candidate not in known:
            return candidate
    raise CannotEdit(f"no id is free for {file}")


def _texts(history: _History) -> list[FileText]:
    found = [_edited(history, file) for file in sorted(history.files) if file not in history.archived]
    ends = [history.names[end] for end in history.ends()]
    files = [one for one in found if one is not None]
    if len(ends) > 1:
        folder = PurePosixPath(history.ends()[-1]).parent
        if history.framework == "django":
            name, written = django_merge(history.group, ends)
        else:
            revision, written = alembic_merge(ends)
            name = f"{revision}_merge"
        history.words.append(f"{name} brings {' and '.join(ends)} together")
        files.append(FileText(f"{folder}/{name}.py", None, written))
    return files


def _edited(history: _History, file: str) -> FileText | None:
    """A script with the id and the parents that it has now."""
    before = history.files[file]
    parents = tuple(parent for parent in before.parents if "." not in parent)
    if history.framework == "django" or (history.names[file] == before.name and history.parents[file] == parents):
        return None
    old = history.project.text(file)
    new = _assigned(old, "revision", text(history.names[file]), file)
    above = history.parents[file]
    spelled = text(above[0]) if len(above) == 1 else f"({', '.join(map(text, above))})" if above else "None"
    new = _assigned(new, "down_revision", spelled, file)
    told = (("Revision ID", before.name, history.names[file]), ("Revises", ", ".join(parents), ", ".join(above)))
    for label, was, now in told:
        new = new.replace(f"\n{label}: {was}\n", f"\n{label}: {now}\n", 1)
    return FileText(file, old, new, history.project.has_crlf(file))


def _assigned(source: str, name: str, value: str, file: str) -> str:
    python = PythonText(source)
    node = assigned(python.tree.body, name)
    if not isinstance(node, ast.Constant | ast.Tuple):
        raise CannotEdit(f"{name} of {file} is not written out")
    python.replace(python.start(node), python.end(node), python.quoted(value))
    return python.result()
