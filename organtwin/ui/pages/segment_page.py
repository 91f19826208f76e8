"""Segment: a method, seeds set by hand or a file says which voxel is which structure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.core.case import Case
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.ui.deciding import doubt_of
from organtwin.ui.forms import NumberField
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import button, card, choice, cleared, side_by_side, words
from organtwin.ui.rail import State
from organtwin.ui.tips import tooltip
from organtwin.ui.viewing import Mark

BACKGROUND = "background"
ALLOWS = "± what the geometry of the slices allows at most; errors of the labels are not in it"
FILLED = (
    "Up to ± so much of a volume rests on slices that were never taken; errors of the labels are "
    "not in it"
)
UNSURE = (
    "With all that lies in it. Between two slices the surface lies anywhere: the volume may differ "
    "by this at most, were the labels right"
)


class SegmentPage(Page):
    """Structures of the visit shown, and three ways to find them."""

    name: ClassVar[str] = "segment"
    title: ClassVar[str] = "Segment"
    picture: ClassVar[str] = "segment"
    order: ClassVar[int] = 2
    lead: ClassVar[str] = "Find the organ, its vessels and tumours in each visit."

    @classmethod
    def state(cls, case: Case) -> tuple[State, str]:
        """Done once every visit has labels."""
        if not case.visits:
            return "waiting", "import images first"
        count = sum(bool(visit.labels) for visit in case.visits)
        if count == len(case.visits):
            return "done", f"all {count} visits have labels"
        return "ready", f"{count} of {len(case.visits)} visits have labels"

    def build(self) -> None:
        """Make the controls."""
        self._marks: list[Mark] = []
        self._asked = False
        self._which = words("", "section")
        self.body.addWidget(self._which)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(4)
        self._list = card(self._rows)
        self.body.addWidget(self._list)
        self.body.addWidget(words("METHOD", "section"))
        self._method = choice("Method of segmentation")
        self._method.setPlaceholderText("Looking for methods…")
        self._method.currentIndexChanged.connect(self._method_changed)
        self._about = words("", "muted", wrap=True)
        self._seeds = self._seed_card()
        self.body.addWidget(card(self._method, self._about))
        self.body.addWidget(self._seeds)
        source = button("From a &file…", "Take structures from a DICOM SEG or RTSTRUCT file")
        source.clicked.connect(self._from_file)
        self._all = button("&All visits", "Run this method on every visit without labels")
        self._all.clicked.connect(self._run_all)
        self._run = button("&Segment", "Run this method on the visit shown", primary=True)
        self._run.clicked.connect(self._run_one)
        for thing in (source, self._all):
            self.actions_row.addWidget(thing)
        self.actions_row.addStretch(1)
        self.actions_row.addWidget(self._run)
        self.showing.visit_changed.connect(lambda _: self._case_changed())

    def _seed_card(self) -> QWidget:
        self._structure = choice("Structure of the next seed")
        self._structure.setToolTip("Structure that the next click belongs to")
        self._picking = QCheckBox("Set seeds by clicking in a slice")
        self._picking.setAccessibleName("Set seeds by clicking in a slice")
        self._picking.toggled.connect(self._pick)
        self._diameter = NumberField("Largest diameter", "mm", 0.0, 300.0)
        self._diameter.setValue(30.0)
        self._diameter.setToolTip("Roughly how large the structure is (mm); bounds its growth")
        self._count = words("No seeds yet", "muted")
        clear = button("Clear", "Remove all seeds")
        clear.clicked.connect(lambda: self._set_marks([]))
        row = side_by_side(words("Structure"), self._structure, stretch=1)
        size = side_by_side(words("Diameter"), self._diameter, stretch=1)
        foot = side_by_side(self._count, clear, stretch=0)
        return card(self._picking, row, size, foot)

    def entered(self) -> None:
        """Listen for seeds while in front."""
        super().entered()
        self.showing.viewing.clicked.connect(self._clicked)

    def left(self) -> None:
        """Stop listening."""
        self._picking.setChecked(False)
        self.showing.viewing.clicked.disconnect(self._clicked)

    def refresh(self) -> None:
        """List the structures of the visit shown."""
        self._fill_methods()
        visit = self.showing.shown_visit
        labels = self.showing.labels_of(self.showing.visit)
        day = f"DAY {visit.day:g}" if visit else "NO VISIT"
        self._which.setText(f"STRUCTURES, {day}")
        cleared(self._rows)
        doubt = doubt_of(visit, self.session.get(visit.volume).geometry) if visit else ""
        if doubt:
            self._rows.addWidget(words(doubt, "warn", wrap=True))
        if labels is None:
            self._rows.addWidget(words("No labels yet.", "muted"))
        else:
            for structure in sorted(labels.structures, key=lambda s: s.label):
                self._rows.addWidget(self._row(structure, labels))
            geometry = self.session.get(visit.volume).geometry if visit else None
            if geometry is not None and geometry.grade != "withheld":
                said = FILLED if geometry.interpolated_ml > 0 else ALLOWS
                self._rows.addWidget(words(said, "muted", wrap=True))
        self._fill_structures(labels)
        self._busy_changed(self.session.busy)

    def may(self, action: QWidget) -> bool:
        """Nothing without a visit or on a held one; a seeded method needs seeds."""
        visit = self.showing.shown_visit
        if action is self._run and visit is not None and visit.held:
            return False
        if self._method.currentData() is None:
            return action not in (self._run, self._all) and visit is not None
        if action is self._run and visit is not None:
            return self._kind() == "automatic" or bool(self._marks)
        if action is self._all and visit is not None:
            return self._kind() == "automatic"
        return visit is not None

    def _row(self, structure: Structure, labels: LabelMap) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        swatch = QPushButton()
        swatch.setFixedSize(14, 14)
        swatch.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        shade = QColor.fromRgbF(*structure.colour).name()
        swatch.setStyleSheet(
            f"background: {shade}; border: none; border-radius: 4px; padding: 0; min-height: 0;"
        )
        swatch.setAccessibleName(f"Go to {structure.name}")
        swatch.clicked.connect(lambda: self._go_to(labels, structure))
        box = QCheckBox(structure.name)
        box.setAccessibleName(f"Show {structure.name}")
        box.setToolTip(
            tooltip(f"{structure.code.meaning} ({structure.code.scheme} {structure.code.value})")
        )
        box.setChecked(structure.name not in self.showing.viewing.hidden)
        box.toggled.connect(lambda on: self._show(structure.name, on))
        amount = self._amount(structure, labels)
        for thing in (swatch, box):
            line.addWidget(thing)
        line.addStretch(1)
        line.addWidget(amount)
        return row

    def _amount(self, structure: Structure, labels: LabelMap) -> QLabel:
        """Return a volume with what the geometry may change of it, or that it is withheld."""
        visit = self.showing.shown_visit
        geometry = self.session.get(visit.volume).geometry if visit else None
        volume, tip = f"{labels.volume_ml(structure.name):,.1f} mL", "With all that lies in it"
        if geometry is not None and geometry.grade == "withheld":
            volume, tip = "withheld", "The geometry is in doubt"
        elif geometry is not None:
            unsure = labels.unsure_ml(structure.name, geometry)
            volume = volume.replace(" mL", f" ± {unsure:,.1f} mL")
            tip = UNSURE
        amount = words(volume.replace(",", " "))
        amount.setToolTip(tooltip(tip))
        return amount

    def _show(self, name: str, on: bool) -> None:
        hidden = self.showing.viewing.hidden
        self.showing.viewing.set_hidden(hidden - {name} if on else hidden | {name})

    def _go_to(self, labels: LabelMap, structure: Structure) -> None:
        places = np.argwhere(labels.labels == structure.label)
        if len(places):
            index = places[len(places) // 2]
            place = labels.affine[:3, :3] @ index + labels.affine[:3, 3]
            self.showing.viewing.move_to(place)

    def _fill_methods(self) -> None:
        if not self._asked:
            self._asked = True
            self.session.ask("methods", {}, self._take_methods)

    def _take_methods(self, answer: Mapping[str, Any]) -> None:
        for method in sorted(answer["methods"], key=lambda m: str(m["kind"])):
            self._method.addItem(method["title"], (method["name"], method["kind"]))
            last = self._method.count() - 1
            self._method.setItemData(last, tooltip(method["title"]), Qt.ItemDataRole.ToolTipRole)
        self._method.setCurrentIndex(0)
        self._method_changed()

    def _kind(self) -> str:
        chosen = self._method.currentData()
        return str(chosen[1]) if chosen else "automatic"

    def _method_changed(self) -> None:
        seeded = self._kind() == "seeded"
        self._seeds.setVisible(seeded)
        if not seeded:
            self._picking.setChecked(False)
        self._method.setToolTip(tooltip(self._method.currentText()))
        self._about.setText(
            "Needs at least one seed in what it shall find; labels so far are kept."
            if seeded
            else "Finds everything by itself and takes the place of earlier labels."
        )
        self._busy_changed(self.session.busy)

    def _fill_structures(self, labels: LabelMap | None) -> None:
        chosen = self._structure.currentText()
        names = [s.name for s in self.showing.organ.structures]
        tumours = [s.name for s in labels.of_kind("tumour")] if labels else []
        names += [*tumours, f"tumour-{len(tumours) + 1}", BACKGROUND]
        self._structure.clear()
        self._structure.addItems(names)
        self._structure.setCurrentText(chosen if chosen in names else f"tumour-{len(tumours) + 1}")

    def _pick(self, on: bool) -> None:
        self.showing.viewing.picking = on

    def _clicked(self, place: NDArray[np.float64]) -> None:
        x, y, z = (float(v) for v in place)
        self._set_marks([*self._marks, Mark((x, y, z), self._structure.currentText())])

    def _set_marks(self, marks: list[Mark]) -> None:
        self._marks = marks
        self.showing.viewing.set_marks(tuple(marks))
        self._count.setText(_counted(len(marks)))
        self._busy_changed(self.session.busy)

    def _arguments(self, visit: int) -> dict[str, Any]:
        arguments: dict[str, Any] = {"visit": visit, "method": self._method.currentData()[0]}
        if self._kind() == "seeded":
            points: dict[str, list[list[float]]] = {}
            for mark in self._marks:
                points.setdefault(mark.structure, []).append(list(mark.position_mm))
            sized = [name for name in points if name.startswith("tumour")]
            arguments["points"] = points
            arguments["diameters_mm"] = {name: self._diameter.value() for name in sized}
        return arguments

    def _run_one(self) -> None:
        if self.session.do("segment", self._arguments(self.showing.visit)):
            self._set_marks([])

    def _run_all(self) -> None:
        visits = [n for n, visit in enumerate(self.session.case.visits) if not visit.labels]
        if visits:
            self.session.do_all([("segment", self._arguments(visit)) for visit in visits])

    def _from_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "A DICOM SEG or RTSTRUCT file", "", "DICOM (*.dcm *);;All files (*)"
        )
        if chosen:
            self.session.do("label", {"path": chosen, "visit": self.showing.visit})


def _counted(seeds: int) -> str:
    return {0: "No seeds yet", 1: "1 seed"}.get(seeds, f"{seeds} seeds")


PAGE = SegmentPage
