"""Trouble: an error as a person should see it: what, where, what to do."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from organtwin.core.case import Visit
from organtwin.core.errors import OrganTwinError, SolverFailed
from organtwin.ui.pieces import button, words
from organtwin.ui.theme import pixmap
from organtwin.ui.wording import in_window

TITLES: Final[Mapping[str, str]] = {
    "NoImages": "No images found",
    "UnreadableFile": "A file cannot be read",
    "WrongGeometry": "These slices do not make one image",
    "EmptyLabel": "A structure is empty",
    "MisplacedLabel": "A structure lies where it cannot",
    "BadMesh": "The mesh cannot be trusted",
    "BadArgument": "A value is outside its bounds",
    "BadInput": "This cannot be used",
    "WouldReplace": "This would replace what is there",
    "Missing": "An earlier step is needed first",
    "SolverFailed": "The solver ended without an answer",
    "CaseLocked": "This case is open somewhere else",
    "CaseTooNew": "This case was written by a later version",
    "CaseReadOnly": "This case may not be written",
    "CaseDamaged": "This case is damaged",
    "DiskFull": "There is no room to save",
    "AuditFailed": "The audit package is not what was sealed",
    "OutOfMemory": "Not enough memory",
    "Stopped": "Stopped",
}

GESTURES: Final = ("edit", "structure", "mark")


@dataclass(frozen=True)
class Trouble:
    """One error on its way to a person.

    Args:
        kind: class name of the error ("WrongGeometry").
        step: the step that was under way, "" for none.
        log: more, for whoever mends it.
    """

    kind: str
    what: str
    where: str = ""
    advice: str = ""
    step: str = ""
    log: str = ""

    @property
    def slight(self) -> bool:
        """Whether it is only a gesture that could not be done: the hand is not held up for it."""
        return self.step in GESTURES and self.kind in ("BadArgument", "EmptyLabel", "Missing")

    @property
    def question(self) -> bool:
        """Whether its page asks a person whether to replace what is there."""
        return self.kind == "WouldReplace" and self.step in ("segment", "label")

    @property
    def title(self) -> str:
        """The headline."""
        return TITLES.get(self.kind, "Something went wrong")

    def worded(self, visits: Sequence[Visit]) -> Trouble:
        """Return it with visits and pages named as in the window; the log stays."""
        what, where, advice = (in_window(t, visits) for t in (self.what, self.where, self.advice))
        return replace(self, what=what, where=where, advice=advice)

    @classmethod
    def of(cls, error: BaseException, step: str = "") -> Trouble:
        """Make one of any exception."""
        if isinstance(error, OrganTwinError):
            log = error.log if isinstance(error, SolverFailed) else ""
            kind = type(error).__name__
            return cls(kind, error.what, error.where, error.advice, step=step, log=log)
        return cls(
            "Crash",
            f"{type(error).__name__}: {error}",
            advice="nothing was changed in the case; please report this with the details",
            step=step,
            log="".join(traceback.format_exception(error)),
        )

    @classmethod
    def from_child(cls, answer: Mapping[str, Any], step: str, log: str) -> Trouble:
        """Make one of what a step's process said of its end."""
        named = (str(answer.get(key, "")) for key in ("error", "what", "where", "advice"))
        kind, what, where, advice = named
        return cls(kind, what, where, advice, step=step, log=log)


class TroubleDialog(QDialog):
    """Shows a Trouble; the log only when asked for."""

    def __init__(self, trouble: Trouble, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"OrganTwin: {trouble.title}")
        self.setModal(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(520)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 16)
        column.setSpacing(12)
        head = QHBoxLayout()
        head.setSpacing(12)
        sign = QLabel()
        sign.setPixmap(pixmap("warning", "warn", 28, self.devicePixelRatioF()))
        head.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(words(trouble.title, "title"), 1)
        column.addLayout(head)
        for label, text in (
            ("What", trouble.what),
            ("Where", trouble.where),
            ("What to do", trouble.advice),
        ):
            if text:
                column.addWidget(words(label.upper(), "section"))
                said = words(text[:1].upper() + text[1:], "", wrap=True)
                said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                column.addWidget(said)
        self._log = QPlainTextEdit(trouble.log)
        self._log.setReadOnly(True)
        self._log.setAccessibleName("Details of the error")
        self._log.setMinimumHeight(200)
        self._log.hide()
        column.addWidget(self._log)
        column.addLayout(self._buttons(bool(trouble.log.strip())))

    def _buttons(self, log: bool) -> QHBoxLayout:
        row = QHBoxLayout()
        details = button("Show &details", "Show what the program wrote")
        details.setVisible(log)
        details.clicked.connect(lambda: self._log.setVisible(not self._log.isVisible()))
        close = button("&Close", "Close this message", primary=True)
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row.addWidget(details)
        row.addStretch(1)
        row.addWidget(close)
        return row


def show_trouble(told: Trouble, over: QWidget) -> None:
    """Open a dialog over a window, but not for what is slight (its status line says that) nor for
    what a page asks about.
    """
    if not (told.slight or told.question):
        TroubleDialog(told, over).open()


def ask_to_replace(told: Trouble, over: QWidget, then: Callable[[], object]) -> QMessageBox:
    """Ask whether what is there may be replaced; runs `then` when it may."""
    icon, yes = QMessageBox.Icon.Question, QMessageBox.ButtonRole.DestructiveRole
    said = told.what[:1].upper() + told.what[1:]
    box = QMessageBox(icon, f"OrganTwin: {told.title}", f"{said}.", parent=over)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText("Undo brings it back.")
    box.addButton("&Replace", yes).clicked.connect(then)
    leave = box.addButton("&Leave it", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(leave)
    box.setEscapeButton(leave)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
    return box
