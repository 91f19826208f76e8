"""Page: one arrow of the river: its controls beside the pictures."""

from __future__ import annotations

from typing import ClassVar, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from organtwin.core.case import Case
from organtwin.pipeline.reviewing import used
from organtwin.ui.pieces import words
from organtwin.ui.rail import State
from organtwin.ui.session import Session
from organtwin.ui.showing import Showing

RESTING: Final = ("mesh", "deform", "simulate", "update", "compare", "report")
"""Pages whose results rest on labels; those of the first three on the baseline's alone."""
OF_BASELINE: Final = RESTING[:3]


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
        self._rests = words("", "warn", wrap=True)
        self._rests.setToolTip("Mark structures as done or reviewed on the Segment page")
        self._rests.hide()
        head.addWidget(self._rests)
        column.addLayout(head)
        column.addWidget(scroll, 1)
        column.addLayout(self.actions_row)
        session.case_changed.connect(self._case_changed)
        session.busy_changed.connect(self._busy_changed)
        showing.reviewing.changed.connect(self._say_what_it_rests_on)

    @classmethod
    def state(cls, case: Case) -> tuple[State, str]:
        """Return done, ready or waiting, and why."""
        raise NotImplementedError

    def standing(self) -> tuple[State, str]:
        """Return how far the page is in the case open, and why."""
        return self.state(self.session.case)

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
        self._say_what_it_rests_on()
        self._busy_changed(self.session.busy)

    def left(self) -> None:
        """Go to the back; takes away what it added to the pictures."""

    def _case_changed(self) -> None:
        if self._built and self.isVisible():
            self.refresh()
            self._say_what_it_rests_on()

    def _say_what_it_rests_on(self) -> None:
        """Say which labels below its results nobody has looked at; it blocks nothing."""
        if self.name not in RESTING or not self._built:
            return
        visits = used(self.session.case)
        visits = visits[:1] if self.name in OF_BASELINE else visits
        said = self.showing.reviewing.rests_on(visits)
        self._rests.setText(said[:1].upper() + said[1:])
        self._rests.setVisible(bool(said))

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
