"""StatusBar: what is under way, how far it is, how to stop it, what was done last."""

from __future__ import annotations

from time import monotonic

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from organtwin.ui.pieces import button, words
from organtwin.ui.session import Session
from organtwin.ui.wording import summary_of


class StatusBar(QWidget):
    """One line at the foot of the window."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("StatusBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(36)
        self._session = session
        self._began = 0.0
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
        session.busy_changed.connect(self._busy)
        session.done.connect(self._done)
        self._busy(False)

    def _tell(self, fraction: float, message: str) -> None:
        self.bar.setRange(0, 1000 if fraction > 0 else 0)
        self.bar.setValue(round(1000 * fraction))
        spent = monotonic() - self._began
        self.percent.setText(f"{fraction:.0%}  ·  {spent:.0f} s" if self._session.busy else "")
        self.message.setText(message[:1].upper() + message[1:])

    def _busy(self, busy: bool) -> None:
        if busy:
            self._began = monotonic()
        for thing in (self.bar, self.percent, self.stop):
            thing.setVisible(busy)
        self.setCursor(Qt.CursorShape.BusyCursor if busy else Qt.CursorShape.ArrowCursor)

    def _done(self, step: str, summary: str) -> None:
        entries = self._session.entries
        said = summary_of(self._session, entries[-1]) if entries else summary
        self.message.setText(f"{step[:1].upper() + step[1:]}: {said}")
