"""Which files are being read right now, for a parent that may have to name the one that killed us.

Nobody listens unless this is a worker process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Listener = Callable[[Path, bool], None]
_listeners: list[Listener] = []


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say that a file is about to be read or decoded, and that it was."""
    for listener in _listeners:
        listener(path, True)
    try:
        yield
    finally:
        for listener in _listeners:
            listener(path, False)


@contextmanager
def told_to(listener: Listener) -> Iterator[None]:
    """Tell `listener` (path, whether it begins) of every file while this is entered."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
