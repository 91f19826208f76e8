"""Write-once files named by the SHA-256 of their content."""

from __future__ import annotations

import re
import uuid
import weakref
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from organtwin.casefolder.durable import disk_errors, sync_folder, write_once
from organtwin.core.content import decode, identity, pieces
from organtwin.core.errors import CaseDamaged
from organtwin.core.private import FILE, FOLDER

OBJECT_ID = re.compile(r"[0-9a-f]{64}")
TRIAL: Final = ".trial-"


class ObjectFolder:
    """Keeps nouns in a folder; several processes may put at the same time.

    Args:
        root: the ``objects`` folder of a case; made on the first `put`.

    `jobs`, beside it, is where solver jobs run: a cache.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.jobs = root.parent / "jobs"
        self._at_hand: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
        self._trial: IO[str] | None = None

    def put(self, thing: Any) -> str:
        """Keep a noun; returns its id. Raises DiskFull or CaseReadOnly, then nothing changed."""
        content = pieces(thing)
        object_id = identity(*content)
        path = self.path(object_id)
        if not path.exists():
            with disk_errors(path):
                if not path.parent.exists():
                    self.root.mkdir(FOLDER, parents=True, exist_ok=True)
                    path.parent.mkdir(FOLDER, exist_ok=True)
                    sync_folder(self.root)
                if self._trial is not None:
                    self._trial.write(object_id + "\n")
                    self._trial.flush()
                write_once(path, *content)
        self._at_hand[object_id] = thing
        return object_id

    @contextmanager
    def trying(self) -> Iterator[None]:
        """While this is entered, objects are put on trial: an error takes them away again.

        Their ids stand in a note beside them until the journal names them (`settle`), so that
        `sweep` finds what a killed process left.
        """
        if self._trial is not None:
            yield
            return
        note = self.root / f"{TRIAL}{uuid.uuid4().hex}"
        with disk_errors(note):
            self.root.mkdir(FOLDER, parents=True, exist_ok=True)
            note.touch(FILE, exist_ok=False)
            self._trial = note.open("w", encoding="ascii")
        try:
            with self._trial:
                yield
        except BaseException:
            self._take_away(note, known=())
            raise
        finally:
            self._trial = None

    def settle(self) -> None:
        """Forget the trials: the journal names what they put."""
        for note in self.root.glob(f"{TRIAL}*") if self._trial is None else ():
            note.unlink(missing_ok=True)

    def get(self, object_id: str) -> Any:
        """Return the noun of that id; raises CaseDamaged when it is missing or was changed."""
        thing = self._at_hand.get(object_id)
        if thing is None:
            thing = decode(self.content(object_id))
            self._at_hand[object_id] = thing
        return thing

    def content(self, object_id: str) -> bytes:
        """Return the canonical bytes of an object, checked against its id."""
        path = self.path(object_id)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CaseDamaged(
                f"the object {object_id[:12]} cannot be read ({error.strerror})",
                where=str(path),
                advice="restore the case folder from a copy",
            ) from error
        if identity(content) != object_id:
            raise CaseDamaged(
                f"the object {object_id[:12]} was changed after it was written",
                where=str(path),
                advice="restore the case folder from a copy",
            )
        return content

    def path(self, object_id: str) -> Path:
        """Where the object of that id lies; raises CaseDamaged for anything that is no id."""
        if not OBJECT_ID.fullmatch(object_id):
            raise CaseDamaged(f"{object_id[:80]!r} is not the id of an object")
        return self.root / object_id[:2] / object_id

    def sweep(self, known: Collection[str]) -> None:
        """Remove what a killed process left half written, or put for a step that never ended.

        Args:
            known: ids that the journal names; those stay whatever happens.
        """
        for path in self.root.glob("??/.*.part"):
            path.unlink(missing_ok=True)
        for note in self.root.glob(f"{TRIAL}*"):
            self._take_away(note, known)

    def _take_away(self, note: Path, known: Collection[str]) -> None:
        """Remove the objects that a trial put, unless they are known, and then its note."""
        with suppress(OSError):  # what cannot be removed does no harm
            for object_id in note.read_text("ascii", "replace").split():
                if OBJECT_ID.fullmatch(object_id) and object_id not in known:
                    self.path(object_id).unlink(missing_ok=True)
                    self._at_hand.pop(object_id, None)
            note.unlink(missing_ok=True)
