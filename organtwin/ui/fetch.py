"""Objects read and checked beside the event loop, for a scan takes longer than a frame."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, override

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal, Slot

from organtwin.casefolder.objects import ObjectFolder

KEPT_OBJECTS: Final = 48
LARGE_BYTES: Final = 64 * 2**20
Get = Callable[[str], Any]


def large(objects: ObjectFolder, ids: Sequence[str]) -> tuple[str, ...]:
    """Return those of the objects that reading would hold up the event loop for over 0.1 s."""
    paths = {name: objects.path(name) for name in ids if name}
    return tuple(n for n, p in paths.items() if p.exists() and p.stat().st_size > LARGE_BYTES)


class Kept:
    """The objects used last, in memory."""

    def __init__(self) -> None:
        self._objects: OrderedDict[str, Any] = OrderedDict()
        self._fetches: list[Fetch] = []

    def get(self, read: Get, object_id: str) -> Any:
        """Return an object, read when it is not at hand."""
        if object_id not in self._objects:
            self._objects[object_id] = read(object_id)
            while len(self._objects) > KEPT_OBJECTS:
                self._objects.popitem(last=False)
        self._objects.move_to_end(object_id)
        return self._objects[object_id]

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
            readable = {k: v for k, v in found.items() if not isinstance(v, BaseException)}
            self._objects.update(readable)
            then()

        reader = Fetch(read, missing, taken)
        self._fetches.append(reader)
        reader.start()

    def clear(self) -> None:
        """Forget everything."""
        self._objects.clear()


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
