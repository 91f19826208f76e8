"""What a step that was stopped or failed had put into the case folder: it is removed again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

Objects = frozenset[Path]


def objects_in(root: Path) -> Objects:
    """Return every file of an object folder, half written ones too."""
    return frozenset(root.glob("??/*"))


def remove_since(root: Path, before: Objects) -> None:
    """Remove what came since; nothing refers to it, for the journal did not learn of it."""
    for path in objects_in(root) - before:
        with suppress(OSError):
            path.unlink()
