"""Viewing: what the slices show and where the crosshair stands; the model behind four views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from organtwin.core.labelmap import LabelMap, Structure
from organtwin.core.volume import Volume
from organtwin.ui.views.slicing import Canonical, canonical


@dataclass(frozen=True)
class Mark:
    """A seed set by hand: LPS mm and the structure it belongs to."""

    position_mm: tuple[float, float, float]
    structure: str


class Viewing(QObject):
    """One image with its labels, window and crosshair; views listen and draw."""

    changed = Signal()
    moved = Signal()
    clicked = Signal(object)
    """A place (3,) LPS mm set by hand while `picking` is on."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.volume: Canonical | None = None
        self.unit = ""
        self.labels: Canonical | None = None
        self.structures: tuple[Structure, ...] = ()
        self.hidden: frozenset[str] = frozenset()
        self.window = (90.0, 200.0)
        self.cursor_mm: NDArray[np.float64] = np.zeros(3)
        self.fill = 0.22
        self.marks: tuple[Mark, ...] = ()
        self.picking = False
        self.withheld = False
        self.body: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def show_image(self, volume: Volume | None) -> None:
        """Show a Volume (None: nothing); the crosshair stays where it is inside the image."""
        first = self.volume is None
        self.volume = None if volume is None else canonical(volume.voxels, volume.affine)
        self.unit = volume.unit if volume is not None else ""
        self.withheld = volume is not None and volume.geometry.grade == "withheld"
        self.body = None
        if self.volume is not None:
            self.body = body_box(self.volume.array, self.unit)
            top = np.array(self.volume.array.shape) - 1
            index = self.volume.index(self.cursor_mm)
            if first or (index < 0).any() or (index > top).any():
                self.cursor_mm = self.volume.position_mm(np.round(top / 2))
        self.changed.emit()
        self.moved.emit()

    def show_labels(self, labels: LabelMap | None) -> None:
        """Lay a LabelMap over the image (None: nothing)."""
        self.labels = None if labels is None else canonical(labels.labels, labels.affine)
        self.structures = () if labels is None else labels.structures
        self.changed.emit()

    def set_window(self, centre: float, width: float) -> None:
        """Choose which values are grey: `centre` and `width` in the image's unit."""
        self.window = (float(centre), max(float(width), 1.0))
        self.changed.emit()

    def set_hidden(self, names: frozenset[str]) -> None:
        """Choose which structures are not drawn."""
        self.hidden = names
        self.changed.emit()

    def set_fill(self, opacity: float) -> None:
        """Choose how strongly structures are filled, 0..1."""
        self.fill = opacity
        self.changed.emit()

    def set_marks(self, marks: tuple[Mark, ...]) -> None:
        """Show seeds."""
        self.marks = marks
        self.changed.emit()

    def move_to(self, lps_mm: NDArray[Any]) -> None:
        """Put the crosshair at a place (3,) LPS mm, held inside the image."""
        place = np.asarray(lps_mm, dtype=np.float64)
        if self.volume is not None:
            top = np.array(self.volume.array.shape) - 1.0
            place = self.volume.position_mm(np.clip(self.volume.index(place), 0.0, top))
        self.cursor_mm = place
        self.moved.emit()

    def value_at(self, lps_mm: NDArray[np.float64]) -> float | None:
        """Return the image's value at a place (3,) LPS mm, None outside."""
        if self.volume is None:
            return None
        index = np.round(self.volume.index(lps_mm)).astype(int)
        if (index < 0).any() or (index >= self.volume.array.shape).any():
            return None
        return float(self.volume.array[tuple(index)])

    def structure_at(self, lps_mm: NDArray[np.float64]) -> str:
        """Return the name of the structure at a place (3,) LPS mm, "" for none."""
        if self.labels is None:
            return ""
        index = np.round(self.labels.index(lps_mm)).astype(int)
        if (index < 0).any() or (index >= self.labels.array.shape).any():
            return ""
        value = int(self.labels.array[tuple(index)])
        return next((s.name for s in self.structures if s.label == value), "")

    def colours(self) -> Mapping[str, tuple[float, float, float]]:
        """Return structure → colour of what is drawn."""
        return {s.name: s.colour for s in self.structures if s.name not in self.hidden}


def body_box(array: NDArray[Any], unit: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smallest and largest index (3,) of the patient in a canonical array.

    For CT the box around what is denser than -300 HU (between lung and fat) on every fourth voxel,
    else the whole image; the table under the patient may be in it.
    """
    top = np.array(array.shape, dtype=np.float64) - 1.0
    whole = (np.zeros(3), top)
    if unit != "HU":
        return whole
    dense = array[::4, ::4, ::4] > -300
    low, high = np.zeros(3), top.copy()
    for axis in range(3):
        there = np.flatnonzero(dense.sum(axis=tuple({0, 1, 2} - {axis})) > 8)
        if len(there) == 0:
            return whole
        low[axis] = max(4.0 * there[0] - 6.0, 0.0)
        high[axis] = min(4.0 * there[-1] + 6.0, top[axis])
    return low, high
