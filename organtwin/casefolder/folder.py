"""CaseFolder: a case open on disk."""

from __future__ import annotations

import dataclasses
import getpass
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from organtwin.casefolder.durable import disk_errors
from organtwin.casefolder.journal import Journal
from organtwin.casefolder.lock import Lock
from organtwin.casefolder.objects import ObjectFolder
from organtwin.core.canvas import Canvas
from organtwin.core.case import Case
from organtwin.core.errors import BadInput, CaseDamaged, CaseReadOnly
from organtwin.core.journal import FIRST_LINK, Done, JournalEntry, link_of
from organtwin.core.private import FOLDER

ASIDE: Final = ("export", "measure")
"""Steps that change nothing in the Case: handed out, or measured in a picture; undo passes by."""


class CaseFolder:
    """A case folder open for work; use it as a context manager. It is an ObjectStore.

    Undo and redo are entries too: they go back to an earlier Case and nothing is deleted.
    """

    def __init__(self, path: Path, *, who: str, write: bool) -> None:
        """Open an existing folder; use `create` or `open`."""
        self.path = path
        self.who = who or getpass.getuser()
        self.objects = ObjectFolder(path / "objects", entry_follows=write)
        self.jobs = self.objects.jobs
        self._lock: Lock | None = None
        if write:
            with disk_errors(path):
                self._lock = Lock(path / "case.lock")
        try:
            self._journal = Journal(path / "journal.sqlite", write=write)
        except BaseException:
            self._release()
            raise
        try:
            if write:
                self.objects.sweep(self._named())
            self._replay()
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(cls, path: Path, case: Case, who: str = "") -> Self:
        """Make a new case in an empty or missing folder, which becomes private, and open it.

        Raises:
            BadInput: the folder is not empty.
            CaseReadOnly, DiskFull: the disk refuses; nothing is left behind.
        """
        if path.exists() and any(path.iterdir()):
            raise BadInput(
                "this folder is not empty", where=str(path), advice="choose another folder"
            )
        with disk_errors(path):
            path.mkdir(FOLDER, parents=True, exist_ok=True)
            with suppress(PermissionError):  # somebody else's, or a disk that knows no modes
                path.chmod(FOLDER)
        folder = cls(path, who=who, write=True)
        folder.append(case, Done("create", {"patient": case.patient, "organ": case.organ}))
        return folder

    @classmethod
    def open(cls, path: Path, who: str = "", *, write: bool = True) -> Self:
        """Open a case.

        Raises:
            BadInput: there is no case in that folder.
            CaseLocked, CaseReadOnly, CaseTooNew, CaseDamaged: as their names say.
        """
        if not (path / "journal.sqlite").is_file():
            raise BadInput("there is no case in this folder", where=str(path))
        if write and not os.access(path, os.W_OK):
            raise CaseReadOnly(
                "this case may not be written",
                where=str(path),
                advice="open it for reading only, or copy the folder to where you may write",
            )
        return cls(path, who=who, write=write)

    @property
    def case(self) -> Case:
        """The Case as it stands."""
        case: Case = self.get(self._entry(self._position).case) if self._position else Case("")
        return case

    @property
    def entries(self) -> Sequence[JournalEntry]:
        """Every journal entry, oldest first."""
        return self._journal.entries

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier Case to go back to."""
        return self._position > 0 and self._entry(self._position).parent > 0

    @property
    def can_redo(self) -> bool:
        """Whether something was undone last."""
        return bool(self._undone)

    def put(self, thing: Any) -> str:
        """Keep a noun for good; returns its id."""
        return self.objects.put(thing)

    def get(self, object_id: str) -> Any:
        """Return the noun of that id; raises CaseDamaged."""
        return self.objects.get(object_id)

    def canvas(self, labels: str) -> Canvas:
        """Return labels to read parts of until the next call; raises CaseDamaged."""
        return self.objects.canvas(labels)

    def as_put(self, object_id: str) -> Any:
        """Return the noun of that id, a Change as such; raises CaseDamaged."""
        return self.objects.as_put(object_id)

    def whole_of(self, labels: str) -> str:
        """Return the id of the whole LabelMap that a Change's id stands for, "" if none was put."""
        return self.objects.whole_of(labels)

    def trying(self) -> AbstractContextManager[None]:
        """Return what takes away again what is put, should the step fail."""
        return self.objects.trying()

    def append(self, case: Case, done: Done) -> JournalEntry:
        """Record a step and the Case it led to; durable when it returns."""
        return self._write(self.objects.put_last(case), done, parent=self._position)

    def undo(self) -> JournalEntry:
        """Go back to the Case before the last step; raises BadInput when there is none."""
        if not self.can_undo:
            raise BadInput("there is nothing to undo")
        undone = self._entry(self._position)
        target = self._entry(undone.parent)
        done = Done("undo", {"entry": undone.sequence}, summary=f"undo {undone.done.step}")
        return self._write(target.case, done, parent=target.sequence)

    def redo(self) -> JournalEntry:
        """Go forward to what was undone last; raises BadInput when there is nothing."""
        if not self.can_redo:
            raise BadInput("there is nothing to redo")
        target = self._entry(self._undone[-1])
        done = Done("redo", {"entry": target.sequence}, summary=f"redo {target.done.step}")
        return self._write(target.case, done, parent=target.sequence)

    def close(self) -> None:
        """Close the journal and let others in."""
        self._journal.close()
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _entry(self, sequence: int) -> JournalEntry:
        return self._journal.entries[sequence - 1]

    def _write(self, case_id: str, done: Done, *, parent: int) -> JournalEntry:
        if self._lock is None:
            raise CaseReadOnly("this case was opened for reading only", where=str(self.path))
        entries = self._journal.entries
        entry = JournalEntry(
            sequence=len(entries) + 1,
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            who=self.who,
            parent=parent,
            case=case_id,
            done=done,
            previous=entries[-1].link if entries else FIRST_LINK,
            link="",
        )
        entry = dataclasses.replace(entry, link=link_of(entry.body()))
        self._journal.append(entry)
        self.objects.settle()
        self._follow(entry)
        return entry

    def _named(self) -> frozenset[str]:
        """Return the id of every object that the journal names."""
        entries = self._journal.entries
        return frozenset(
            object_id for e in entries for object_id in (e.case, *e.done.inputs, *e.done.outputs)
        )

    def _replay(self) -> None:
        self._position, self._undone = 0, list[int]()
        for entry in self._journal.entries:
            self._follow(entry)
        if self._position and not isinstance(self.get(self._entry(self._position).case), Case):
            raise CaseDamaged("the journal's last entry names no case", where=str(self.path))

    def _follow(self, entry: JournalEntry) -> None:
        """Keep track of where undo and redo lead."""
        if entry.done.step == "undo":
            self._undone.append(self._position)
            self._position = entry.parent
        elif entry.done.step == "redo":
            self._position = self._undone.pop()
        elif entry.done.step not in ASIDE:
            self._undone.clear()
            self._position = entry.sequence

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None
