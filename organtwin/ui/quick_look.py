"""Quick look: the slices of a series before any case is touched; nothing of it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from organtwin.core.volume import GeometryReport, Volume
from organtwin.organs import organ
from organtwin.ui.choosing import Listed
from organtwin.ui.packing import unpacked
from organtwin.ui.pieces import choice, words
from organtwin.ui.viewing import Viewing
from organtwin.ui.views.slice_view import SliceView
from organtwin.ui.views.slicing import PLANES, Plane
from organtwin.ui.windows import windows_of

ACROSS: Final[Mapping[int, Plane]] = {0: "sagittal", 1: "coronal", 2: "axial"}


class QuickLook(QWidget):
    """One plane of a series: the middle slice at once, all of them when they are there."""

    def __init__(self) -> None:
        super().__init__()
        self.key = ""
        self.viewing = Viewing(parent=self)
        self._of: Listed | None = None
        self._begun = (0.0, 0.0)
        self._views = {plane: SliceView(plane, self.viewing) for plane in PLANES}
        self._stack = QStackedWidget()
        for view in self._views.values():
            self._stack.addWidget(view)
        self._planes = choice("Plane of the quick look")
        for plane in PLANES:
            self._planes.addItem(plane.capitalize(), plane)
        self._planes.activated.connect(self._choose_plane)
        self._windows = choice("Window of the quick look")
        self._windows.setToolTip("Which values are grey (or drag with the right button)")
        self._windows.activated.connect(self.viewing.choose_window)
        self._said = words("", "muted")
        row = QHBoxLayout()
        row.setContentsMargins(8, 6, 8, 6)
        row.setSpacing(8)
        row.addWidget(self._planes, 2)
        row.addWidget(self._windows, 3)
        row.addWidget(self._said)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self._stack, 1)
        self.viewing.moved.connect(self._tell_place)
        self.viewing.changed.connect(self._follow_window)
        self.clear()

    @property
    def view(self) -> SliceView:
        """The slices in front."""
        return self._views[self._planes.currentData()]

    def clear(self) -> None:
        """Show nothing."""
        self.key, self._of = "", None
        self.viewing.show_image(None)
        self._said.setText("")
        self._planes.setEnabled(False)
        self._windows.setEnabled(False)

    def expect(self, series: Listed) -> None:
        """Wait for the slices of a series."""
        self.clear()
        self.key, self._of = series.key, series
        self._said.setText("reading…")

    def show_slice(self, said: Mapping[str, Any]) -> None:
        """Show the first slice; the others follow."""
        if said["key"] != self.key:
            return
        affine = np.array(said["affine"])
        self._show(unpacked(said), affine)
        normal = np.abs(affine[:3, 2]) / np.linalg.norm(affine[:3, 2])
        self._planes.setCurrentIndex(PLANES.index(ACROSS[int(np.argmax(normal))]))
        self._stack.setCurrentWidget(self.view)
        self.view.reset()
        self._said.setText(f"of {said['count']}, reading…")

    def show_volume(self, said: Mapping[str, Any]) -> None:
        """Show all slices; the file they came in is removed at once."""
        path = Path(said["path"])
        if said["key"] == self.key:
            self._show(np.load(path, mmap_mode="r"), np.array(said["affine"]))
            self._planes.setEnabled(True)
            self._tell_place()
        with suppress(OSError):  # where an open file cannot be removed, the other process does
            path.unlink()

    def tell(self, fraction: float) -> None:
        """Show how far the reading of the series is."""
        if self.key and not self._planes.isEnabled():
            self._said.setText(f"reading, {fraction:.0%}")

    def _show(self, voxels: NDArray[Any], affine: NDArray[np.float64]) -> None:
        if self._of is None:
            return
        said = self._of.geometry
        grade = said["grade"]
        geometry = GeometryReport(
            tuple(said["spacing_mm"]),
            said["orientation"],
            grade=grade,
            resampled_from=said["resampled_from"],
        )
        of = self._of
        image = Volume(voxels, affine, of.unit, of.modality, geometry, inverted=of.inverted)
        windows = windows_of(organ("liver"), image)
        first = next((w for w in windows if w.name == "soft tissue"), windows[0])
        untouched = self.viewing.volume is None or self.viewing.window == self._begun
        window = (first.centre, first.width) if untouched else self.viewing.window
        self._begun = (first.centre, first.width)
        self.viewing.show_image(image, windows=windows)
        self.viewing.set_window(*window)
        grid = self.viewing.volume
        if grid is not None:  # the whole image, so that the first slice lies where the others do
            self.viewing.body = (np.zeros(3), np.array(grid.array.shape) - 1.0)
        self._offer_windows()

    def _offer_windows(self) -> None:
        self._windows.clear()
        for window in self.viewing.windows:
            self._windows.addItem(window.name.capitalize(), (window.centre, window.width))
        self._windows.setEnabled(True)
        self._follow_window()

    def _choose_plane(self, _: int) -> None:
        self._stack.setCurrentWidget(self.view)
        self._tell_place()

    def _follow_window(self) -> None:
        for index in range(self._windows.count()):
            if tuple(self._windows.itemData(index)) == self.viewing.window:
                self._windows.setCurrentIndex(index)
                return
        self._windows.setCurrentIndex(-1)

    def _tell_place(self) -> None:
        grid = self.viewing.volume
        if grid is not None and self._planes.isEnabled():
            count = grid.extent(self.view.plane)[2]
            self._said.setText(f"{self.view.number + 1} of {count}")
