"""Bar over the pictures: visit, window, filling; and the two ways back to what was at first."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QSizePolicy, QSlider, QWidget

from organtwin.ui.deciding import doubt_of
from organtwin.ui.pieces import pill, tool, words
from organtwin.ui.showing import Showing
from organtwin.ui.tips import tooltip

HELP: Final = """\
Slices: wheel, arrows, Page up and down
Zoom: Ctrl + wheel, + and -; whole slice: 0
Shift the picture: middle or Shift drag
Crosshair: left drag, Ctrl + arrows
Window: right drag, 1 to 9, fields C and W
One view or all four: double click, Enter
Oblique planes: O; turn: drag the dots, [ and ]
Upright again: Shift + O
Measure: D, A, E, R, F; drag points or lines, Delete
Without a mouse: Space sets a point, Enter ends
List of measures: L
Two visits: side by side S, blended B, flicker T
Segment: paint P, erase W, cut C, scribble G, none N
Tool in hand: size [ ] or Ctrl + wheel, Ctrl the other way
Tool in hand: 1 to 9 structures, I range from the spot"""

DOUBTS: Final = {
    "good": "",
    "acknowledged": "geometry not good",
    "withheld": "volumes withheld",
}
"""What is said of the geometry of the visit shown."""
HELD: Final = "held: other patient?"


class StageBar(QWidget):
    """Which visit, seen through which window."""

    def __init__(
        self, showing: Showing, split: Callable[[], None], reset: Callable[[], None]
    ) -> None:
        super().__init__()
        self.setObjectName("TopBar")
        self.showing = showing
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(8)
        self._visits = QComboBox()
        self._visits.setAccessibleName("Visit shown")
        self._visits.setToolTip("Visit shown in the slices and in 3D (days since the baseline)")
        self._visits.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._visits.setMinimumWidth(96)
        self._visits.setMaximumWidth(208)
        self._visits.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._visits.activated.connect(showing.choose_visit)
        self._windows = QComboBox()
        self._windows.setAccessibleName("Window")
        self._windows.setToolTip("Which values are grey (keys 1 to 9, or right drag in a slice)")
        self._windows.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._windows.setMinimumWidth(108)
        self._windows.activated.connect(showing.viewing.choose_window)
        self._centre = _number("C ", "Centre of the window")
        self._width = _number("W ", "Width of the window")
        for field in (self._centre, self._width):
            field.valueChanged.connect(self._typed)
        self._fill = _fill_slider(showing)
        self.doubt = pill("", "warn")
        self.doubt.hide()
        self.split = tool("grid", "All four views", "All four views (or double-click a view)")
        self.split.setEnabled(False)
        self.split.clicked.connect(split)
        centre = tool("home", "Reset the views", "Reset zoom, slices and camera")
        centre.clicked.connect(reset)
        about = tool("help", "Mouse and keys", HELP)
        about.setAccessibleDescription(HELP)
        about.clicked.connect(lambda: _explain(about))
        fields = (self._visits, self._windows, self._centre, self._width)
        for thing in (*fields, words("Fill", "muted"), self._fill):
            row.addWidget(thing)
        row.addStretch(1)
        for each in (self.split, centre, about):
            row.addWidget(each)
        showing.viewing.changed.connect(self._follow)
        showing.session.case_changed.connect(self._list_visits)
        showing.visit_changed.connect(self._visits.setCurrentIndex)
        showing.visit_shown.connect(self._show_doubt)

    def _typed(self) -> None:
        self.showing.viewing.set_window(self._centre.value(), self._width.value())

    def _follow(self) -> None:
        viewing = self.showing.viewing
        self._show_doubt()
        wanted = [(w.name.capitalize(), (w.centre, w.width)) for w in viewing.windows]
        if [self._windows.itemText(n) for n in range(self._windows.count())] != [
            name for name, _ in wanted
        ]:
            self._windows.clear()
            for number, window in enumerate(viewing.windows):
                self._windows.addItem(window.name.capitalize())
                unit = "" if viewing.unit == "1" else f" {viewing.unit}"
                seen = f"C {window.centre:.4g} W {window.width:.4g}{unit}"
                tip = f"{seen}; key {number + 1}" + (f"; {window.source}" if window.source else "")
                self._windows.setItemData(number, tooltip(tip), Qt.ItemDataRole.ToolTipRole)
        pairs = [pair for _, pair in wanted]
        self._windows.setCurrentIndex(
            pairs.index(viewing.window) if viewing.window in pairs else -1
        )
        for field, value in zip((self._centre, self._width), viewing.window, strict=True):
            field.setDecimals(_decimals(viewing.window[1]))
            if not field.hasFocus() or abs(field.value() - value) > 0.5 * 10.0 ** -field.decimals():
                blocked = QSignalBlocker(field)
                field.setValue(value)
                blocked.unblock()

    def _show_doubt(self) -> None:
        visit, geometry = self.showing.shown_visit, self.showing.viewing.geometry
        self.doubt.hide()
        if visit is None or geometry is None:
            return
        said = doubt_of(visit, geometry)
        self.doubt.setText(HELD if visit.held else DOUBTS[geometry.grade])
        self.doubt.setToolTip(tooltip(said))
        self.doubt.setVisible(bool(said))

    def _list_visits(self) -> None:
        self._visits.clear()
        for visit in self.showing.session.case.visits:
            date = visit.acquired.isoformat() if visit.acquired else "no date"
            self._visits.addItem(f"Day {visit.day:g}  ·  {date}")
        self._visits.setEnabled(self._visits.count() > 0)
        self._visits.setCurrentIndex(self.showing.visit)


def _decimals(width: float) -> int:
    """Return how many decimals tell a 100th of a window's width."""
    return max(0, min(6, 1 - math.floor(math.log10(width))))


def _number(prefix: str, name: str) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setPrefix(prefix)
    field.setRange(-1e7, 1e7)
    field.setDecimals(0)
    field.setKeyboardTracking(False)
    field.lineEdit().setTextMargins(6, 0, 0, 0)
    field.setProperty("bare", True)
    field.setFixedWidth(66)
    field.setAccessibleName(name)
    field.setToolTip(tooltip(f"{name}, in the image's own unit"))
    return field


def _fill_slider(showing: Showing) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setValue(22)
    slider.setFixedWidth(64)
    slider.setAccessibleName("Filling of structures in percent")
    slider.setToolTip("How strongly structures are filled in the slices (%)")
    slider.valueChanged.connect(lambda value: showing.viewing.set_fill(value / 100.0))
    return slider


def _explain(about: QWidget) -> None:
    from PySide6.QtWidgets import QMessageBox

    box = QMessageBox(QMessageBox.Icon.NoIcon, "Mouse and keys", HELP, parent=about.window())
    box.setAccessibleName("Mouse and keys")
    box.open()
