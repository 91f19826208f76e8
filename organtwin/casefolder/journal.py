"""The journal on disk: append-only, hash-chained, in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from organtwin.casefolder.durable import disk_errors
from organtwin.core.errors import CaseDamaged, CaseTooNew
from organtwin.core.journal import FIRST_LINK, JournalEntry, read_entry
from organtwin.core.private import open_private

FORMAT: Final = 3
"""1 knew no Changes and no work on structures, 2 no remarks in entries. A case
becomes one of this format with its first entry by this program, not before: until then an older one
may read it."""
APPLICATION_ID: Final = 0x4F54574E  # "OTWN"
SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};
CREATE TABLE entry (sequence INTEGER PRIMARY KEY, body TEXT NOT NULL, link TEXT NOT NULL);
CREATE TRIGGER never_change BEFORE UPDATE ON entry
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER never_delete BEFORE DELETE ON entry
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""


class Journal:
    """The entries of one case.

    Args:
        path: ``journal.sqlite``; made when it is missing and `write` is True.
        write: open for appending; otherwise the file is read as it lies, without touching it.

    Raises:
        CaseTooNew: written by a later version.
        CaseDamaged: not a journal, or its chain is broken.
    """

    def __init__(self, path: Path, *, write: bool) -> None:
        self._path, self._format = path, FORMAT
        with disk_errors(path):
            if write and not path.exists():
                open_private(path).close()
            self._database = _opened(path, "rwc") if write else _opened_for_reading(path)
        try:
            self._prepare(write)
            self._entries = list(self._read())
        except BaseException:
            self._database.close()
            raise

    @property
    def entries(self) -> Sequence[JournalEntry]:
        """All entries, oldest first."""
        return self._entries

    def append(self, entry: JournalEntry) -> None:
        """Add an entry; when this returns it is on the disk."""
        with disk_errors(self._path):
            if self._format < FORMAT:
                self._database.execute(f"PRAGMA user_version = {FORMAT}")
                self._format = FORMAT
            self._database.execute(
                "INSERT INTO entry VALUES (?, ?, ?)", (entry.sequence, entry.body(), entry.link)
            )
        self._entries.append(entry)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _prepare(self, write: bool) -> None:
        try:
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
            if version > FORMAT:
                raise CaseTooNew(
                    f"this case has format {version}; this program reads up to {FORMAT}",
                    where=str(self._path.parent),
                    advice="open it with a newer OrganTwin; nothing was changed",
                )
            with disk_errors(self._path):
                if write:
                    self._database.execute("PRAGMA journal_mode = WAL")
                    self._database.execute("PRAGMA synchronous = FULL")
                if version == 0:
                    self._database.executescript(f"BEGIN; {SCHEMA} COMMIT;")
                self._format = version or FORMAT
        except sqlite3.DatabaseError as error:
            raise CaseDamaged(f"not a journal ({error})", where=str(self._path)) from error

    def _read(self) -> list[JournalEntry]:
        rows = self._database.execute("SELECT sequence, body, link FROM entry ORDER BY sequence")
        entries: list[JournalEntry] = []
        previous = FIRST_LINK
        for number, (sequence, body, link) in enumerate(rows, start=1):
            entry = read_entry(body, link)
            if (sequence, entry.sequence, entry.previous) != (number, number, previous):
                raise CaseDamaged(f"the journal's chain is broken at entry {number}")
            entries.append(entry)
            previous = link
        return entries


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None
    )


def _opened_for_reading(path: Path) -> sqlite3.Connection:
    """Open beside a writer, whose last entries still lie in the log; else the file as it lies.

    A folder that may not be written has no room for the log's index: SQLite then has to be told
    that nothing changes.
    """
    database = _opened(path, "ro")
    try:
        database.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError:
        database.close()
        database = _opened(path, "ro&immutable=1")
    return database
