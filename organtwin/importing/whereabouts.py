"""Which files are being read right now, for a parent that may have to name the one that killed us.

They stand on a board: memory that both processes see, so that saying so costs nothing. Nobody
writes there unless this is a worker process.
"""

from __future__ import annotations

import mmap
import os
import threading
from pathlib import Path
from typing import Final

SLOTS: Final = 8
SLOT_BYTES: Final = 4096 + 2
"""Of a path (PATH_MAX) and its length."""
BOARD_BYTES: Final = SLOTS * SLOT_BYTES
_boards: list[Board] = []


class reading:
    """Entered, says that a file is about to be read or decoded; left, that it was."""

    __slots__ = ("_path", "_slot")

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._slot = _boards[-1].write(self._path) if _boards else -1

    def __exit__(self, *_: object) -> None:
        if self._slot >= 0:
            _boards[-1].wipe(self._slot)


class Board:
    """The worker's side: puts up and takes down paths."""

    def __init__(self, file: int) -> None:
        self._memory = mmap.mmap(file, BOARD_BYTES)
        self._free, self._lock = list(range(SLOTS)), threading.Lock()
        os.close(file)

    def put_up(self) -> None:
        """Let `reading` write here from now on."""
        _boards.append(self)

    def write(self, path: Path) -> int:
        """Write a path into a free slot; returns its number, -1 when there is none."""
        with self._lock:
            slot = self._free.pop() if self._free else -1
        if slot >= 0:
            name = os.fsencode(path)[: SLOT_BYTES - 2]
            start = slot * SLOT_BYTES
            self._memory[start : start + 2 + len(name)] = len(name).to_bytes(2, "little") + name
        return slot

    def wipe(self, slot: int) -> None:
        """Empty a slot."""
        if slot >= 0:
            self._memory[slot * SLOT_BYTES : slot * SLOT_BYTES + 2] = b"\0\0"
            with self._lock:
                self._free.append(slot)


def on_board(file: int) -> tuple[str, ...]:
    """Return the paths that stand on a board now: the parent's side."""
    content = os.pread(file, BOARD_BYTES, 0)
    slots = [content[n : n + SLOT_BYTES] for n in range(0, len(content), SLOT_BYTES)]
    names = [slot[2 : 2 + int.from_bytes(slot[:2], "little")] for slot in slots]
    return tuple(sorted({os.fsdecode(name) for name in names if name}))
