"""StatusBar: what is under way, how far it is, how to stop it, what was done last."""

from __future__ import annotations

from time import monotonic
from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from organtwin.ui.pieces import button, words
from organtwin.ui.session import Session
from organtwin.ui.tips import tooltip
from organtwin.ui.wording import called, summary_of

READING_MS: Final = 2000
READING_A_SIGN_MS: Final = 60
"""A line is read at 17 signs a second, after two to notice it."""

TO_LOOK_AT: Final = ("; look: ", " is no longer ", " gone: make anew")
"""Signs in a step's line of what a person has to look at."""


class StatusBar(QWidget):
    """One line at the foot of the window.

    What is said to a person stays until it can have been read, unless a step begins.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("StatusBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(36)
        self._session = session
        self._began = 0.0
        self._later = ""
        self._reading = QTimer(self, singleShot=True)
        self._reading.timeout.connect(self._show_later)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(12)
        self.message = words("Ready", "muted")
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(220)
        self.bar.setAccessibleName("Progress of the step under way")
        self.percent = words("", "muted")
        self.percent.setMinimumWidth(84)
        self.stop = button("Stop (&Esc)", "Stop the step under way; the case stays as it is")
        self.stop.setText("Stop")
        self.stop.setShortcut("Esc")
        self.stop.setStyleSheet("padding: 2px 10px; min-height: 16px;")
        self.stop.clicked.connect(session.cancel)
        row.addWidget(self.message, 1)
        row.addWidget(self.percent)
        row.addWidget(self.bar)
        row.addWidget(self.stop)
        session.progress.connect(self._tell)
        session.whispered.connect(self._whisper)
        session.said.connect(self.say)
        session.busy_changed.connect(self._busy)
        session.done.connect(self._done)
        self._busy(False)

    def say(self, text: str) -> None:
        """Show a line long enough for a person to read it."""
        self._later = ""
        self._show(text)
        self._colour(amber=any(sign in text for sign in TO_LOOK_AT))
        self._reading.start(READING_MS + READING_A_SIGN_MS * len(text))

    def _whisper(self, fraction: float, message: str) -> None:
        del fraction  # only steps show how far they are
        self._later = message[:1].upper() + message[1:]
        if not self._reading.isActive():
            self._show_later()

    def _colour(self, *, amber: bool) -> None:
        role = "warn" if amber else "muted"
        if self.message.property("role") != role:
            self.message.setProperty("role", role)
            self.message.style().polish(self.message)

    def _show_later(self) -> None:
        if self._later:
            self._colour(amber=False)
            self._show(self._later)
            self._later = ""

    def _tell(self, fraction: float, message: str) -> None:
        self._reading.stop()
        self._later = ""
        self._colour(amber=False)
        self.bar.setRange(0, 1000 if fraction > 0 else 0)
        self.bar.setValue(round(1000 * fraction))
        spent = monotonic() - self._began
        self.percent.setText(f"{fraction:.0%}  ·  {spent:.0f} s" if self._session.busy else "")
        self._show(message[:1].upper() + message[1:])

    def _show(self, text: str) -> None:
        """Show a line, and all of it in a tip where it is longer than the window."""
        self.message.setText(text)
        self.message.setToolTip(tooltip("\n".join(text.split("; "))))

    def _busy(self, busy: bool) -> None:
        if busy:
            self._began = monotonic()
        for thing in (self.bar, self.percent, self.stop):
            thing.setVisible(busy)
        self.setCursor(Qt.CursorShape.BusyCursor if busy else Qt.CursorShape.ArrowCursor)

    def _done(self, step: str, summary: str) -> None:
        entries = self._session.entries
        said = summary_of(self._session, entries[-1]) if entries else summary
        self.say(f"{called(step).capitalize()}: {said}")
