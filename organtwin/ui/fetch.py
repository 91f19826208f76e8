"""Objects read and checked beside the event loop, for a scan takes longer than a frame."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, override

import numpy as np
from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal, Slot

from organtwin.casefolder.objects import ObjectFolder

KEPT_OBJECTS: Final = 48
KEPT_BYTES: Final = 2 * 2**30
LARGE_BYTES: Final = 64 * 2**20
Get = Callable[[str], Any]


def large(objects: ObjectFolder, ids: Sequence[str]) -> tuple[str, ...]:
    """Return those of the objects that reading would hold up the event loop for over 0.1 s."""
    paths = {name: objects.path(name) for name in ids if name}
    return tuple(n for n, p in paths.items() if p.exists() and p.stat().st_size > LARGE_BYTES)


def slow(objects: ObjectFolder, ids: Sequence[str]) -> tuple[str, ...]:
    """Return those to be read beside the event loop, where no labels are at hand.

    A Change is small, but what it stands for is the whole labels.
    """
    found = large(objects, ids)
    return (*found, *(n for n in ids if n and n not in found and objects.is_change(n)))


def bytes_of(thing: Any) -> int:
    """Return the bytes of the arrays that a noun holds."""
    if isinstance(thing, np.ndarray):
        return int(thing.nbytes)
    if isinstance(thing, tuple):
        return sum(map(bytes_of, thing))
    if dataclasses.is_dataclass(thing):
        return sum(bytes_of(getattr(thing, f.name)) for f in dataclasses.fields(thing))
    return 0


class Kept:
    """The objects used last, in memory: so many, and so many bytes, but always the very last.

    Args:
        most_bytes: of their arrays.
    """

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._objects: OrderedDict[str, Any] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._fetches: list[Fetch] = []

    def get(self, read: Get, object_id: str) -> Any:
        """Return an object, read when it is not at hand."""
        if object_id not in self._objects:
            self._keep(object_id, read(object_id))
        self._objects.move_to_end(object_id)
        return self._objects[object_id]

    def _keep(self, object_id: str, thing: Any) -> None:
        self._objects[object_id] = thing
        self._sizes[object_id] = bytes_of(thing)
        while len(self._objects) > KEPT_OBJECTS or (
            len(self._objects) > 1 and sum(self._sizes.values()) > self._most_bytes
        ):
            del self._sizes[self._objects.popitem(last=False)[0]]

    def fetch(self, read: Get, ids: Sequence[str], then: Callable[[], None]) -> None:
        """Read objects in another thread, then call `then` in this one.

        An object that cannot be read is left out: `get` will say why.
        """
        missing = [i for i in ids if i and i not in self._objects]
        if not missing:
            then()
            return

        def taken(found: Mapping[str, Any]) -> None:
            self._fetches.remove(reader)
            for name, thing in found.items():
                # One that was read meanwhile is in use, and the one the folder knows of.
                if not isinstance(thing, BaseException) and name not in self._objects:
                    self._keep(name, thing)
            then()

        reader = Fetch(read, missing, taken)
        self._fetches.append(reader)
        reader.start()

    def clear(self) -> None:
        """Forget everything."""
        self._objects.clear()
        self._sizes.clear()


class _Told(QObject):
    """Lives in the window's thread, so that what a thread emits is taken there."""

    read = Signal(object)

    def __init__(self, taken: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__()
        self._taken = taken
        self.read.connect(self.hand_over, Qt.ConnectionType.QueuedConnection)

    @Slot(object)
    def hand_over(self, found: Mapping[str, Any]) -> None:
        """Pass on what was read."""
        self._taken(found)


class Fetch(QRunnable):
    """Reads objects in another thread and hands them over in the window's.

    Args:
        get: reads one object by its id; must be safe to call from any thread.
        taken: called in the window's thread with id → object, or id → the error met.
    """

    def __init__(
        self,
        get: Callable[[str], Any],
        ids: Sequence[str],
        taken: Callable[[Mapping[str, Any]], None],
    ) -> None:
        super().__init__()
        self._get, self._ids = get, tuple(ids)
        self._told = _Told(taken)
        self.setAutoDelete(False)

    def start(self) -> None:
        """Begin."""
        QThreadPool.globalInstance().start(self)

    @override
    def run(self) -> None:
        """Read; whatever goes wrong is handed over, never raised in a thread."""
        found: dict[str, Any] = {}
        for object_id in self._ids:
            try:
                found[object_id] = self._get(object_id)
            except Exception as error:
                found[object_id] = error
        self._told.read.emit(found)
