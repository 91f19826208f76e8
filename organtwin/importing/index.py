"""What was found in folders looked at before, kept by the state of every file in them.

A folder in which any file came, went or changed (path, size, times of change, inode) is looked at
again; so is everything after an update of the reader. The file holds patients' names, so only its
owner may read it. It is a cache: damaged, it is made anew; where it cannot be written, there is
none.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Final

import organtwin
from organtwin.places import own_folder

SWITCH: Final = "ORGANTWIN_NO_INDEX"
"""A variable that, set to anything, switches the index off."""
TOTAL_LIMIT: Final = 256 * 2**20
FILE_LIMIT: Final = 200_000
DEPTH_LIMIT: Final = 64
ENDINGS: Final = ("", "-wal", "-shm")
"""Of the names of the files that SQLite keeps."""
TABLE: Final = """
CREATE TABLE IF NOT EXISTS scans (
    key TEXT PRIMARY KEY, used REAL NOT NULL, bytes INTEGER NOT NULL, scan BLOB NOT NULL)
"""


def own_index() -> Index | None:
    """Return the user's index, None where it is switched off."""
    return None if os.environ.get(SWITCH) else Index(own_folder() / "cache" / "scans.sqlite")


def key_of(folder: Path) -> str | None:
    """Return what a scan of a folder is kept under.

    None where that cannot be told: more files than are looked at, or some that may not be seen.
    """
    try:
        seen = [_state_of(entry) for entry in islice(_walked(str(folder), 0), FILE_LIMIT + 1)]
    except OSError:
        return None
    if len(seen) > FILE_LIMIT:
        return None
    text = "\n".join([_reader(), str(folder), *sorted(seen)])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _state_of(entry: os.DirEntry[str]) -> str:
    state = entry.stat(follow_symlinks=False)
    return (
        f"{entry.path}\0{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns} "
        f"{state.st_ino} {state.st_mode}"
    )


def _walked(folder: str, depth: int) -> Iterator[os.DirEntry[str]]:
    if depth > DEPTH_LIMIT:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walked(entry.path, depth + 1)


@cache
def _reader() -> str:
    """Return what changes with every version of the code that reads."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    states = [(file.name, file.stat()) for file in files]
    return f"{organtwin.__version__} {[(n, s.st_size, s.st_mtime_ns) for n, s in states]}"


class Index:
    """Scans as JSON, by key, in one SQLite file; the least used are dropped when it is full."""

    def __init__(self, file: Path, *, limit_bytes: int = TOTAL_LIMIT) -> None:
        self._file, self._limit = file, limit_bytes

    def get(self, key: str) -> bytes | None:
        """Return what was kept under a key, None when there is nothing."""
        try:
            with closing(self._opened()) as database, database:
                row = database.execute("SELECT scan FROM scans WHERE key = ?", (key,)).fetchone()
                database.execute("UPDATE scans SET used = ? WHERE key = ?", (time.time(), key))
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)
            return None
        return row[0] if row and isinstance(row[0], bytes) else None

    def put(self, key: str, scan: bytes) -> None:
        """Keep a scan under a key."""
        if len(scan) > self._limit:
            return
        try:
            with closing(self._opened()) as database, database:
                row = (key, time.time(), len(scan), scan)
                database.execute("INSERT OR REPLACE INTO scans VALUES (?, ?, ?, ?)", row)
                self._make_room(database)
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def forget(self, key: str) -> None:
        """Drop what is kept under a key."""
        with suppress(OSError, sqlite3.Error), closing(self._opened()) as database, database:
            database.execute("DELETE FROM scans WHERE key = ?", (key,))

    def _opened(self) -> sqlite3.Connection:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        for ending in ENDINGS:
            self._make_private(self._file.with_name(self._file.name + ending))
        database = sqlite3.connect(self._file, timeout=1.0)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(TABLE)
        except BaseException:
            database.close()
            raise
        return database

    def _make_private(self, file: Path) -> None:
        """Let only the owner read a file, also one that is there already; the database is made."""
        flags = os.O_CREAT if file == self._file else 0
        with suppress(FileNotFoundError):
            handle = os.open(file, os.O_RDWR | flags, 0o600)
            try:
                if os.name == "posix":
                    os.fchmod(handle, 0o600)
            finally:
                os.close(handle)

    def _make_room(self, database: sqlite3.Connection) -> None:
        (total,) = database.execute("SELECT sum(bytes) FROM scans").fetchone()
        for key, size in database.execute("SELECT key, bytes FROM scans ORDER BY used").fetchall():
            if total <= self._limit:
                break
            database.execute("DELETE FROM scans WHERE key = ?", (key,))
            total -= size

    def _give_up(self, error: Exception) -> None:
        """Remove a file that is no index (any more); leave one that is merely busy alone."""
        if isinstance(error, sqlite3.OperationalError) or not isinstance(
            error, sqlite3.DatabaseError
        ):
            return
        for ending in ENDINGS:
            with suppress(OSError):
                self._file.with_name(self._file.name + ending).unlink(missing_ok=True)
