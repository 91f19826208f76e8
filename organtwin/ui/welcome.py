"""Welcome: what is seen before a case is open: the sample in one click, recent cases."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final, override

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QInputDialog,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from organtwin import __version__
from organtwin.places import own_folder
from organtwin.ui.pieces import button, card, cleared, emblem, side_by_side, words
from organtwin.ui.tips import tooltip

SAMPLE: Final = Path(__file__).resolve().parents[2] / "sample_dicom" / "images"
RECENT: Final = 5


def cases_folder() -> Path:
    """Return where cases made in the window lie: the user's own data folder."""
    return own_folder() / "cases"


def free_folder(name: str) -> Path:
    """Return a folder for a new case that is not there yet."""
    kept = "".join(c if c.isalnum() or c in "-_ " else "-" for c in name).strip() or "case"
    path, number = cases_folder() / kept, 2
    while path.exists():
        path, number = cases_folder() / f"{kept}-{number}", number + 1
    return path


def recent_cases() -> list[Path]:
    """Return the user's cases, last used first."""
    root = cases_folder()
    if not root.is_dir():
        return []
    found = [path for path in root.iterdir() if (path / "journal.sqlite").is_file()]
    return sorted(found, key=lambda p: -(p / "journal.sqlite").stat().st_mtime)[:RECENT]


class Welcome(QWidget):
    """Ways in: the sample patient, a new case, an old one, a quick look at images."""

    sample_asked = Signal()
    create_asked = Signal(object, str)
    open_asked = Signal(object)
    look_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("Ground")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        row = QHBoxLayout()
        row.addStretch(1)
        holder = QWidget()
        holder.setFixedWidth(720)
        self._column = QVBoxLayout(holder)
        self._column.setSpacing(12)
        row.addWidget(holder)
        row.addStretch(1)
        outer.addLayout(row)
        outer.addStretch(3)
        self._fill()

    @override
    def showEvent(self, event: object) -> None:
        """List recent cases afresh."""
        cleared(self._recent)
        self._list_recent()

    def _fill(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(emblem(64))
        titles = QVBoxLayout()
        titles.setSpacing(2)
        titles.addWidget(words("OrganTwin", "hero"))
        titles.addWidget(words("An imaging-based twin of one organ", "lead"))
        head.addLayout(titles, 1)
        self._column.addLayout(head)
        self._column.addSpacing(8)
        self._column.addWidget(
            words(
                "Scans become a mesh, the mesh grows a tumour model, follow-up visits correct "
                "what is believed of it, and treatment scenarios are compared with their "
                "uncertainty shown.",
                "lead",
                wrap=True,
            )
        )
        self._column.addSpacing(12)
        sample = button(
            "Open the &sample patient",
            "Make a case of the synthetic patient that comes with OrganTwin, or open it again",
            primary=True,
            picture="play",
        )
        sample.setProperty("big", True)
        sample.clicked.connect(self.sample_asked)
        self.sample_button = sample
        new = button("&New case…", "Name a patient (a pseudonym) and import images", picture="plus")
        new.setProperty("big", True)
        new.clicked.connect(self._ask_new)
        old = button("&Open a case…", "Open a case folder made before", picture="folder")
        old.setProperty("big", True)
        old.clicked.connect(self._ask_open)
        self._column.addLayout(side_by_side(sample, new, old))
        look = button("Quick &look…", "Look at a folder of images; nothing is stored")
        look.clicked.connect(self._ask_look)
        hint = words(
            "or drop a folder, a zip or a DICOMDIR on the window: nothing is stored", "muted"
        )
        self._column.addLayout(side_by_side(look, hint))
        self._column.addSpacing(12)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(4)
        self._column.addLayout(self._recent)
        notice = words(
            "For research use only. Not a medical device; no result may guide the care of a "
            "patient.",
            "warn",
            wrap=True,
        )
        self._column.addWidget(card(notice, tone="warn"))
        self._column.addWidget(words(f"Version {__version__}", "muted"))

    def _list_recent(self) -> None:
        paths = recent_cases()
        if not paths:
            return
        self._recent.addWidget(words("RECENT CASES", "section"))
        rows: list[QWidget] = []
        for path in paths:
            used = datetime.fromtimestamp((path / "journal.sqlite").stat().st_mtime)
            rows.append(self._recent_row(path, f"{used:%d %b %Y, %H:%M}"))
        frame: QFrame = card(*rows)
        self._recent.addWidget(frame)
        self._recent.addSpacing(12)

    def _recent_row(self, path: Path, when: str) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        opener = QPushButton(path.name)
        opener.setFlat(True)
        opener.setAccessibleName(f"Open {path.name}")
        opener.setToolTip(tooltip(str(path)))
        opener.setStyleSheet("QPushButton { text-align: left; border-color: transparent; }")
        opener.setCursor(Qt.CursorShape.PointingHandCursor)
        opener.clicked.connect(lambda: self.open_asked.emit(path))
        line.addWidget(opener, 1)
        line.addWidget(words(when, "muted"))
        return row

    def _ask_new(self) -> None:
        name, agreed = QInputDialog.getText(
            self, "New case", "Pseudonym of the patient (no name, no birth date):"
        )
        if agreed and name.strip():
            self.create_asked.emit(free_folder(name.strip()), name.strip())

    def _ask_open(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Open a case folder", str(cases_folder()))
        if chosen:
            self.open_asked.emit(Path(chosen))

    def _ask_look(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "A folder of images to look at")
        if chosen:
            self.look_asked.emit(Path(chosen))
