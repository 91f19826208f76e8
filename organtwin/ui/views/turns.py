"""Turns: views drawn anew one after another, so that a hand never waits for more than one."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

APART_MS: Final = 50


class Turns(QObject):
    """Asks one view at a time to draw itself; what is drawn in does not wait for its turn."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: list[QWidget] = []
        self._timer = QTimer(self, singleShot=True, interval=APART_MS)
        self._timer.timeout.connect(self._next)

    def ask(self, view: QWidget) -> None:
        """Have a view drawn when its turn comes; asking twice is asking once."""
        if view not in self._waiting:
            self._waiting.append(view)
        if not self._timer.isActive():
            self._timer.start()

    def _next(self) -> None:
        self._waiting.pop(0).update()
        if self._waiting:
            self._timer.start()
