"""Computing: which position is computed on the full mesh, how far it is, and that it is there."""

from __future__ import annotations

from time import monotonic
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from organtwin.ui.lying import Lying
from organtwin.ui.pieces import button, side_by_side, words
from organtwin.ui.session import Session
from organtwin.ui.wording import called

STEP: Final = "pose"
"""The step of the pipeline that computes a position on the full mesh."""
TICK_MS: Final = 1000
WORDS: Final = (("draw ", "sample "), ("medians", "median stiffness"))
"""What the step's lines say, and what a surgeon reads."""


class Computing(QWidget):
    """One line on the page; of an answer of another position than the one shown, a way to it.

    Signals:
        wanted: the Lying to be shown.
    """

    wanted = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._asked: Lying | None = None
        self._found: Lying | None = None
        self._at = Lying()
        self._began, self._message = 0.0, ""
        self.line = words("", "muted", wrap=True)
        self.show_it = button("Sho&w", "Lay the patient as it was computed")
        self.show_it.clicked.connect(lambda: self.wanted.emit(self._found))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.line)
        column.addLayout(side_by_side(self.show_it))
        self._clock = QTimer(self, interval=TICK_MS)
        self._clock.timeout.connect(self._tell)
        session.progress.connect(self._hear)
        session.done.connect(self._done)
        session.busy_changed.connect(self._busy_changed)
        self._tell()

    def begin(self, position: Lying, *, members: int) -> None:
        """Have the position shown computed on the full mesh."""
        self._asked, self._found = position, None
        self._began, self._message = monotonic(), "starting"
        self._clock.start()
        if not self._session.do(STEP, {**position.arguments, "members": members}):
            self._rest()
        self._tell()

    def follow(self, shown: Lying, computed: frozenset[Lying]) -> None:
        """Know the position shown, and which are computed: what was undone is not offered."""
        self._at = shown
        if self._found == shown or self._found not in computed:
            self._found = None
        self._tell()

    def _hear(self, _: float, message: str) -> None:
        self._message = message.removeprefix(f"{called(STEP)}: ")
        self._tell()

    def _done(self, step: str, _: str) -> None:
        if step == STEP and self._asked is not None:
            self._found = self._asked if self._asked != self._at else None
            self._rest()

    def _busy_changed(self, busy: bool) -> None:
        if not busy:
            self._rest()

    def _rest(self) -> None:
        self._asked = None
        self._clock.stop()
        self._tell()

    def _tell(self) -> None:
        message = self._message
        for said, meant in WORDS:
            message = message.replace(said, meant)
        if self._asked is not None:
            seconds = monotonic() - self._began
            self.line.setText(f"Computing: {self._asked.said}. {seconds:.0f} s, {message}")
        elif self._found is not None:
            self.line.setText(f"Computed: {self._found.said}.")
        self.show_it.setVisible(self._asked is None and self._found is not None)
        self.setVisible(self._asked is not None or self._found is not None)
