"""What an audit of a specimen must find and must leave alone, as written in the TOML file of the specimen's name beside this one.

::

    specimen = "chapters"
    rows = ["CH-01", "CH-02"]          # every row of the mission's ledger that says F

    [[find]]                           # must be found
    row = "CH-01"                      # left out when no row speaks of it
    key = "member-list-by-status"      # free, unique in the file
    area = "missing index"             # the area of the rule, in words
    file = "backend/members/views.py"  # below the specimen's folder; left out when only the database shows it
    line = "filter(status=status)"     # a text that stands on one line of the file only; survives edits above it
    after = "class MemberList"         # when it stands on several: the first one below the one line that holds this
    table = "members_member"           # where there is one
    columns = ["chapter_id", "status"]
    note = "what is wrong, in a sentence"

    [[right]]                          # right code or a right table: must not be found. Fields as above
    [[advice]]                         # advice that must not be given: a mistake of the specimen's document. Fields as above
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SPECIMENS = HERE.parents[1] / "specimens"
NAMES = sorted(path.stem for path in HERE.glob("*.toml"))

Entry = dict[str, Any]


@dataclass(frozen=True)
class Expectations:
    """One file: the ledger's rows, and the entries of its three kinds."""

    specimen: str
    rows: list[str]
    find: list[Entry]
    right: list[Entry]
    advice: list[Entry]

    def entries(self) -> Iterator[Entry]:
        yield from self.find
        yield from self.right
        yield from self.advice

    def line_number(self, entry: Entry) -> int:
        """The line an entry speaks of, from 1. Raises ValueError unless its texts say which one that is."""
        lines = (SPECIMENS / self.specimen / entry["file"]).read_text(encoding="utf-8").splitlines()
        numbers = [number for number, line in enumerate(lines, 1) if entry["line"] in line]
        if "after" in entry:
            above = [number for number, line in enumerate(lines, 1) if entry["after"] in line]
            if len(above) != 1:
                raise ValueError(f"{entry['key']}: {entry['after']!r} stands on lines {above} of {entry['file']}")
            numbers = [number for number in numbers if number > above[0]][:1]
        if len(numbers) != 1:
            raise ValueError(f"{entry['key']}: {entry['line']!r} stands on lines {numbers} of {entry['file']}")
        return numbers[0]


def read(name: str) -> Expectations:
    """The expectations of a specimen. Raises TypeError for a table that is none of the three kinds."""
    values = tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))
    return Expectations(**{"right": [], "advice": [], **values})
