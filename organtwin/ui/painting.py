"""Tools in hand: brush, and a click; each gesture is one step of the case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QPainter

from organtwin.core.errors import BadArgument
from organtwin.core.volume import Volume, to_index, to_lps
from organtwin.ui.views.brush import draw_circle, shade_of
from organtwin.ui.views.drags import Drag
from organtwin.ui.views.slice_view import SliceView
from organtwin.ui.workbench import Workbench

SMALLEST_MM: Final = 0.5
LARGEST_MM: Final = 60.0
STEP: Final = 1.15
SPREAD_SD: Final = 2.0
Limits = Callable[[], Mapping[str, Any]]
"""Gives what limits a gesture: over, inside, low, high."""


class InHand(QObject):
    """What all tools in hand share: number keys choose structures, Esc puts the tool down.

    Signals:
        put_down: the hand shall be free.
        spot: the range of values shall come from a place (3,) LPS mm.
    """

    put_down = Signal()
    spot = Signal(object)

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self.bench = bench

    def begun(self, view: SliceView, point: QPointF, *, other: bool) -> Drag | None:
        """Begin nothing."""
        del view, point, other
        return None

    def overlay(self, painter: QPainter, view: SliceView) -> None:
        """Draw nothing."""

    def resize(self, steps: float) -> bool:
        """It has no size."""
        del steps
        return False

    def pressed(self, view: SliceView, key: Qt.Key) -> bool:
        """Do what a key asks; returns whether it meant anything."""
        if Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
            self.bench.choose_number(int(key) - int(Qt.Key.Key_0))
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            if not self.resize(1.0 if key == Qt.Key.Key_BracketRight else -1.0):
                return False
            view.update()
        elif key == Qt.Key.Key_I and view.hover is not None:
            self.spot.emit(view.hover)
        elif key == Qt.Key.Key_Escape:
            self.put_down.emit()
        else:
            return False
        return True

    def may_begin(self) -> bool:
        """Say why a gesture cannot begin, when it cannot."""
        session, visit = self.bench.session, self.bench.showing.shown_visit
        if visit is None or visit.held:
            self.bench.said.emit("This visit cannot be edited: see the Import page")
        elif session.busy:
            self.bench.said.emit(f"{session.step} is still under way: wait for it or stop it")
        elif not self.bench.active:
            self.bench.said.emit("Add a structure first")
        else:
            self.bench.showing.easel.put(visit.labels)
            return True
        return False


class Brush(InHand):
    """Paints or erases with a disc in the plane shown or a ball.

    Signals:
        resized: the radius is another.
    """

    resized = Signal(float)

    def __init__(self, bench: Workbench, tool: str, limits: Limits) -> None:
        super().__init__(bench)
        self._tool, self._limits = tool, limits
        self.radius_mm = 8.0
        self.shape = "disc"

    def set_radius(self, radius_mm: float) -> None:
        """Choose how large it is."""
        radius_mm = min(max(radius_mm, SMALLEST_MM), LARGEST_MM)
        if radius_mm != self.radius_mm:
            self.radius_mm = radius_mm
            self.resized.emit(radius_mm)

    def resize(self, steps: float) -> bool:
        """Make it larger or smaller by about a seventh a step."""
        self.set_radius(self.radius_mm * STEP**steps)
        return True

    def overlay(self, painter: QPainter, view: SliceView) -> None:
        """Draw its outline about the pointer."""
        draw_circle(painter, view, self.radius_mm, shade=shade_of(view, self.bench.active))

    def begun(self, view: SliceView, point: QPointF, *, other: bool) -> Drag | None:
        """Begin a stroke; with Ctrl painting erases and erasing paints."""
        if not self.may_begin():
            return None
        opposite = {"paint": "erase", "erase": "paint"}
        tool = opposite[self._tool] if other else self._tool
        asked: dict[str, Any] = {"structure": self.bench.active, "radius_mm": self.radius_mm}
        asked |= {"brush": self.shape, **self._limits()}
        if self.shape == "disc":
            asked["normal"] = [float(x) for x in view.frame().normal]
        return _Stroke(self.bench, view, point, asked=(tool, asked))


class _Stroke:
    """A stroke of the brush from press to release."""

    def __init__(
        self,
        bench: Workbench,
        view: SliceView,
        start: QPointF,
        *,
        asked: tuple[str, Mapping[str, Any]],
    ) -> None:
        self._bench, self._view, self._tool = bench, view, asked[0]
        visit = bench.showing.shown_visit
        bench.showing.easel.begin(*asked, visit.volume if visit is not None else "")
        self._changed = False
        self.move(start)

    def move(self, to: QPointF) -> None:
        """Draw on."""
        try:
            self._changed |= self._bench.showing.easel.add([self._view.to_mm(to).tolist()])
        except BadArgument as error:
            self._bench.said.emit(error.what)

    def end(self, to: QPointF) -> None:
        """Record the stroke; one that changed nothing leaves no trace."""
        del to
        easel = self._bench.showing.easel
        if self._changed:
            easel.end(self._bench.showing.visit, self._tool)
        else:
            easel.drop()
            self._bench.said.emit("Nothing changes here: look at over, inside and values")


class Pointing(InHand):
    """Hands on the place of a click."""

    def __init__(self, bench: Workbench, taken: Callable[[NDArray[np.float64]], None]) -> None:
        super().__init__(bench)
        self._taken = taken

    def begun(self, view: SliceView, point: QPointF, *, other: bool) -> Drag | None:
        """Tell the place."""
        del other
        self._taken(view.to_mm(point))
        return None


def range_at(
    volume: Volume, place_mm: NDArray[np.float64], radius_mm: float
) -> tuple[float, float] | None:
    """Return mean ± 2 sd of the values in a ball about a place LPS mm, None outside the image."""
    reach = radius_mm * np.linalg.norm(np.linalg.inv(volume.affine[:3, :3]), axis=1)
    middle = to_index(volume.affine, place_mm)
    low = np.maximum(np.floor(middle - reach), 0).astype(int)
    high = np.minimum(np.ceil(middle + reach) + 1, volume.voxels.shape).astype(int)
    if (high <= low).any():
        return None
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    index = np.stack(np.meshgrid(*(np.arange(a.start, a.stop) for a in box), indexing="ij"), -1)
    near = np.linalg.norm(to_lps(volume.affine, index) - place_mm, axis=-1) <= radius_mm
    values = volume.voxels[box][near].astype(np.float64)
    if values.size == 0:
        return None
    return (
        float(values.mean() - SPREAD_SD * values.std()),
        float(values.mean() + SPREAD_SD * values.std()),
    )
