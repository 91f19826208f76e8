"""Write-once files named by the SHA-256 of their content."""

from __future__ import annotations

import re
import uuid
import weakref
from collections import OrderedDict
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import IO, Any, Final

from organtwin.casefolder.durable import disk_errors, sync_folder, write_once
from organtwin.core.canvas import Canvas, follow, resolved
from organtwin.core.change import Change
from organtwin.core.content import decode, identity, pieces
from organtwin.core.errors import CaseDamaged
from organtwin.core.labelmap import LabelMap
from organtwin.core.private import FILE, FOLDER

OBJECT_ID = re.compile(r"[0-9a-f]{64}")
TRIAL: Final = ".trial-"
CHANGES_AT_HAND: Final = 512
Content = list[bytes | memoryview]


class ObjectFolder:
    """Keeps nouns in a folder; several processes may put at the same time.

    Args:
        root: the ``objects`` folder of a case; made on the first `put`.
        entry_follows: whoever puts Changes calls `put_last` before the journal names them; they are
            written then, beside each other, for a disk that waits twice waits once.

    `jobs`, beside it, is where solver jobs run: a cache. `wholes`: id of a Change → id of the whole
    LabelMap it stands for, where another process put that; whoever had it put says so here.
    """

    def __init__(self, root: Path, *, entry_follows: bool = False) -> None:
        self.root, self.entry_follows = root, entry_follows
        self.jobs = root.parent / "jobs"
        self._at_hand: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
        self._whole: weakref.WeakValueDictionary[str, LabelMap] = weakref.WeakValueDictionary()
        self.wholes: dict[str, str] = {}
        self._trial: IO[str] | None = None
        self._changes: OrderedDict[str, Change] = OrderedDict()
        self._canvas: Canvas | None = None
        self._drawing = RLock()
        self._waiting: dict[str, Content] = {}

    def put(self, thing: Any) -> str:
        """Keep a noun; returns its id. Raises DiskFull or CaseReadOnly, then nothing changed."""
        content = pieces(thing)
        object_id = identity(*content)
        if self.entry_follows and isinstance(thing, Change):
            self._waiting[object_id] = content
        else:
            self._write(object_id, content)
        self._keep(object_id, thing)
        return object_id

    def put_last(self, thing: Any) -> str:
        """Keep a noun, and write what waits; all is durable when this returns the noun's id."""
        content = pieces(thing)
        object_id = identity(*content)
        waiting, self._waiting = self._waiting, {}
        with self.trying(), ThreadPoolExecutor(1 + len(waiting)) as pool:
            rest = [pool.submit(self._write, *one) for one in waiting.items()]
            self._write(object_id, content)
            for one in rest:
                one.result()
        self._keep(object_id, thing)
        return object_id

    def _write(self, object_id: str, content: Content) -> None:
        path = self.path(object_id)
        if path.exists():
            return
        with disk_errors(path):
            if not path.parent.exists():
                self.root.mkdir(FOLDER, parents=True, exist_ok=True)
                path.parent.mkdir(FOLDER, exist_ok=True)
                sync_folder(self.root)
            if self._trial is not None:
                self._trial.write(object_id + "\n")
                self._trial.flush()
            write_once(path, *content)

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
        waiting = dict(self._waiting)
        try:
            with self._trial:
                yield
        except BaseException:
            self._waiting = waiting
            self._changes.clear()
            self._take_away(note, known=())
            raise
        finally:
            self._trial = None

    def settle(self) -> None:
        """Forget the trials: the journal names what they put."""
        for note in self.root.glob(f"{TRIAL}*") if self._trial is None else ():
            note.unlink(missing_ok=True)

    def get(self, object_id: str) -> Any:
        """Return the noun of that id; raises CaseDamaged when it is missing or was changed.

        For the id of a Change it is the whole LabelMap after it.
        """
        thing = self._whole.get(object_id) or self.as_put(object_id)
        if isinstance(thing, Change):
            thing = self._whole[object_id] = self._labels_after(object_id)
        return thing

    def canvas(self, labels: str) -> Canvas:
        """Return the labels of that id to read parts of, until the next call; change nothing there.

        One canvas is kept and moved by the Changes between, so that a stroke costs no whole copy.
        """
        with self._drawing:
            canvas, self._canvas = self._canvas, None
            if canvas is None or not self._moved(canvas, labels):
                put = self.as_put(labels)
                depth = put.depth if isinstance(put, Change) else 0
                canvas = Canvas(self.get(labels), labels, depth)
            self._canvas = canvas
            return canvas

    def _moved(self, canvas: Canvas, labels: str) -> bool:
        """Return whether Changes led a canvas to other labels; it is of no use where not."""
        try:
            return follow(canvas, self.as_put, labels) is not None
        except CaseDamaged:  # the canvas stood at what a step that failed had put
            return False

    def whole_of(self, labels: str) -> str:
        """Return the id of the whole LabelMap that a Change's id stands for, "" if none was put."""
        return self.wholes.get(labels, "")

    def as_put(self, object_id: str) -> Any:
        """Return the noun of that id, a Change as such; raises CaseDamaged."""
        thing = self._changes.get(object_id) or self._at_hand.get(object_id)
        if thing is None:
            thing = decode(self.content(object_id))
            self._keep(object_id, thing)
        return thing

    def _keep(self, object_id: str, thing: Any) -> None:
        if not isinstance(thing, Change):
            self._at_hand[object_id] = thing
            return
        self._changes[object_id] = thing
        while len(self._changes) > CHANGES_AT_HAND:
            self._changes.popitem(last=False)

    def _labels_after(self, change: str) -> LabelMap:
        with self._drawing:
            if self._canvas is not None and self._canvas.at == change:
                return self._canvas.frozen()
        return resolved(lambda one: self._whole.get(one) or self.as_put(one), change)

    def is_change(self, object_id: str) -> bool:
        """Return whether an object is a Change, by the first bytes of its file."""
        begin = b'{"__noun__":"Change"'
        try:
            with self.path(object_id).open("rb") as file:
                return file.read(16 + len(begin))[16:] == begin
        except OSError:  # reading it will say why
            return False

    def content(self, object_id: str) -> bytes:
        """Return the canonical bytes of an object, checked against its id."""
        if object_id in self._waiting:
            self._write(object_id, self._waiting.pop(object_id))
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
                    self._whole.pop(object_id, None)
                    self._changes.pop(object_id, None)
            note.unlink(missing_ok=True)
