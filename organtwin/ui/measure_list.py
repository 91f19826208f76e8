"""MeasureList: the measures of the images shown, to go to, copy as text, delete."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from organtwin.ui.measures import NAMES, as_text, lines_of
from organtwin.ui.pieces import Table, tool
from organtwin.ui.viewing import Viewing
from organtwin.ui.views.measuring import Measure
from organtwin.ui.views.slicing import AXES


class MeasureList(QFrame):
    """A table under the pictures; choosing a row brings the planes to its measure."""

    def __init__(self, viewings: Callable[[], list[tuple[str, Viewing]]]) -> None:
        super().__init__()
        self.setObjectName("Bottom")
        self._viewings = viewings
        self._rows: list[tuple[Viewing, Measure]] = []
        self.table = Table("Measures", ("Measure", "Values"), limit_rows=3)
        self.table.itemSelectionChanged.connect(self._go)
        self.copy = tool("copy", "Copy as text", "Copy all rows as text")
        self.copy.clicked.connect(self._copy)
        self.drop = tool("trash", "Delete", "Delete the measure chosen (Delete)")
        self.drop.clicked.connect(self._delete)
        self.clear = tool("close", "Delete all", "Delete all measures of the images shown")
        self.clear.clicked.connect(self._delete_all)
        column = QVBoxLayout()
        for each in (self.copy, self.drop, self.clear):
            column.addWidget(each)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        row.addWidget(self.table, 1)
        row.addLayout(column)

    def rows(self) -> list[tuple[str, str, str]]:
        """Return (measure, where, values) of each measure of the images shown."""
        self._rows, found = [], []
        for name, viewing in self._viewings():
            if viewing.volume is None:
                continue
            doubtful = viewing.geometry is not None and viewing.geometry.grade == "acknowledged"
            name = f"{name}, geometry not good" if doubtful else name
            for measure in viewing.measures.of(viewing.image):
                values = viewing.measures.values(measure, viewing.volume)
                lines = lines_of(measure, values, unit=viewing.unit, withheld=viewing.withheld)
                self._rows.append((viewing, measure))
                found.append(
                    (NAMES[measure.kind], _where(measure, viewing, name), "; ".join(lines))
                )
        return found

    def follow(self) -> None:
        """List what there is."""
        if not self.isVisibleTo(self.parentWidget() or QWidget()):
            return
        blocked = self.table.blockSignals(True)
        self.table.fill([(f"{name}, {where}", said) for name, where, said in self.rows()])
        chosen = self._rows[0][0].measures.chosen if self._rows else 0
        for number, (_, measure) in enumerate(self._rows):
            if measure.number == chosen:
                self.table.selectRow(number)
        self.table.blockSignals(blocked)
        for each in (self.copy, self.clear):
            each.setEnabled(bool(self._rows))
        self.drop.setEnabled(bool(chosen))

    def _go(self) -> None:
        number = self.table.currentRow()
        if 0 <= number < len(self._rows):
            viewing, measure = self._rows[number]
            show_measure(viewing, measure)
            viewing.measures.choose(measure.number)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(as_text(self.rows()))

    def _delete(self) -> None:
        for viewing, measure in self._rows:
            if measure.number == viewing.measures.chosen:
                viewing.measures.remove([measure.number])
                return

    def _delete_all(self) -> None:
        if self._rows:
            self._rows[0][0].measures.remove([measure.number for _, measure in self._rows])


def show_measure(viewing: Viewing, measure: Measure) -> None:
    """Bring the crosshair, and oblique planes where it was drawn in one, to a measure."""
    viewing.move_to(np.mean(np.array(measure.points_mm), axis=0))
    if measure.oblique:
        viewing.set_oblique(True)
        turned = np.array(measure.axes).T @ np.linalg.inv(viewing.frame(measure.plane).axes)
        frames = viewing.oblique or {}
        at = viewing.cursor_mm
        viewing.set_frames({name: frame.turned(turned, at) for name, frame in frames.items()})
    elif viewing.oblique is not None:
        viewing.set_oblique(False)


def _where(measure: Measure, viewing: Viewing, name: str) -> str:
    if measure.oblique:
        return f"{name}, oblique ({measure.plane})"
    if viewing.volume is None:
        return name
    through = AXES[measure.plane][2]
    index = viewing.volume.index(np.array(measure.points_mm[0]))[through]
    return f"{name}, {measure.plane} slice {round(float(index)) + 1}"
