"""ToolBar: oblique planes, measures and two visits at once, over the pictures."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFrame, QHBoxLayout, QToolButton, QWidget

from organtwin.ui.measures import NAMES
from organtwin.ui.pairing import Mode, Pairing
from organtwin.ui.pieces import tool
from organtwin.ui.views.measuring import Kind
from organtwin.ui.views.reslicing import MODES, Slab

KEYS: Final[dict[Kind, str]] = {
    "ruler": "D",
    "angle": "A",
    "ellipse": "E",
    "rectangle": "R",
    "freehand": "F",
}
HOW: Final[dict[Kind, str]] = {
    "ruler": "drag from end to end",
    "angle": "drag one leg, click the end of the other",
    "ellipse": "drag its box; mean, sd, range, area",
    "rectangle": "drag its corners; mean, sd, range, area",
    "freehand": "draw around; mean, sd, range, area",
}
SLABS: Final = {"thin": "Thin", "mean": "Mean", "highest": "Highest (MIP)", "lowest": "Lowest"}


class ToolBar(QWidget):
    """Icon buttons; each has a key that works while the pictures have the keyboard."""

    def __init__(self, pairing: Pairing) -> None:
        super().__init__()
        self.setObjectName("TopBar")
        self._pairing, self._viewing = pairing, pairing.first
        self._measures = self._viewing.measures
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 8, 4)
        row.setSpacing(4)
        self.oblique = _switch(
            "oblique", "Oblique planes", "free planes: drag the dots to turn", "O"
        )
        self.oblique.toggled.connect(self._viewing.set_oblique)
        self.upright = tool("upright", "Planes upright", "Planes back along the voxels (Shift+O)")
        self.upright.clicked.connect(lambda: self._viewing.set_oblique(True))
        self.crosshair = _switch(
            "crosshair", "Crosshair", "lines of the other planes; off: the picture alone", "X"
        )
        self.crosshair.clicked.connect(self._viewing.set_crosshair)
        self._slab, self._thick = self._slab_fields()
        self.kinds: dict[Kind, QToolButton] = {}
        for kind, name in NAMES.items():
            button = _switch(kind, name, HOW[kind], KEYS[kind])
            button.clicked.connect(
                lambda on, kind=kind: self._measures.choose_tool(kind if on else None)
            )
            self.kinds[kind] = button
        self.list = _switch("list", "List of measures", "values to go to, copy, delete", "L")
        self.modes: dict[Mode, QToolButton] = {
            "beside": _switch("beside", "Side by side", "two visits in the same plane", "S"),
            "blended": _switch("blend", "Blended", "another visit laid over this one", "B"),
        }
        for mode, button in self.modes.items():
            button.clicked.connect(lambda on, mode=mode: pairing.choose(mode if on else "off"))
        for group in (
            (self.crosshair, self.oblique, self.upright, self._slab, self._thick),
            (*self.kinds.values(), self.list),
            tuple(self.modes.values()),
        ):
            if row.count():
                row.addSpacing(4)
                row.addWidget(_gap())
                row.addSpacing(4)
            for thing in group:
                row.addWidget(thing)
        row.addStretch(1)
        self._viewing.changed.connect(self.follow)
        self._measures.changed.connect(self.follow)
        pairing.changed.connect(self.follow)
        self.follow()

    def add(self, thing: QWidget) -> None:
        """Put something at the right end."""
        self._row.addWidget(thing)

    def add_after_measures(self, switch: QToolButton) -> None:
        """Put a switch beside the list of measures."""
        self._row.insertWidget(self._row.indexOf(self.list) + 1, switch)

    def add_keys(self, where: QWidget) -> None:
        """Let the keys work wherever the keyboard is in `where`."""
        keys = [
            ("X", self.crosshair),
            ("O", self.oblique),
            ("L", self.list),
            ("S", self.modes["beside"]),
        ]
        keys += [("B", self.modes["blended"]), ("Shift+O", self.upright)]
        keys += [(KEYS[kind], button) for kind, button in self.kinds.items()]
        for key, button in keys:
            shortcut = QShortcut(QKeySequence(key), where)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(button.click)

    def follow(self) -> None:
        """Show the state of what the buttons switch."""
        viewing, on = self._viewing, self._viewing.oblique is not None
        there = viewing.volume is not None
        if self._pairing.second.crosshair != viewing.crosshair:
            self._pairing.second.set_crosshair(viewing.crosshair)
        states = {self.oblique: on, self.crosshair: viewing.crosshair}
        states |= {button: kind == self._measures.tool for kind, button in self.kinds.items()}
        states |= {button: mode == self._pairing.mode for mode, button in self.modes.items()}
        for button, state in states.items():
            blocked = QSignalBlocker(button)
            button.setChecked(state)
            blocked.unblock()
            button.setEnabled(there)
        for button in self.modes.values():
            button.setEnabled(there and bool(self._pairing.others))
        for thing in (self.upright, self._slab, self._thick):
            thing.setVisible(on)
        self._thick.setEnabled(viewing.slab.mode != "thin")
        self._slab.setCurrentIndex(MODES.index(viewing.slab.mode))

    def _slab_fields(self) -> tuple[QComboBox, QDoubleSpinBox]:
        modes = QComboBox()
        modes.setAccessibleName("Slab")
        modes.setToolTip("How an oblique cut joins what lies in front of and behind its plane")
        for mode in MODES:
            modes.addItem(SLABS[mode], mode)
        thick = QDoubleSpinBox()
        thick.setRange(0.5, 100.0)
        thick.setDecimals(1)
        thick.setSuffix(" mm")
        thick.setValue(Slab().thickness_mm)
        thick.setKeyboardTracking(False)
        thick.lineEdit().setTextMargins(6, 0, 0, 0)
        thick.setFixedWidth(96)
        thick.setAccessibleName("Thickness of the slab in mm")
        thick.setToolTip("Thickness of the slab in mm")
        modes.activated.connect(self._slab_chosen)
        thick.valueChanged.connect(self._slab_chosen)
        return modes, thick

    def _slab_chosen(self) -> None:
        self._viewing.set_slab(Slab(self._slab.currentData(), self._thick.value()))


def _switch(picture: str, name: str, tip: str, key: str) -> QToolButton:
    button = tool(picture, name, f"{name}: {tip} ({key})")
    button.setCheckable(True)
    return button


def _gap() -> QFrame:
    line = QFrame()
    line.setFixedSize(1, 18)
    line.setProperty("gap", True)
    return line
