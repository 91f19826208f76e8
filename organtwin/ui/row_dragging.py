"""RowDragging: rows of a list put elsewhere with the mouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import override

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QFrame, QToolButton, QWidget

from organtwin.ui.theme import colour


class RowDragging(QObject):
    """Watches the buttons that rows are taken by; a line shows where a row would come to lie.

    Args:
        area: that the rows lie in.
        rows: gives them from top to bottom.

    Signals:
        dropped: the number of a row, and its number once it is put there, from 0.
    """

    dropped = Signal(int, int)

    def __init__(self, area: QWidget, rows: Callable[[], Sequence[QWidget]]) -> None:
        super().__init__(area)
        self._area, self._rows = area, rows
        self._taken: tuple[QWidget, QPointF] | None = None
        self._lifted = False
        self.line = QFrame(area)
        self.line.setFixedHeight(2)
        self.line.hide()

    def watch(self, row: QWidget, by: QToolButton) -> None:
        """Let a row be taken by one of its buttons."""
        by.installEventFilter(self)
        by.setProperty("row", row)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take, carry and drop; what is no drag stays the button's own."""
        if isinstance(event, QMouseEvent):
            kind, left = event.type(), event.button() == Qt.MouseButton.LeftButton
            if kind == QEvent.Type.MouseButtonPress and left:
                self._taken = (watched.property("row"), event.globalPosition())
            elif kind == QEvent.Type.MouseMove and self._taken is not None:
                return self._carry(event.globalPosition())
            elif kind == QEvent.Type.MouseButtonRelease and left:
                return self._drop(watched, event.globalPosition())
        elif self._lifted and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self._end()
            return True
        return False

    def _carry(self, to: QPointF) -> bool:
        assert self._taken is not None
        away = (to - self._taken[1]).manhattanLength()
        if not self._lifted and away < QApplication.startDragDistance():
            return False
        rows, gap = self._rows(), self._gap(to)
        top = rows[gap].geometry().top() if gap < len(rows) else rows[-1].geometry().bottom() + 1
        self.line.setStyleSheet(f"background: {colour('accent').name()};")
        self.line.setGeometry(0, max(top - 1, 0), self._area.width(), 2)
        self.line.raise_()
        self.line.show()
        self._lifted = True
        return True

    def _drop(self, watched: QObject, at: QPointF) -> bool:
        if self._taken is None or not self._lifted:
            self._taken = None
            return False
        row, gap = self._rows().index(self._taken[0]), self._gap(at)
        self._end()
        if isinstance(watched, QToolButton):
            watched.setDown(False)
        self.dropped.emit(row, gap - (gap > row))
        return True

    def _gap(self, at: QPointF) -> int:
        """Return how many rows lie above a place on the screen."""
        y = self._area.mapFromGlobal(at).y()
        return sum(row.geometry().center().y() < y for row in self._rows())

    def _end(self) -> None:
        self._taken, self._lifted = None, False
        self.line.hide()
