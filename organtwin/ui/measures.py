"""Measures: the rulers, angles and regions drawn so far, and the one being drawn.

`MeasureJournal` keeps those of a case; those of a quick look are forgotten with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from organtwin.ui.views.framing import Frame
from organtwin.ui.views.measuring import POINTS, Kind, Measure, Values, measured, point
from organtwin.ui.views.slicing import Canonical, Plane

NAMES: Final[dict[Kind, str]] = {
    "ruler": "Distance",
    "angle": "Angle",
    "ellipse": "Ellipse",
    "rectangle": "Rectangle",
    "freehand": "Freehand",
}
KEPT_VALUES: Final = 512


class Measures(QObject):
    """Holds measures of all images; views of one image show those of theirs.

    Signals:
        changed: a measure was added, changed, taken away or chosen, or the tool is another one.
        settled: the measures of the image named are others, and no drag is under way.
    """

    changed = Signal()
    settled = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tool: Kind | None = None
        self.draft: Measure | None = None
        self.chosen = 0
        self._all: dict[int, Measure] = {}
        self._last = 0
        self._values: dict[Measure, Values] = {}

    def of(self, image: str) -> tuple[Measure, ...]:
        """Return the measures of an image, oldest first."""
        return tuple(m for m in self._all.values() if m.image == image)

    def choose_tool(self, tool: Kind | None) -> None:
        """Choose what the next drag draws, None for nothing."""
        self.tool, self.draft = tool, None
        self.changed.emit()

    def choose(self, number: int) -> None:
        """Mark one measure, 0 for none."""
        self.chosen = number
        self.changed.emit()

    def add_point(
        self, place_mm: NDArray[np.float64], plane: Plane, frame: Frame, image: tuple[str, bool]
    ) -> None:
        """Set the next point of the tool's measure (`image`: its id, and whether it is oblique).

        A draft begun in another plane or image is given up. With its last point it is finished.
        """
        if self.tool is None:
            return
        axes = (point(frame.axes[:, 0]), point(frame.axes[:, 1]), point(frame.axes[:, 2]))
        fresh = Measure(self.tool, (), plane, axes, image[0], oblique=image[1])
        draft = self.draft
        if draft is None or (draft.plane, draft.image, draft.axes) != (plane, image[0], axes):
            draft = fresh
        self.draft = replace(draft, points_mm=(*draft.points_mm, point(place_mm)))
        if len(self.draft.points_mm) == POINTS[self.tool]:
            self.finish()
        else:
            self.changed.emit()

    def finish(self) -> None:
        """Keep the draft when it has all its points, else give it up."""
        draft, self.draft = self.draft, None
        if draft is not None and len(draft.points_mm) >= (POINTS[draft.kind] or 3):
            self._last += 1
            self._all[self._last] = replace(draft, number=self._last)
            self.chosen = self._last
            self.settled.emit(draft.image)
        self.changed.emit()

    def give_up(self) -> None:
        """Forget the draft; without one put the tool away."""
        if self.draft is None:
            self.tool = None
        self.draft = None
        self.changed.emit()

    def put(self, measure: Measure) -> None:
        """Take a measure in place of the one of its number."""
        self._all[measure.number] = measure
        self.chosen = measure.number
        self.changed.emit()

    def remove(self, numbers: Iterable[int]) -> None:
        """Take measures away."""
        gone = [self._all.pop(number) for number in tuple(numbers) if number in self._all]
        self.chosen = 0
        self.changed.emit()
        for image in dict.fromkeys(measure.image for measure in gone):
            self.settled.emit(image)

    def restore(self, image: str, measures: Iterable[Measure]) -> None:
        """Take the measures that an image had before in place of those it has."""
        self._all = {n: m for n, m in self._all.items() if m.image != image}
        for measure in measures:
            self._last += 1
            self._all[self._last] = replace(measure, number=self._last)
        self.changed.emit()

    def clear(self) -> None:
        """Forget everything."""
        self._all.clear()
        self._values.clear()
        self.draft, self.chosen = None, 0
        self.changed.emit()

    def values(self, measure: Measure, grid: Canonical) -> Values:
        """Return what a measure says of its image; kept."""
        if measure not in self._values:
            if len(self._values) > KEPT_VALUES:
                self._values.clear()
            self._values[measure] = measured(measure, grid)
        return self._values[measure]


def lines_of(measure: Measure, values: Values, *, unit: str, withheld: bool) -> list[str]:
    """Return what a measure says, a line each; what rests on a doubtful geometry is withheld."""
    if measure.kind == "ruler":
        return ["length withheld" if withheld else f"{values.length_mm:.1f} mm"]
    if measure.kind == "angle":
        return ["angle withheld" if withheld else f"{values.angle_deg:.1f}°"]
    area = "area withheld" if withheld else f"{values.area_mm2:.0f} mm²"
    what = "samples" if values.sampled_mm is not None else "voxels"
    lines = [f"{area}, {values.count} {what}"]
    if values.mean is None:
        return [*lines, f"no {what} inside"]
    sd = "" if values.sd is None else f"  sd {_short(values.sd)}"
    named = "" if unit == "1" else f" {unit}"
    lines.append(f"mean {_short(values.mean)}{sd}{named}")
    lines.append(f"{_plain(values.lowest)} to {_plain(values.highest)}{named}")
    if values.sampled_mm is not None and not withheld:
        lines.append(f"sampled every {values.sampled_mm:.2f} mm")
    return lines


def as_text(rows: Iterable[tuple[str, str, str]]) -> str:
    """Return rows (measure, where, values) as tab-separated lines with a heading."""
    head = "Measure\tWhere\tValues (sd with n - 1; for research use only)"
    return "\n".join([head, *("\t".join(row) for row in rows)])


def _plain(value: float | None) -> str:
    return _short(value) if value is not None and value % 1.0 else f"{value or 0.0:.0f}"


def _short(value: float) -> str:
    return f"{value:.1f}" if 0.05 <= abs(value) < 1e5 or value == 0 else f"{value:.4g}"
