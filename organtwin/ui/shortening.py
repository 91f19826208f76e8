"""Shortening: whole labels put beside the work, so that no gesture waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject

from organtwin.core.change import Change
from organtwin.pipeline.editing import LONG_CHAIN
from organtwin.ui.session import Session


class Shortening(QObject):
    """Has the labels of a long chain of Changes put whole, by a process of its own.

    The next gesture lies on them (`organtwin.pipeline.editing`). Until it is in the journal they
    are of no use to anybody: a program killed before has lost nothing, and has them put again.
    """

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._working = False
        self._failed = ""
        session.case_changed.connect(self._look)

    def _look(self) -> None:
        """Look at every visit: an edited one may be another than the one shown."""
        if self._working or not self._session.is_open:
            return
        objects = self._session.folder.objects
        for visit in self._session.case.visits:
            labels = visit.labels
            if labels and labels != self._failed and objects.is_change(labels):
                put = objects.as_put(labels)
                if isinstance(put, Change) and put.depth >= LONG_CHAIN:
                    self._ask(labels)
                    return

    def _ask(self, labels: str) -> None:
        objects = self._session.folder.objects
        if labels in objects.wholes:
            return
        self._working = True

        def taken(answer: Mapping[str, Any]) -> None:
            objects.wholes[labels] = str(answer["whole"])

        def over(answer: Mapping[str, Any], *_: object) -> None:
            self._working = False
            self._failed = labels if "error" in answer else ""

        asked = {"objects": str(objects.root), "labels": labels}
        self._session.ask("whole", asked, taken).ended.connect(over)
