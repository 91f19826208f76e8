"""Whether every form has been compiled ahead of time for the solvers as they are written now."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from solvers.forms import cache_folder

_MARK: Final = "all-of"
"""File in the cache: of which sources all forms lie there."""


def remember_compiled() -> None:
    """Note that every form of every law and load is in the cache."""
    (cache_folder() / _MARK).write_text(_sources(), encoding="ascii")


def all_compiled() -> bool:
    """Return whether `remember_compiled` was called with the same sources and cache."""
    try:
        return (cache_folder() / _MARK).read_text(encoding="ascii") == _sources()
    except OSError:
        return False


@cache
def _sources() -> str:
    found = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()
