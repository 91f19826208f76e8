"""Page: one arrow of the river: its controls beside the pictures."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from organtwin.core.case import Case
from organtwin.ui.pieces import words
from organtwin.ui.rail import State
from organtwin.ui.session import Session
from organtwin.ui.showing import Showing


class Page(QWidget):
    """A column: title, one line of what the page is for, controls that scroll, actions below.

    A subclass fills `body` and `actions` in `build` (called when the page is first shown) and
    follows the Case in `refresh`.

    Signals:
        pictures_changed: the page brings other pictures than before.
    """

    pictures_changed = Signal()
    name: ClassVar[str]
    title: ClassVar[str]
    picture: ClassVar[str]
    order: ClassVar[int]
    lead: ClassVar[str]

    def __init__(self, session: Session, showing: Showing) -> None:
        super().__init__()
        self.session, self.showing = session, showing
        self.setObjectName("Panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._built = False
        inside = QWidget()
        inside.setObjectName("PanelBody")
        self.body = QVBoxLayout(inside)
        self.body.setContentsMargins(16, 4, 16, 16)
        self.body.setSpacing(12)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(inside)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.actions_row = QHBoxLayout()
        self.actions_row.setContentsMargins(16, 10, 16, 12)
        self.actions_row.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QVBoxLayout()
        head.setContentsMargins(16, 14, 16, 10)
        head.setSpacing(4)
        head.addWidget(words(self.title, "title"))
        head.addWidget(words(self.lead, "muted", wrap=True))
        column.addLayout(head)
        column.addWidget(scroll, 1)
        column.addLayout(self.actions_row)
        session.case_changed.connect(self._case_changed)
        session.busy_changed.connect(self._busy_changed)

    @classmethod
    def state(cls, case: Case) -> tuple[State, str]:
        """Return done, ready or waiting, and why."""
        raise NotImplementedError

    @property
    def with_timeline(self) -> bool:
        """Whether the timeline is of use beside its pictures."""
        return True

    def build(self) -> None:
        """Make the controls."""

    def refresh(self) -> None:
        """Show the Case as it stands."""

    def entered(self) -> None:
        """Come to the front."""
        if not self._built:
            self._built = True
            self.build()
            self.body.addStretch(1)
        self.refresh()
        self._busy_changed(self.session.busy)

    def left(self) -> None:
        """Go to the back; takes away what it added to the pictures."""

    def _case_changed(self) -> None:
        if self._built and self.isVisible():
            self.refresh()

    def _busy_changed(self, busy: bool) -> None:
        for number in range(self.actions_row.count()):
            item = self.actions_row.itemAt(number)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.setEnabled(not busy and self.may(widget))

    def may(self, action: QWidget) -> bool:
        """Say whether an action makes sense now; asked when nothing is under way."""
        del action
        return True
