"""A visit for other systems: what, of which visit, with or without the patient, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtWidgets import QCheckBox, QFileDialog, QVBoxLayout, QWidget

from organtwin.ui.pieces import button, card, choice, cleared, side_by_side, words
from organtwin.ui.session import Session
from organtwin.ui.wording import named

EVERYTHING: Final = {"name": "all", "title": "Everything usual", "tells_who": False}


class Handing(QWidget):
    """The card that writes a visit as DICOM objects and records it in the journal."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._formats: list[Mapping[str, Any]] = []
        self._visit, self._format = choice("Visit to export"), choice("Format to export")
        self._bare = QCheckBox("Take the &patient out (PS3.15, dates shifted)")
        self._bare.setAccessibleName("Take the patient out")
        self._bare.toggled.connect(self._list_formats)
        self._save = button(
            "Save for other &systems…", "Write DICOM objects into a folder", picture="save"
        )
        self._save.clicked.connect(self._ask_where)
        self._said = QVBoxLayout()
        lead = (
            "The visit's structures, numbers and pictures as DICOM objects that refer to its "
            "images. The journal records what was written."
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(
            card(
                words(lead, "muted", wrap=True),
                self._visit,
                self._format,
                self._bare,
                self._said,
                side_by_side(self._save),
            )
        )
        session.ask("formats", {}, self._know_formats)

    def refresh(self) -> None:
        """List the labelled visits."""
        before = self._visit.currentData()
        self._visit.clear()
        for number, visit in enumerate(self._session.case.visits):
            if visit.labels and not visit.held:
                self._visit.addItem(named(visit), number)
        self._visit.setCurrentIndex(max(self._visit.findData(before), 0))
        self._save.setEnabled(self._visit.count() > 0 and self._format.count() > 0)

    def write_to(self, folder: str) -> None:
        """Write what is chosen into a folder."""
        self._say("Writing…", "muted")
        asked = {
            "case": str(self._session.folder.path),
            "what": [self._format.currentData()],
            "visit": self._visit.currentData(),
            "to": folder,
            "deidentify": [] if self._bare.isChecked() else None,
        }
        self._session.ask("hand_out", asked, self._written)

    def _ask_where(self) -> None:
        start = str(self._session.folder.path.parent)
        if folder := QFileDialog.getExistingDirectory(self, "Folder to write into", start):
            self.write_to(folder)

    def _written(self, answer: Mapping[str, Any]) -> None:
        self._session.record(answer["done"])
        self._say("Written: " + ", ".join(answer["written"]), "good")

    def _know_formats(self, answer: Mapping[str, Any]) -> None:
        self._formats = [EVERYTHING, *answer["formats"]]
        self._list_formats()
        self.refresh()

    def _list_formats(self) -> None:
        before = self._format.currentData()
        self._format.clear()
        for one in self._formats:
            if not (one["tells_who"] and self._bare.isChecked()):
                self._format.addItem(one["title"], one["name"])
        self._format.setCurrentIndex(max(self._format.findData(before), 0))

    def _say(self, text: str, role: str) -> None:
        cleared(self._said)
        self._said.addWidget(words(text, role, wrap=True))
