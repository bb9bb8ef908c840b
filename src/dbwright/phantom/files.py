"""The files of relations that hold no row: grown with a hole to the size that the planner is to see, and a B-tree's pages that it reads.

The planner asks the file for its size (``RelationGetNumberOfBlocks``), a B-tree's metapage for the height (``_bt_getrootheight``), and may
descend to the first or last leaf (``get_actual_variable_range``); so the pages on the way are well-formed and the leaf is empty.
Page layout: PostgreSQL's ``bufpage.h``, ``nbtree.h``; the same in versions 13 to 18.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

PAGE = 8192
SEGMENT_PAGES = 131072
"""Pages in one file of a relation: 1 GiB."""
_HEADER = 24
_SPECIAL = 16
_ROOT_OFFSET = _HEADER + 8  # after btm_magic and btm_version: btm_root, btm_level, btm_fastroot, btm_fastlevel
_LEAF, _ROOT = 1, 2
_PIVOT = 0x2000  # INDEX_ALT_TID_MASK
_LINE_POINTER_NORMAL = 1


def grow(path: Path, pages: int) -> None:
    """Make the relation at ``path`` (its first segment) ``pages`` long. Only ever longer: what is there stays."""
    segment = 0
    while True:
        here = min(pages - segment * SEGMENT_PAGES, SEGMENT_PAGES)
        if here <= 0:
            return
        name = path if segment == 0 else path.with_name(f"{path.name}.{segment}")
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if segment:
                status = path.stat()
                if os.geteuid() == 0:
                    os.fchown(descriptor, status.st_uid, status.st_gid)
            if os.fstat(descriptor).st_size < here * PAGE:
                os.ftruncate(descriptor, here * PAGE)
        finally:
            os.close(descriptor)
        segment += 1


def write_height(path: Path, height: int) -> None:
    """Give the empty B-tree at ``path`` a root at level ``height`` and one page on each level below it. The metapage must not have been
    read by the server since it was written, else it goes on with what it has in memory."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        version = os.pread(descriptor, 2, 18)
        os.pwrite(descriptor, struct.pack("=IIII", 1, height, 1, height), _ROOT_OFFSET)
        pages = b"".join(_page(version, height - depth, depth + 2, is_root=depth == 0) for depth in range(height + 1))
        os.pwrite(descriptor, pages, PAGE)
    finally:
        os.close(descriptor)


def _page(version: bytes, level: int, child: int, *, is_root: bool) -> bytes:
    """A page without siblings: a leaf without rows, or one downlink (whose key is minus infinity) to the page ``child``."""
    items = b""
    lower, upper = _HEADER, PAGE - _SPECIAL
    if level:
        upper -= 8
        items = struct.pack("=I", upper | _LINE_POINTER_NORMAL << 15 | 8 << 17)
        lower += len(items)
    header = struct.pack("=QHHHHH", 0, 0, 0, lower, upper, PAGE - _SPECIAL) + version + struct.pack("=I", 0)
    downlink = struct.pack("=HHHH", child >> 16, child & 0xFFFF, 0, 8 | _PIVOT) if level else b""
    flags = (_ROOT if is_root else 0) | (0 if level else _LEAF)
    special = struct.pack("=IIIHH", 0, 0, level, flags, 0)
    return (header + items).ljust(upper, b"\0") + downlink + special
