"""PairBar: which second visit, how much of it, and what links the two."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSlider, QWidget

from organtwin.ui.pairing import Pairing
from organtwin.ui.pieces import tool, words
from organtwin.ui.tips import tooltip
from organtwin.ui.views.slicing import PLANES, Plane


class PairBar(QWidget):
    """Seen only while two visits are."""

    plane_chosen = Signal(str)

    def __init__(self, pairing: Pairing) -> None:
        super().__init__()
        self.setObjectName("TopBar")
        self._pairing = pairing
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 8, 4)
        row.setSpacing(8)
        self._visits = QComboBox()
        self._visits.setAccessibleName("Second visit")
        self._visits.setToolTip("The visit beside or over the one shown")
        self._visits.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._visits.activated.connect(self._choose)
        self._planes = QComboBox()
        self._planes.setAccessibleName("Plane of both visits")
        self._planes.setToolTip("Plane of both visits")
        for plane in PLANES:
            self._planes.addItem(plane.capitalize(), plane)
        self._planes.activated.connect(lambda: self.plane_chosen.emit(self.plane))
        self._opacity = QSlider(Qt.Orientation.Horizontal)
        self._opacity.setRange(0, 100)
        self._opacity.setValue(50)
        self._opacity.setFixedWidth(96)
        self._opacity.setAccessibleName("Share of the second visit in percent")
        self._opacity.setToolTip("How much of the second visit is seen (%); its border when swiped")
        self._opacity.valueChanged.connect(lambda value: pairing.set_opacity(value / 100.0))
        self.flicker = tool("flicker", "Flicker", "The two visits take turns (T)")
        self.swipe = tool("swipe", "Swipe", "The second visit right of a line; the slider moves it")
        for button, switch in (
            (self.flicker, pairing.set_flicker),
            (self.swipe, pairing.set_swipe),
        ):
            button.setCheckable(True)
            button.clicked.connect(switch)
        self._said = words("", "muted", wrap=True)
        close = tool("close", "Show one visit only")
        close.clicked.connect(lambda: pairing.choose("off"))
        for thing in (words("with", "muted"), self._visits, self._planes, self._opacity):
            row.addWidget(thing)
        for button in (self.flicker, self.swipe):
            row.addWidget(button)
        row.addWidget(self._said, 1)
        row.addWidget(close)
        pairing.changed.connect(self.follow)
        self.follow()

    @property
    def plane(self) -> Plane:
        """The plane chosen for both visits."""
        return PLANES[self._planes.currentIndex()]

    def show_plane(self, plane: Plane) -> None:
        """Show which plane is seen."""
        self._planes.setCurrentIndex(PLANES.index(plane))

    def follow(self) -> None:
        """Show the state of the pairing."""
        pairing = self._pairing
        self.setVisible(pairing.mode != "off")
        blocked = QSignalBlocker(self._visits)
        self._visits.clear()
        for number in pairing.others:
            self._visits.addItem(pairing.name_of(number), number)
        self._visits.setCurrentIndex(self._visits.findData(pairing.visit))
        blocked.unblock()
        self._planes.setVisible(pairing.mode == "beside")
        for thing in (self._opacity, self.flicker, self.swipe):
            thing.setVisible(pairing.mode == "blended" and pairing.blend is not None)
        self.flicker.setChecked(pairing.flickers)
        self.swipe.setChecked(pairing.swipes)
        self._said.setText(pairing.said)
        self._said.setToolTip(
            tooltip(f"{pairing.said}. {pairing.advice}" if pairing.advice else pairing.said)
        )
        role = "muted" if pairing.link is not None else "warn"
        if self._said.property("role") != role:
            self._said.setProperty("role", role)
            self._said.style().polish(self._said)

    def _choose(self) -> None:
        self._pairing.choose_visit(int(self._visits.currentData()))
