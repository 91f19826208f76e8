"""Resection: lines drawn in slices or over the organ, along which it shall be cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QPainter

from organtwin.ui.views.drags import CLICK_PX, Drag
from organtwin.ui.views.framing import step_mm
from organtwin.ui.views.organ_view import OrganView
from organtwin.ui.views.resection_drawing import NEAR_SLICES, draw_in_slice, draw_over_organ
from organtwin.ui.views.slice_view import SliceView

Floats = NDArray[np.float64]
GRIP_PX: Final = 10.0
EVERY_PX: Final = 4.0
EVERY_MM: Final = 25.0
LEAST, MOST = 3, 8
"""Points a line drawn freely is held by."""
ALIKE: Final = 0.9999


@dataclass(frozen=True, eq=False)
class Sight:
    """How one looks while drawing.

    Args:
        along: (3,) LPS, the direction one looks in.
        near_mm: lines whose depths differ by less lie in one plane.
        eye_mm: (3,) LPS mm, None in slices.
    """

    along: Floats
    near_mm: float
    eye_mm: Floats | None = None

    def same(self, other: Sight) -> bool:
        """Return whether lines drawn in both ways can be of one surface."""
        if self.eye_mm is None or other.eye_mm is None:
            still = self.eye_mm is other.eye_mm
        else:
            still = np.allclose(self.eye_mm, other.eye_mm, atol=1e-6)
        return still and bool(self.along @ other.along > ALIKE)

    def beside(self, first: Floats, second: Floats) -> bool:
        """Return whether two lines (n, 3) lie at one depth."""
        apart = (first.mean(axis=0) - second.mean(axis=0)) @ self.along
        return bool(abs(apart) < self.near_mm)


class Resection(QObject):
    """A hand that draws: a drag is a line, a click one more point, a point can be dragged.

    One line in each plane: another there takes its place; a line seen from elsewhere begins anew.

    Signals:
        changed: a line is another one.
        settled: and nobody is dragging.
        put_down: the hand shall be free.
    """

    changed = Signal()
    settled = Signal()
    put_down = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: tuple[Floats, ...] = ()
        self.sight: Sight | None = None
        self._states: list[tuple[tuple[Floats, ...], Sight | None]] = [((), None)]
        self.trace: Callable[[SliceView], Floats] = lambda _: np.zeros((0, 2, 3))

    @property
    def whole(self) -> tuple[Floats, ...]:
        """The lines of two points or more."""
        return tuple(line for line in self.lines if len(line) > 1)

    def set_lines(self, lines: tuple[Floats, ...], sight: Sight | None) -> None:
        """Take over lines from elsewhere."""
        self._states = [(lines, sight)]
        self._go_to(lines, sight)

    def take_back(self) -> None:
        """Remove the line drawn last."""
        self.lines = self.lines[:-1]
        self._tell(settled=True)

    def undo(self) -> bool:
        """Go back by one line, point or drag; returns False where nothing is left to take back."""
        if len(self._states) < 2:
            return False
        self._states.pop()
        self._go_to(*self._states[-1])
        return True

    def draw(self, line: Floats, sight: Sight, *, over: bool = True) -> None:
        """Draw a line the way of the first, in place of that in its plane; `over`: the drag is."""
        kept = self.lines if self.sight is not None and sight.same(self.sight) else ()
        line = _alike(line, kept[0]) if kept else line
        places = [n for n, one in enumerate(kept) if sight.beside(one, line)]
        number = places[0] if places else len(kept)
        self.lines = (*kept[:number], line, *kept[number + 1 :])
        self.sight = sight
        self._tell(settled=over)

    def add_point(self, place: Floats, sight: Sight) -> None:
        """Go on with the line in the same plane, at the end that is nearer, or begin one."""
        here = place[None]
        if self.sight is not None and sight.same(self.sight):
            for line in self.lines:
                if sight.beside(line, here):
                    first, last = (float(np.linalg.norm(line[n] - place)) for n in (0, -1))
                    both = (line, here) if len(line) == 1 or last <= first else (here, line)
                    here = np.concatenate(both)
                    break
        self.draw(here, sight)

    def move_point(self, line: int, point: int, place: Floats) -> None:
        """Drag one point."""
        changed = self.lines[line].copy()
        changed[point] = place
        self.lines = (*self.lines[:line], changed, *self.lines[line + 1 :])
        self._tell(settled=False)

    def begun(self, view: SliceView, point: QPointF, *, other: bool) -> Drag | None:
        """Take a point that lies in the plane shown, or begin a line."""
        del other
        frame, depth = view.frame(), view.depth_mm()
        near = NEAR_SLICES * step_mm(view.grid(), frame.normal)
        held = self._nearest(
            point, view.to_screen, lambda place: abs(frame.flat(place)[2] - depth) < near
        )
        if held is not None:
            return _Held(self, held, view.to_mm)
        return _Line(self, view.to_mm, Sight(frame.normal, near), point)

    def begun_3d(self, view: OrganView, point: QPointF) -> Drag | None:
        """Take a point, or begin a line in the plane the eye is focused on."""
        held = self._nearest(point, view.to_screen, lambda _: True)
        if held is not None:
            start = self.lines[held[0]][held[1]]
            return _Held(self, held, lambda to: _dragged(view, start, to))
        camera = view.camera
        towards, eye = (
            np.array(found()) for found in (camera.GetDirectionOfProjection, camera.GetPosition)
        )
        return _Line(self, view.to_focal_plane, Sight(towards, np.inf, eye), point)

    def overlay(self, painter: QPainter, view: SliceView) -> None:
        """Draw where the surface goes through a plane, and the lines drawn in it."""
        draw_in_slice(painter, view, self.lines, self.trace(view))

    def overlay_3d(self, painter: QPainter, view: OrganView) -> None:
        """Draw the lines over the organ."""
        draw_over_organ(painter, view, self.lines)

    def resize(self, steps: float) -> bool:
        """It has no size."""
        del steps
        return False

    def pressed(self, view: SliceView, key: Qt.Key) -> bool:
        """Escape puts it down, Backspace takes the last line back."""
        del view
        if key == Qt.Key.Key_Escape:
            self.put_down.emit()
        elif key in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete) and self.lines:
            self.take_back()
        else:
            return False
        return True

    def settle(self) -> None:
        """Tell that a drag is over."""
        self._tell(settled=True)

    def _nearest(
        self, point: QPointF, to_screen: Callable[[Floats], QPointF], may: Callable[[Floats], bool]
    ) -> tuple[int, int] | None:
        """Return (line, point) of what a press holds, None for nothing."""
        found = [
            ((to_screen(place) - point).manhattanLength(), (number, index))
            for number, line in enumerate(self.lines)
            for index, place in enumerate(line)
            if may(place)
        ]
        best = min(found, default=(np.inf, None), key=lambda one: one[0])
        return best[1] if best[0] < GRIP_PX else None

    def _tell(self, *, settled: bool) -> None:
        if settled and self._states[-1][0] is not self.lines:
            self._states.append((self.lines, self.sight))
        self.changed.emit()
        if settled:
            self.settled.emit()

    def _go_to(self, lines: tuple[Floats, ...], sight: Sight | None) -> None:
        self.lines, self.sight = lines, sight
        self.changed.emit()
        self.settled.emit()


class _Held:
    """A point on its way."""

    def __init__(
        self, resection: Resection, held: tuple[int, int], to_mm: Callable[[QPointF], Floats]
    ) -> None:
        self._resection, self._held, self._to_mm = resection, held, to_mm

    def move(self, to: QPointF) -> None:
        """Follow the pointer."""
        self._resection.move_point(*self._held, self._to_mm(to))

    def end(self, to: QPointF) -> None:
        """Leave it there."""
        del to
        self._resection.settle()


class _Line:
    """A line on its way; where nothing was dragged, one point."""

    def __init__(
        self,
        resection: Resection,
        to_mm: Callable[[QPointF], Floats],
        sight: Sight,
        start: QPointF,
    ) -> None:
        self._resection, self._to_mm, self._sight = resection, to_mm, sight
        self._start, self._last = start, start
        self._places = [to_mm(start)]

    def move(self, to: QPointF) -> None:
        """Draw on."""
        if (to - self._last).manhattanLength() >= EVERY_PX:
            self._last = to
            self._places.append(self._to_mm(to))
            self._resection.draw(np.array(self._places), self._sight, over=False)

    def end(self, to: QPointF) -> None:
        """Hold the line by a few points."""
        if len(self._places) > 1:
            self._resection.draw(thinned(np.array(self._places)), self._sight)
        elif (to - self._start).manhattanLength() <= CLICK_PX:
            self._resection.add_point(self._places[0], self._sight)


def thinned(line: Floats) -> Floats:
    """Return (k, 3) points evenly along a line (n, 3) drawn freely, both ends among them."""
    far = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    count = int(np.clip(round(far[-1] / EVERY_MM) + 1, LEAST, MOST))
    even = np.linspace(0.0, far[-1], count)
    return np.stack([np.interp(even, far, line[:, axis]) for axis in range(3)], axis=1)


def _alike(line: Floats, first: Floats) -> Floats:
    """Return a line drawn the way of another."""
    same, opposite = (
        float(np.linalg.norm(line[[0, -1]] - first[ends], axis=1).sum())
        for ends in ([0, -1], [-1, 0])
    )
    return line[::-1] if opposite < same else line


def _dragged(view: OrganView, start: Floats, to: QPointF) -> Floats:
    """Return (3,) the place under the pointer in the plane through `start` along the screen."""
    right, up = view.screen_axes()
    away = to - view.to_screen(start)
    result: Floats = start + (away.x() * right - away.y() * up) * view.mm_per_pixel(start)
    return result
