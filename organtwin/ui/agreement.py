"""AgreementDialog: two label maps held against each other, as numbers and in 3D."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from organtwin.ui.child import Child
from organtwin.ui.pieces import Table, button, choice, side_by_side, words
from organtwin.ui.scene import Layer, Scale, Scene
from organtwin.ui.showing import Showing
from organtwin.ui.views.organ_view import OrganView
from organtwin.ui.wording import named

COLUMNS: Final = (
    "Structure", "Dice", "First", "Second", "Differs", "Mean", "HD95", "Hausdorff", "Outwards",
)  # fmt: skip
KEYS: Final = (
    ("dice", ".3f", ""), ("first_ml", ".4g", " mL"), ("second_ml", ".4g", " mL"),
    ("difference_percent", "+.1f", " %"), ("mean_mm", ".2f", " mm"), ("hd95_mm", ".2f", " mm"),
    ("hausdorff_mm", ".2f", " mm"), ("shift_mm", "+.2f", " mm"),
)  # fmt: skip
LEAD: Final = (
    "The second is held against the first. Dice is what they share; mean, HD95 and Hausdorff are "
    "distances of their surfaces, by area; outwards is how far the second lies outside the first "
    "on average. The picture shows the second's surface: red beyond the first, blue short of it."
)
FILE: Final = "A file…"
LEAST_MM: Final = 0.5
SHOWN: Final = 0.95
"""Part of the points whose distances the colours tell apart; what is farther has the last one."""
NEUTRAL: Final = (0.8, 0.8, 0.8)


class AgreementDialog(QDialog):
    """Choose two of: the visits' labels, those carried to the baseline, files."""

    def __init__(self, showing: Showing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("OrganTwin: compare labels")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(1060, 760)
        self._showing = showing
        self.found: list[Mapping[str, Any]] = []
        self._map: dict[str, NDArray[Any]] = {}
        self._child: Child | None = None
        showing.session.case_changed.connect(self._follow_case)
        self.first, self.second = self._side("First labels"), self._side("Second labels")
        self.second.setCurrentIndex(min(1, self.second.count() - 2))
        self.run = button("&Compare", "Measure how the second agrees", primary=True)
        self.run.clicked.connect(self.ask)
        self.said = words("", "warn", wrap=True)
        self.table = Table("Agreement", COLUMNS, limit_rows=6)
        self.table.itemSelectionChanged.connect(self._draw)
        self.view = OrganView("Distances in 3D")
        self.view.empty_line = "The distances appear here once two label maps are compared"
        self._lay_out()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(10)
        column.addWidget(words("Compare labels", "title"))
        column.addWidget(words(LEAD, "muted", wrap=True))
        sides = QHBoxLayout()
        for thing in (words("First"), self.first, words("Second"), self.second):
            sides.addWidget(thing, int(isinstance(thing, QComboBox)))
        sides.addWidget(self.run)
        column.addLayout(sides)
        column.addWidget(self.said)
        column.addWidget(self.table)
        column.addWidget(self.view, 1)
        close = button("C&lose", "Close this comparison")
        close.clicked.connect(self.accept)
        foot = side_by_side(words(""), close, stretch=0)
        column.addLayout(foot)
        self.said.hide()
        self.table.hide()

    def _side(self, name: str) -> QComboBox:
        box = choice(name)
        for number, visit in enumerate(self._showing.session.case.visits):
            if visit.labels:
                box.addItem(named(visit), {"visit": number})
        for number, visit in enumerate(self._showing.session.case.visits):
            if visit.baseline_labels and number:
                told = f"{named(visit)}, carried to the baseline"
                box.addItem(told, {"visit": number, "carried": True})
        box.addItem(FILE, None)
        box.activated.connect(lambda _: self._ask_file(box) if box.currentText() == FILE else None)
        return box

    def _ask_file(self, box: QComboBox) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "A file of labels", "", "Labels (*.nii *.nii.gz *.nrrd *.dcm *);;All files (*)"
        )
        if chosen:
            self.add_file(box, chosen)
        else:
            box.setCurrentIndex(0)

    def add_file(self, box: QComboBox, path: str) -> None:
        """Offer a file as one side, and choose it."""
        box.insertItem(box.count() - 1, Path(path).name, {"file": path})
        box.setCurrentIndex(box.count() - 2)

    def ask(self) -> None:
        """Compare what is chosen, in a process of its own."""
        sides = [self.first.currentData(), self.second.currentData()]
        if None in sides:
            self._say(["choose two label maps, or a file, first"])
            return
        folder = self._showing.session.folder
        asked = {
            "case": str(folder.path),
            "sides": sides,
            "out": str(folder.jobs / f"agreement-{id(self)}.npz"),
        }
        self.run.setEnabled(False)
        self.run.setText("Comparing…")
        self._child = self._showing.session.ask("agreement", asked, self._told)
        self._child.ended.connect(self._ended)

    def done(self, result: int) -> None:
        """Close; what is under way for it ends."""
        if self._child is not None:
            self._child.stop()
        super().done(result)

    def _ended(self, *_: object) -> None:
        self._child = None
        self.run.setEnabled(True)
        self.run.setText("&Compare")

    def _told(self, told: Mapping[str, Any]) -> None:
        self.found, self._map = list(told["structures"]), {}
        if told["out"]:
            path = Path(told["out"])
            with np.load(path) as arrays:
                self._map = {name: arrays[name] for name in arrays.files}
            with suppress(OSError):
                path.unlink()
        self._say(told["notes"])
        blocked = self.table.blockSignals(True)
        rows = [_row(one) for one in self.found]
        self.table.fill(rows)
        self.table.selectRow(0)
        self.table.blockSignals(blocked)
        self.table.show()
        self._draw()

    def _follow_case(self) -> None:
        if not self._showing.session.is_open:
            self.reject()

    def _say(self, notes: Sequence[str]) -> None:
        self.said.setText("\n".join(note[:1].upper() + note[1:] for note in notes))
        self.said.setVisible(bool(notes))

    def _draw(self) -> None:
        """Draw the structure chosen."""
        number = self.table.currentRow()
        if not self._map or not 0 <= number < len(self.found):
            self.view.empty_line = "No distances: a geometry is in doubt, or no surface in both"
            self.view.show_scene(Scene())
            return
        signed, triangles = self._map["signed_mm"], self._map["triangles"]
        triangles = triangles[self._map["structure"][triangles[:, 0]] == number]
        used = np.unique(triangles)
        if len(used) == 0:
            self.view.show_scene(Scene())
            return
        most = max(float(np.quantile(np.abs(signed[used]), SHOWN)), LEAST_MM)
        place = np.zeros(len(signed), dtype=np.int64)
        place[used] = np.arange(len(used))
        layer = Layer(
            "distances", self._map["points"][used], place[triangles], NEUTRAL, values=signed[used]
        )
        scale = Scale("Second beyond first", "mm", -most, most, diverging=True)
        self.view.touched = False
        self.view.show_scene(Scene((layer,), scale, self.found[number]["structure"]))


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    cells = ("–" if one[key] is None else f"{one[key]:{form}}{unit}" for key, form, unit in KEYS)
    return (one["structure"], *cells)
