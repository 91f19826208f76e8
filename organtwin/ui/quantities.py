"""Quantities: the numbers of every structure of the visit shown, under the pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, override

import numpy as np
from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QHeaderView, QVBoxLayout, QWidget

from organtwin.ui import theme
from organtwin.ui.agreement import AgreementDialog
from organtwin.ui.forms import NumberField
from organtwin.ui.measure_list import show_measure
from organtwin.ui.pieces import Table, button, side_by_side, tool, words
from organtwin.ui.showing import Showing
from organtwin.ui.target_sums import TargetSums
from organtwin.ui.tips import tooltip
from organtwin.ui.viewing import Viewing
from organtwin.ui.views.measuring import Measure, point
from organtwin.ui.views.slicing import AXES
from organtwin.ui.wording import named

COLUMNS: Final = (
    "Structure", "mL by voxels", "by surface", "± geometry", "Long × short mm", "In 3D mm",
    "RECIST 1.1", "Mean ± sd", "Median (5 to 95 %)",
)  # fmt: skip
BY_SURFACE: Final = 2
ROWS: Final = 4
LINES: Final = {"long_axis": -1, "short_axis": -2}
"""Axis → number of the measure that shows it: never those of measures drawn by hand."""
LEAD: Final = "Two volumes, RECIST diameters and the image's values of every structure"
AGAIN: Final = "The labels are others now: measure again"
NOTHING: Final = "–"
HeaderMode = QHeaderView.ResizeMode


class Quantities(QFrame):
    """A table; a row brings the planes to its structure and draws its diameters.

    `switch` is the tool button that shows and hides it.
    """

    def __init__(self, showing: Showing) -> None:
        super().__init__()
        self.setObjectName("Bottom")
        self._showing = showing
        self._of = ("", 0.0)
        self.found: list[Mapping[str, Any]] = []
        self.switch = tool("quantities", "Quantities", f"{LEAD} (Q)")
        self.switch.setCheckable(True)
        self.switch.toggled.connect(self._show)
        self._title = words("", "heading")
        self._said = words("", "muted")
        self._inset = NumberField("Values only this far inside the border,", "mm", 0.0, 50.0)
        self._inset.setToolTip(tooltip("Leave out values nearer than this to the border (mm)"))
        self.measure = button("&Measure", LEAD, primary=True)
        self.measure.clicked.connect(self.ask)
        self.copy = tool("copy", "Copy as CSV", "Copy all numbers with their units as CSV")
        self.copy.clicked.connect(self._copy)
        self.compare = button("Compare &labels…", "How labels of visits or files agree",
                              picture="agreement")  # fmt: skip
        self.compare.clicked.connect(self.open_comparison)
        self.table = Table("Quantities", COLUMNS, limit_rows=ROWS)
        self.table.horizontalHeader().setSectionResizeMode(0, HeaderMode.ResizeToContents)
        self.table.itemSelectionChanged.connect(self._go)
        self.sums = TargetSums()
        self.sums.chosen.connect(self._choose_targets)
        self._lay_out()
        showing.visit_shown.connect(self.follow)
        self.hide()

    def _lay_out(self) -> None:
        head = side_by_side(
            self._title, self._said, words("Values inside by"), self._inset, self.measure,
            self.copy, self.compare, stretch=1,
        )  # fmt: skip
        self._inset.setDecimals(1)
        self._inset.setFixedWidth(92)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(8)
        column.addLayout(head)
        row = QHBoxLayout()
        row.addWidget(self.table, 1)
        column.addLayout(row)
        column.addWidget(self.sums)

    def follow(self) -> None:
        """Show what is known of the visit shown; what was measured on other labels goes."""
        if not self.isVisibleTo(self.parentWidget() or QWidget()):
            return
        visit = self._showing.shown_visit
        labels = visit.labels if visit else ""
        self._title.setText(f"Quantities, {named(visit)}" if visit else "Quantities")
        if labels != self._of[0]:
            again = AGAIN if self.found and labels else ""
            self._take((labels, 0.0), [], again or ("" if labels else "No labels yet"))
        self.measure.setEnabled(bool(labels))
        self.compare.setEnabled(self._showing.session.is_open)

    def ask(self) -> None:
        """Measure the visit shown, in a process of its own."""
        visit = self._showing.shown_visit
        if visit is None or not visit.labels:
            return
        asked = {
            "case": str(self._showing.session.folder.path),
            "visit": self._showing.visit,
            "inset_mm": self._inset.value(),
        }
        of = (visit.labels, self._inset.value())
        self.measure.setEnabled(False)
        self._said.setText("Measuring…")
        child = self._showing.session.ask("quantities", asked, lambda told: self._told(of, told))
        child.ended.connect(lambda *_: self._ended())

    def _choose_targets(self, targets: list[str]) -> None:
        """Keep the choice in the case, and add up anew."""
        if self._showing.session.do("targets", {"targets": targets}):
            self.ask()

    def open_comparison(self) -> AgreementDialog:
        """Open the dialog in which two label maps are compared."""
        dialog = AgreementDialog(self._showing, self.window())
        dialog.show()
        return dialog

    def as_csv(self) -> str:
        """Return all numbers as CSV (RFC 4180), units in the head."""
        flat = [_flat(one) for one in self.found]
        out = io.StringIO()
        writer = csv.DictWriter(out, list(dict.fromkeys(k for row in flat for k in row)))
        writer.writeheader()
        writer.writerows(flat)
        return out.getvalue()

    def _told(self, of: tuple[str, float], told: Mapping[str, Any]) -> None:
        visit = self._showing.shown_visit
        if visit is not None and visit.labels == of[0]:
            self._take(of, told["structures"], _counted(told["structures"], of[1]))
            self.sums.show_course(told["course"])

    def _ended(self) -> None:
        visit = self._showing.shown_visit
        self.measure.setEnabled(visit is not None and bool(visit.labels))
        if not self.found:
            self._said.setText("")

    def _take(self, of: tuple[str, float], found: Sequence[Mapping[str, Any]], said: str) -> None:
        self._forget_lines()
        self._of, self.found = of, list(found)
        self.sums.hide()
        self._said.setText(said)
        blocked = self.table.blockSignals(True)
        self.table.fill([_row(one) for one in found], [_tip(one) for one in found])
        self._colour()
        self.table.clearSelection()
        self.table.blockSignals(blocked)
        self.table.setVisible(bool(found))
        self.copy.setEnabled(bool(found))

    def _colour(self) -> None:
        """Draw what is flagged in the amber of the scheme in use."""
        for number, one in enumerate(self.found):
            cell = self.table.item(number, BY_SURFACE)
            if cell is not None and one["volume"] and one["volume"]["flag"]:
                cell.setForeground(QColor(theme.colour("warn")))

    @override
    def changeEvent(self, event: QEvent) -> None:
        """Follow the scheme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "table"):
            self._colour()

    def _go(self) -> None:
        number = self.table.currentRow()
        if 0 <= number < len(self.found) and self.found[number]["diameters"]:
            show_diameters(self._showing.viewing, self.found[number]["diameters"])

    def _show(self, on: bool) -> None:
        self.setVisible(on)
        if on:
            self.follow()
            if not self.found:
                self.ask()
        else:
            self._forget_lines()

    def _forget_lines(self) -> None:
        measures = self._showing.viewing.measures
        if {m.number for m in measures.of(self._showing.viewing.image)} & {*LINES.values()}:
            measures.remove(LINES.values())

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.as_csv())


def show_diameters(viewing: Viewing, found: Mapping[str, Any]) -> None:
    """Draw the long and the short axis in the slice that they lie in, and go there."""
    if viewing.volume is None:
        return
    long, short = (
        [point(np.array(found[name][end])) for end in ("start_mm", "end_mm")] for name in LINES
    )
    normal = np.cross(np.subtract(long[1], long[0]), np.subtract(short[1], short[0]))
    steps = viewing.volume.affine[:3, :3] / viewing.volume.spacing_mm
    through = int(np.argmax(np.abs(np.linalg.inv(steps) @ normal)))
    plane = next(name for name, axes in AXES.items() if axes[2] == through)
    viewing.set_oblique(False)
    axes = viewing.frame(plane).axes
    x, y, z = (point(axes[:, n]) for n in range(3))
    first = Measure("ruler", (long[0], long[1]), plane, (x, y, z), viewing.image, number=-1)
    second = replace(first, points_mm=(short[0], short[1]), number=-2)
    viewing.measures.put(second)
    viewing.measures.put(first)
    show_measure(viewing, first)


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    volume, lengths, values = one["volume"], one["diameters"], one["values"]
    gone = "withheld" if one["geometry"] == "withheld" else NOTHING
    flagged = bool(volume and volume["flag"])
    sizes = (gone, gone, NOTHING) if volume is None else (
        f"{volume['voxels_ml']:.4g}",
        f"{volume['surface_ml']:.4g}" + (f" ({volume['difference_percent']:+.1f} %)" * flagged),
        f"± {volume['geometry_ml']:.2g}",
    )  # fmt: skip
    axes = (gone, gone) if lengths is None else (
        f"{lengths['long_axis']['mm']:.1f} × {lengths['short_axis']['mm']:.1f}",
        f"{lengths['longest']['mm']:.1f}",
    )  # fmt: skip
    said = (NOTHING, NOTHING) if values is None else _values(values)
    return (one["structure"], *sizes, *axes, _recist(one), *said)


def _recist(one: Mapping[str, Any]) -> str:
    if one["kind"] != "tumour" or one["diameters"] is None:
        return ""
    return "measurable" if one["diameters"]["recist"]["measurable"] else "not measurable"


def _values(said: Mapping[str, Any]) -> tuple[str, str]:
    unit = "" if said["unit"] == "1" else f" {said['unit']}"
    sd = "" if said["sd"] is None else f" ± {_short(said['sd'])}"
    return (
        f"{_short(said['mean'])}{sd}{unit}",
        f"{_short(said['median'])} ({_short(said['low'])} to {_short(said['high'])})",
    )


def _short(value: float) -> str:
    """Return a value of the image in few signs; the CSV has all digits."""
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def _tip(one: Mapping[str, Any]) -> str:
    lengths = one["diameters"]
    said = ""
    if lengths and one["kind"] == "tumour":
        said = f"RECIST 1.1: {lengths['recist']['lesion']}"
    elif lengths and one["kind"] == "other":
        said = f"RECIST 1.1, were it a lymph node: {lengths['recist']['node']}"
    return "\n".join(filter(None, (*one["notes"], said))) or one["structure"]


def _counted(found: Sequence[Mapping[str, Any]], inset_mm: float) -> str:
    """Return a line: in how many structures two volumes differ, and which values are left out."""
    flagged = sum(bool(one["volume"] and one["volume"]["flag"]) for one in found)
    said = f"two volumes differ by over 1 % in {flagged} of {len(found)}" if flagged else ""
    inset = f"values from {inset_mm:g} mm inside the border on" if inset_mm else ""
    return "; ".join(filter(None, (said, inset)))


def _flat(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a structure under names that carry their units."""
    volume, lengths, values = (one[name] or {} for name in ("volume", "diameters", "values"))
    flat = {name: one[name] for name in ("structure", "kind", "geometry", "voxels")}
    flat |= {f"volume_{name}": volume.get(name) for name in
             ("voxels_ml", "surface_ml", "difference_percent", "geometry_ml")}  # fmt: skip
    flat |= {f"{name}_mm": lengths[name]["mm"] if lengths else None
             for name in ("long_axis", "short_axis", "longest")}  # fmt: skip
    flat["recist"] = lengths["recist"]["lesion"] if lengths and one["kind"] == "tumour" else None
    flat |= {
        name: values.get(name)
        for name in (
            "unit",
            "count",
            "mean",
            "sd",
            "median",
            "low",
            "high",
            "least",
            "most",
            "inset_mm",
        )
    }
    return flat | {"notes": "; ".join(one["notes"])}
