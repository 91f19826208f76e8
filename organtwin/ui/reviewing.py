"""Reviewing: which structures of each visit hold voxels, and which of them nobody looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from organtwin.pipeline.reviewing import held_in, rests_on, unreviewed
from organtwin.ui.easel import Easel
from organtwin.ui.fetch import Fetch
from organtwin.ui.session import Session


class Reviewing(QObject):
    """Reads labels beside the window, once each.

    Signals:
        changed: labels were read that had been asked for.
    """

    changed = Signal()

    def __init__(self, session: Session, easel: Easel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._easel = session, easel
        self._held: dict[str, tuple[str, ...]] = {}
        self._asked: set[str] = set()
        self._readers: set[Fetch] = set()

    def unreviewed(self, visits: Sequence[int]) -> dict[int, tuple[str, ...]] | None:
        """Return visit → structures neither done nor reviewed; None: they are being read."""
        case = self._session.case
        if not self._known(visits):
            return None
        return {n: unreviewed(case.visits[n], self._held.__getitem__) for n in visits}

    def rests_on(self, visits: Sequence[int]) -> str:
        """Return what `pipeline.reviewing.rests_on` says, "" until the labels are read."""
        if not self._known(visits):
            return ""
        return rests_on(self._session.case, self._held.__getitem__, visits)

    def _known(self, visits: Sequence[int]) -> bool:
        wanted = {self._session.case.visits[n].labels for n in visits} - {"", *self._held}
        for labels in [one for one in wanted if self._easel.holds(one)]:
            self._held[labels] = held_in(self._easel.labels(labels))
            wanted.discard(labels)
        new = sorted(wanted - self._asked)
        if new:
            self._read(new)
        return not wanted

    def _read(self, new: Sequence[str]) -> None:
        """Read labels and count their voxels in another thread; only names are kept of them."""
        folder = self._session.folder

        def taken(found: Mapping[str, Any]) -> None:
            self._readers.discard(reader)
            self._asked -= {*new}
            for labels, names in found.items():  # of what cannot be read its page says why
                self._held[labels] = () if isinstance(names, BaseException) else names
            if self._session.is_open:
                self.changed.emit()

        reader = Fetch(lambda labels: held_in(folder.get(labels)), new, taken)
        self._asked |= {*new}
        self._readers.add(reader)
        reader.start()
