"""Text from a database made harmless: names and comments may hold terminal escapes, direction overrides, markup."""

from __future__ import annotations

import re

SUBSTITUTE = "�"
_UNUSUAL = re.compile(r"[^\x20-\x7e\n]")
_PLAIN = re.compile(r"[\x20-\x7e\n]*")


def clean(text: str) -> str:
    """The text with each character that cannot be seen (controls, escapes, direction overrides, lone surrogates) replaced;
    line ends stay."""
    if _PLAIN.fullmatch(text):
        return text
    return _UNUSUAL.sub(lambda found: found[0] if found[0].isprintable() else SUBSTITUTE, text.replace("\t", " "))


def one_line(text: str) -> str:
    """The same in one line, runs of blanks as one."""
    return " ".join(clean(text).split())


def was_changed(text: str) -> bool:
    """Whether ``clean`` takes something away, so that what is shown cannot be copied and run."""
    return not _PLAIN.fullmatch(text) and any(not c.isprintable() and c not in "\n\t" for c in text)
