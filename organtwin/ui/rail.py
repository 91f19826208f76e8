"""Rail: the river as a column of pages, each with what state it is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QButtonGroup, QToolButton, QVBoxLayout, QWidget

from organtwin.ui.theme import colour, font, pixmap
from organtwin.ui.tips import tooltip

State = Literal["done", "half", "ready", "waiting"]
SAID: Final[dict[State, str]] = {
    "done": "done",
    "half": "labelled, not reviewed",
    "ready": "ready",
    "waiting": "waiting",
}
WIDTH = 84


class RailButton(QToolButton):
    """One page: icon over its name, a mark for done or ready."""

    def __init__(self, number: int, title: str, picture: str) -> None:
        super().__init__()
        self._title, self._picture = title, picture
        self.state: State = "waiting"
        self.setCheckable(True)
        self.setFixedSize(QSize(WIDTH - 12, 66))
        self.setShortcut(f"Ctrl+{number}")
        self.setAccessibleName(title)
        self.set_state("waiting", "")

    def set_state(self, state: State, why: str) -> None:
        """Show a state and say why."""
        self.state = state
        said = SAID[state]
        self.setToolTip(tooltip(f"{self._title} ({self.shortcut().toString()}): {why or said}"))
        self.setAccessibleDescription(f"{said}. {why}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ground (by the style sheet), icon, name and mark."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        faint = "faint" if self.state == "waiting" else "muted"
        token = "accent" if self.isChecked() else ("text" if self.underMouse() else faint)
        ratio = self.devicePixelRatioF()
        left = (self.width() - 24) // 2
        painter.drawPixmap(left, 11, pixmap(self._picture, token, 24, ratio))
        painter.setFont(font(11, bold=self.isChecked()))
        painter.setPen(colour(token))
        where = QRect(0, 40, self.width(), 18)
        painter.drawText(where, Qt.AlignmentFlag.AlignCenter, self._title)
        if self.state == "done":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("good"))
            painter.drawEllipse(QRect(left + 19, 7, 12, 12))
            painter.drawPixmap(left + 21, 9, pixmap("check", "panel", 8, ratio))
        elif self.state == "half":
            painter.setPen(QPen(colour("warn"), 2))
            painter.setBrush(colour("panel"))
            painter.drawEllipse(QRect(left + 20, 8, 10, 10))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("warn"))
            painter.drawPie(QRect(left + 20, 8, 10, 10), 90 * 16, 180 * 16)
        elif self.state == "ready":
            painter.setPen(QPen(colour("accent"), 2))
            painter.setBrush(colour("panel"))
            painter.drawEllipse(QRect(left + 22, 9, 7, 7))
        painter.end()


class Rail(QWidget):
    """All pages; tells which was chosen."""

    chosen = Signal(int)

    def __init__(self, pages: Sequence[Any]) -> None:
        super().__init__()
        self.setObjectName("Rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(WIDTH)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 8, 6, 8)
        column.setSpacing(4)
        self._group = QButtonGroup(self)
        self.buttons = []
        for number, page in enumerate(pages):
            each = RailButton(number + 1, page.title, page.picture)
            self._group.addButton(each, number)
            column.addWidget(each)
            self.buttons.append(each)
        column.addStretch(1)
        self._group.idClicked.connect(self.chosen)

    def choose(self, number: int) -> None:
        """Mark one page without telling."""
        self.buttons[number].setChecked(True)

    def allow(self, only: str | None) -> None:
        """Let all pages be chosen, or only the one of a title."""
        for each in self.buttons:
            each.setEnabled(only is None or each.accessibleName() == only)
