"""Import: a folder of anything becomes visits; what is doubtful or refused is said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFileDialog, QFrame, QVBoxLayout, QWidget

from organtwin.core.case import Case
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import Table, Tone, button, card, cleared, pill, side_by_side, words
from organtwin.ui.rail import State

TONES: Mapping[str, Tone] = {"good": "good", "acknowledged": "warn", "withheld": "bad"}


class ImportPage(Page):
    """Choose a folder, see its series with their geometry, take those wanted."""

    name: ClassVar[str] = "import"
    title: ClassVar[str] = "Import"
    picture: ClassVar[str] = "import"
    order: ClassVar[int] = 1
    lead: ClassVar[str] = "Images of one patient, one series for each visit."

    @classmethod
    def state(cls, case: Case) -> tuple[State, str]:
        """Done once there is a visit."""
        return ("done", f"{len(case.visits)} visits") if case.visits else ("ready", "no images yet")

    def build(self) -> None:
        """Make the controls."""
        self._folder = ""
        self._wanted: dict[str, QCheckBox] = {}
        self._visits_title = words("VISITS OF THIS CASE", "section")
        self._visits = Table("Visits of this case", ("Visit", "Date", "Voxels, mm"))
        self.body.addWidget(self._visits_title)
        self.body.addWidget(self._visits)
        self._none = words("No images yet. Choose a folder; it may hold anything.", "", wrap=True)
        self.body.addWidget(self._none)
        self._found = QVBoxLayout()
        self._found.setSpacing(8)
        self.body.addLayout(self._found)
        choose = button(
            "Choose a &folder…", "Look through a folder; nothing is changed", picture="folder"
        )
        choose.clicked.connect(self._choose)
        self._take = button(
            "&Import chosen", "Read the chosen series and add a visit for each", primary=True
        )
        self._take.clicked.connect(self._import)
        self.actions_row.addWidget(choose)
        self.actions_row.addStretch(1)
        self.actions_row.addWidget(self._take)

    def refresh(self) -> None:
        """List the visits of the case."""
        visits = self.session.case.visits
        rows, tips = [], []
        for visit in visits:
            volume = self.session.get(visit.volume)
            spacing = " × ".join(f"{s:.2g}" for s in volume.spacing_mm)
            date = visit.acquired.isoformat() if visit.acquired else "none"
            rows.append((f"Day {visit.day:g}", date, spacing))
            tips.append(" × ".join(map(str, volume.voxels.shape)) + " voxels")
        self._visits.fill(rows, tips)
        for thing in (self._visits, self._visits_title):
            thing.setVisible(bool(visits))
        self._none.setVisible(not visits and not self._wanted)
        self._busy_changed(self.session.busy)

    def may(self, action: QWidget) -> bool:
        """Import only what was chosen."""
        chosen = any(box.isChecked() for box in self._wanted.values())
        return chosen or action is not self._take

    def scan(self, folder: str) -> None:
        """Look through a folder."""
        self._folder = folder
        self._wanted.clear()
        cleared(self._found)
        self._found.addWidget(words(f"Looking through {Path(folder).name}…", "muted"))
        self._none.hide()
        self.session.ask("scan", {"path": folder}, self._show)

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "A folder of images")
        if chosen:
            self.scan(chosen)

    def _import(self) -> None:
        chosen = [uid for uid, box in self._wanted.items() if box.isChecked()]
        self.session.do("import", {"path": self._folder, "series": chosen})

    def _show(self, answer: Mapping[str, Any]) -> None:
        cleared(self._found)
        self._wanted.clear()
        series = answer["series"]
        self._found.addWidget(words(f"FOUND IN {Path(self._folder).name.upper()}", "section"))
        for found in series:
            self._found.addWidget(self._series_card(found))
        if not series:
            self._found.addWidget(words("No series of images here.", "", wrap=True))
        if answer["labels"]:
            self._found.addWidget(words("STRUCTURES (take them in Segment)", "section"))
            for source in answer["labels"]:
                names = ", ".join(source["names"][:6])
                text = f"{source['kind']}  {Path(source['path']).name}: {names}"
                self._found.addWidget(card(words(text, "", wrap=True)))
        if answer["refused"]:
            self._found.addWidget(words(f"REFUSED: {len(answer['refused'])}", "section"))
            for refused in answer["refused"][:40]:
                self._found.addWidget(_refused_card(refused))
        self._busy_changed(self.session.busy)

    def _series_card(self, found: Mapping[str, Any]) -> QFrame:
        geometry = found["geometry"]
        box = QCheckBox(found["description"] or found["modality"])
        box.setAccessibleName(f"Import {found['description'] or found['uid']}")
        usable = not found["refusal"] and found["modality"] == "CT"
        box.setChecked(usable and geometry["grade"] != "withheld")
        box.setEnabled(usable)
        box.toggled.connect(lambda: self._busy_changed(self.session.busy))
        self._wanted[found["uid"]] = box
        i, j, k = found["size"]
        spacing = " × ".join(f"{s:.2f}" for s in geometry["spacing_mm"])
        grade = "refused" if found["refusal"] else geometry["grade"]
        head = side_by_side(box, pill(grade, TONES.get(grade, "bad")), stretch=0)
        head.setAlignment(Qt.AlignmentFlag.AlignTop)
        told = f"{found['modality']}  ·  {found['acquired'] or 'no date'}  ·  {i} × {j} × {k}"
        place = f"{spacing} mm, {geometry['orientation']}, tilt {geometry['tilt_deg']:.1f}°"
        rows: list[Any] = [head, words(told, "muted", wrap=True), words(place, "muted", wrap=True)]
        rows += [words(f"• {finding}", "warn", wrap=True) for finding in geometry["findings"]]
        if found["refusal"]:
            rows.append(words(found["refusal"], "bad", wrap=True))
        return card(*rows)


def _refused_card(refused: Mapping[str, Any]) -> QFrame:
    return card(
        words(Path(refused["path"]).name, "heading", wrap=True),
        words(refused["reason"], "muted", wrap=True),
        *([words(refused["advice"], "muted", wrap=True)] if refused["advice"] else []),
    )


PAGE = ImportPage
