"""Viewing: what the slices show and where the crosshair stands; the model behind four views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from organtwin.core.boxes import Box as VoxelBox
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.core.volume import GeometryReport, Volume, to_lps
from organtwin.organs import Window
from organtwin.ui.measures import Measures
from organtwin.ui.views.brush import Hand, Scribble
from organtwin.ui.views.framing import Box, Frame, rotation, step_mm, upright_frames, voxel_frame
from organtwin.ui.views.reslicing import Reslicer, Slab
from organtwin.ui.views.slicing import AXES, Canonical, Plane, canonical
from organtwin.ui.views.turns import Turns
from organtwin.ui.windows import automatic


@dataclass(frozen=True)
class Mark:
    """A seed set by hand: LPS mm and the structure it belongs to."""

    position_mm: tuple[float, float, float]
    structure: str


class Viewing(QObject):
    """One image with its labels, window, planes and crosshair; views listen and draw.

    Signals:
        changed: something to draw is another one.
        hidden_changed: other structures are drawn.
        moved: the crosshair stands elsewhere.
        redrawn: voxels of the labels changed in place: lowest and highest canonical index (3,).
    """

    changed = Signal()
    hidden_changed = Signal()
    moved = Signal()
    redrawn = Signal(object, object)

    def __init__(self, measures: Measures | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.measures = measures or Measures(self)
        self.turns = Turns(self)
        self.image = ""
        self.volume: Canonical | None = None
        self.unit = ""
        self.labels: Canonical | None = None
        self.note = ""
        self.structures: tuple[Structure, ...] = ()
        self.hidden: frozenset[str] = frozenset()
        self.windows: tuple[Window, ...] = ()
        self.window = (90.0, 200.0)
        self.cursor_mm: NDArray[np.float64] = np.zeros(3)
        self.fill = 0.22
        self.marks: tuple[Mark, ...] = ()
        self.hand: Hand | None = None
        self.scribbles: tuple[Scribble, ...] = ()
        self.withheld = False
        self.resampled = ""
        self.inverted = False
        self.crosshair = True
        self.body: Box | None = None
        self.oblique: Mapping[Plane, Frame] | None = None
        self.slab = Slab()
        self._voxel_frames: dict[Plane, Frame] = {}
        self._shown: tuple[Volume | None, LabelMap | None] = (None, None)
        self._reslicers: tuple[Reslicer | None, Reslicer | None] = (None, None)

    # -- what is shown --------------------------------------------------------------------------

    def show_image(self, volume: Volume | None, windows: Sequence[Window] = ()) -> None:
        """Show a Volume (None: nothing); the crosshair stays where it is inside the image.

        A window stays only for the unit it was chosen in, and for arbitrary units ("1") only for
        the same image; else the first of `windows` is taken, without one the automatic window.
        """
        first, before = self.volume is None, (self.unit, self.image)
        self.volume = None if volume is None else canonical(volume.voxels, volume.affine)
        self.unit = volume.unit if volume is not None else ""
        self.image = "" if volume is None else image_key(volume)
        self.withheld = volume is not None and volume.geometry.grade == "withheld"
        self.resampled = "" if volume is None else _resampled(volume)
        self.inverted = volume is not None and volume.inverted
        self._shown = (volume, self._shown[1])
        self._reslicers = (None, self._reslicers[1])
        self.body, self._voxel_frames = None, {}
        if volume is not None and self.volume is not None:
            self.windows = tuple(windows) or (automatic(volume.voxels),)
            if first or self.unit != before[0] or (self.unit == "1" and self.image != before[1]):
                self.window = (self.windows[0].centre, self.windows[0].width)
            self.body = body_box(self.volume.array, self.unit)
            if first or not self.volume.holds(self.cursor_mm):
                top = np.array(self.volume.array.shape) - 1
                self.cursor_mm = self.volume.position_mm(np.round(top / 2))
        self.oblique = self._upright() if self.oblique is not None else None
        self.changed.emit()
        self.moved.emit()

    def show_labels(self, labels: LabelMap | None, note: str = "") -> None:
        """Lay a LabelMap over the image (None: nothing); `note` says in the slices what it is."""
        self.note = note
        self.labels = None if labels is None else canonical(labels.labels, labels.affine)
        self.structures = () if labels is None else labels.structures
        self._shown = (self._shown[0], labels)
        self._reslicers = (self._reslicers[0], None)
        self.changed.emit()

    def redraw(self, box: VoxelBox) -> None:
        """Tell that voxels in a box of the labels' array changed in place."""
        shown = self._shown[1]
        if self.labels is None or shown is None or box[0].stop <= box[0].start:
            return
        ends = np.array([[axis.start, axis.stop - 1] for axis in box], dtype=np.float64).T
        index = np.rint(self.labels.index(to_lps(shown.affine, ends)))
        self.redrawn.emit(index.min(axis=0), index.max(axis=0))

    def set_window(self, centre: float, width: float) -> None:
        """Choose which values are grey: `centre` and `width` in the image's unit."""
        self.window = (float(centre), max(float(width), 1.0 if self.unit == "HU" else 1e-6))
        self.changed.emit()

    def choose_window(self, number: int) -> None:
        """Take one of the image's windows, if there is one of that number."""
        if 0 <= number < len(self.windows):
            self.set_window(self.windows[number].centre, self.windows[number].width)

    def set_hidden(self, names: frozenset[str]) -> None:
        """Choose which structures are not drawn."""
        self.hidden = names
        self.hidden_changed.emit()
        self.changed.emit()

    def set_fill(self, opacity: float) -> None:
        """Choose how strongly structures are filled, 0..1."""
        self.fill = opacity
        self.changed.emit()

    def set_crosshair(self, on: bool) -> None:
        """Draw the crosshair, or leave the picture free of it; places are chosen all the same."""
        self.crosshair = on
        self.changed.emit()

    def set_marks(self, marks: tuple[Mark, ...], scribbles: tuple[Scribble, ...] = ()) -> None:
        """Show seeds."""
        self.marks, self.scribbles = marks, scribbles
        self.changed.emit()

    def take_in_hand(self, hand: Hand | None) -> None:
        """Let left drags in slices belong to a tool; None: they move the crosshair."""
        self.hand = hand
        self.changed.emit()

    @property
    def geometry(self) -> GeometryReport | None:
        """How the geometry of the image was established, None without an image."""
        volume = self._shown[0]
        return None if volume is None else volume.geometry

    # -- planes ---------------------------------------------------------------------------------

    def frame(self, plane: Plane) -> Frame:
        """Return how a plane lies in the patient; there must be an image."""
        if self.oblique is not None:
            return self.oblique[plane]
        if plane not in self._voxel_frames and self.volume is not None:
            self._voxel_frames[plane] = voxel_frame(self.volume, plane, self.body)
        return self._voxel_frames[plane]

    def set_oblique(self, on: bool) -> None:
        """Free the planes from the voxels (they start along them), or bind them again."""
        self.oblique = self._upright() if on else None
        self.changed.emit()

    def set_frames(self, frames: Mapping[Plane, Frame] | None) -> None:
        """Take over the planes of somewhere else (None: along the voxels)."""
        self.oblique = frames
        self.changed.emit()

    def turn(self, plane: Plane, degrees: float) -> None:
        """Turn the other two planes about the crosshair, clockwise as seen in `plane`."""
        if self.oblique is None:
            return
        turned = rotation(self.oblique[plane].normal, degrees)
        self.oblique = {
            name: frame if name == plane else frame.turned(turned, self.cursor_mm)
            for name, frame in self.oblique.items()
        }
        self.changed.emit()

    def set_slab(self, slab: Slab) -> None:
        """Choose how thick oblique cuts are."""
        self.slab = slab
        self.changed.emit()

    def planes_of_slab(self) -> int:
        """Return how many planes an oblique cut is joined from."""
        values, _ = self.reslicers()
        return values.planes(self.slab)[0] if values is not None else 1

    def reslicers(self) -> tuple[Reslicer | None, Reslicer | None]:
        """Return what samples the image and the labels along any plane."""
        volume, labels = self._shown
        values, names = self._reslicers
        if volume is not None and values is None:
            values = Reslicer(volume.voxels, volume.affine)
        if labels is not None and names is None:
            names = Reslicer(labels.labels, labels.affine, nearest=True)
        self._reslicers = (values, names)
        return self._reslicers

    # -- the crosshair --------------------------------------------------------------------------

    def number(self, plane: Plane) -> int:
        """Return the slice the crosshair stands in: canonical index across the plane."""
        if self.volume is None:
            return 0
        through = AXES[plane][2]
        wanted = round(float(self.volume.index(self.cursor_mm)[through]))
        return min(max(wanted, 0), int(self.volume.array.shape[through]) - 1)

    def step(self, plane: Plane, steps: int) -> None:
        """Move the crosshair across a plane by whole slices (of a voxel when it is oblique)."""
        if self.volume is None:
            return
        if self.oblique is not None:
            across = self.oblique[plane].axes[:, 2]
            wanted = self.cursor_mm + across * steps * step_mm(self.volume, across)
            if self.volume.holds(wanted):
                self.move_to(wanted)
            return
        index = self.volume.index(self.cursor_mm)
        index[AXES[plane][2]] = self.number(plane) + steps
        self.move_to(self.volume.position_mm(index))

    def move_to(self, lps_mm: NDArray[Any]) -> None:
        """Put the crosshair at a place (3,) LPS mm, held inside the image."""
        place = np.asarray(lps_mm, dtype=np.float64)
        if self.volume is not None:
            top = np.array(self.volume.array.shape) - 1.0
            place = self.volume.position_mm(np.clip(self.volume.index(place), 0.0, top))
        self.cursor_mm = place
        self.moved.emit()

    def value_at(self, lps_mm: NDArray[np.float64]) -> float | None:
        """Return the image's value at a place (3,) LPS mm (its nearest voxel), None outside."""
        if self.volume is None or not self.volume.holds(lps_mm):
            return None
        return float(self.volume.array[tuple(np.round(self.volume.index(lps_mm)).astype(int))])

    def structure_at(self, lps_mm: NDArray[np.float64]) -> str:
        """Return the name of the structure at a place (3,) LPS mm, "" for none."""
        if self.labels is None or not self.labels.holds(lps_mm):
            return ""
        value = int(self.labels.array[tuple(np.round(self.labels.index(lps_mm)).astype(int))])
        return next((s.name for s in self.structures if s.label == value), "")

    def colours(self) -> Mapping[str, tuple[float, float, float]]:
        """Return structure → colour of what is drawn."""
        return {s.name: s.colour for s in self.structures if s.name not in self.hidden}

    def _upright(self) -> Mapping[Plane, Frame] | None:
        return upright_frames(self.volume, self.body) if self.volume is not None else None


def _resampled(volume: Volume) -> str:
    """Return what to say of an image whose planes are not the slices that were measured."""
    before, now = volume.geometry.resampled_from, volume.voxels.shape[2]
    return f"resampled from {before} slices to {now}" if before else ""


def image_key(volume: Volume) -> str:
    """Return what names an image for its measures: its series and its grid, not its grade."""
    grid = f"{volume.voxels.shape} {np.round(volume.affine, 3).tolist()}"
    return f"{volume.series_uid} {volume.acquired} {grid}"


def body_box(array: NDArray[Any], unit: str) -> Box:
    """Return the smallest and largest index (3,) of the patient in a canonical array.

    For CT the box around what is denser than -300 HU (between lung and fat) on at most about 128
    voxels along each axis, else the whole image; the table under the patient may be in it.
    """
    top = np.array(array.shape, dtype=np.float64) - 1.0
    whole = (np.zeros(3), top)
    if unit != "HU":
        return whole
    steps = [max(1, min(4, n // 8), n // 128) for n in array.shape]
    dense = array[:: steps[0], :: steps[1], :: steps[2]] > -300
    low, high = np.zeros(3), top.copy()
    for axis, step in enumerate(steps):
        there = np.flatnonzero(dense.sum(axis=tuple({0, 1, 2} - {axis})) > 8)
        if len(there) == 0:
            return whole
        low[axis] = max(step * (there[0] - 1.5), 0.0)
        high[axis] = min(step * (there[-1] + 1.5), top[axis])
    return low, high
