"""The last result of something slow, kept while what it was made from lives."""

from __future__ import annotations

import weakref
from collections.abc import Callable


class Last[Made]:
    """Keeps one result, so that asking again with the same objects and words is quick.

    Objects are the same when they are one in memory; the result goes when any of them goes.
    """

    def __init__(self) -> None:
        self._kept: tuple[tuple[object, ...], object, Made] | None = None

    def of(self, objects: tuple[object, ...], said: object, make: Callable[[], Made]) -> Made:
        """Return what was made last of these, or make it; raises as `make` does.

        Args:
            objects: None, or compared by identity.
            said: compared by value.
        """
        kept = self._kept
        if kept is not None and kept[1] == said and _same(kept[0], objects):
            return kept[2]
        self._kept = None
        made = make()
        refs = tuple(None if one is None else weakref.ref(one, self._drop) for one in objects)
        self._kept = refs, said, made
        return made

    def _drop(self, gone: object) -> None:
        if self._kept is not None and any(ref is gone for ref in self._kept[0]):
            self._kept = None


def _same(kept: tuple[object, ...], objects: tuple[object, ...]) -> bool:
    there = [ref() if isinstance(ref, weakref.ref) else None for ref in kept]
    return all(a is b for a, b in zip(there, objects, strict=True))
