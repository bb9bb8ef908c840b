"""The content of entries: what the editor of the app makes, {"time": …, "blocks": [{"type": …, "data": {…}}]}."""

import re

TAG = re.compile(r"<[^>]+>")

KNOWN_BLOCKS = {"paragraph", "header", "list", "quote", "checklist", "image", "delimiter", "code"}


def check(content) -> str | None:
    """Why this is no content of the editor's; None when it is."""
    if not isinstance(content, dict):
        return "Content must be an object."
    blocks = content.get("blocks")
    if not isinstance(blocks, list):
        return "Content must have a list of blocks."
    for block in blocks:
        if not isinstance(block, dict) or block.get("type") not in KNOWN_BLOCKS:
            return "There is a block of an unknown type."
    return None


def text_of(content: dict) -> str:
    """The words of an entry."""
    parts = []
    for block in content.get("blocks", []):
        data = block.get("data", {})
        parts += [data.get("text", ""), data.get("caption", ""), *map(str, data.get("items", []))]
    return TAG.sub(" ", " ".join(filter(None, parts)))


def word_count(content: dict) -> int:
    return len(text_of(content).split())
