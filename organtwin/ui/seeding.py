"""Seeds set by hand: points, scribbles and longest diameters, drawn in slices."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, Signal
from PySide6.QtGui import QPainter

from organtwin.ui.painting import InHand
from organtwin.ui.viewing import Mark
from organtwin.ui.views.brush import Scribble, draw_line, shade_of
from organtwin.ui.views.drags import CLICK_PX, Drag
from organtwin.ui.views.slice_view import SliceView
from organtwin.ui.workbench import Workbench

BACKGROUND: Final = "background"
APART_PX: Final = 4.0
Seed = Mark | Scribble


class Seeding(QObject):
    """The seeds of the visit shown, in the order they were set.

    Signals:
        changed: there are other seeds.
    """

    changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._bench = bench
        self.structure = BACKGROUND
        self.seeds: tuple[Seed, ...] = ()

    def add(self, points_mm: list[NDArray[np.float64]], *, structure: str, longest: bool) -> None:
        """Add what was drawn: a click is a point, a line a scribble or a longest diameter."""
        points = [_point(place) for place in points_mm]
        if len(set(points)) < 2:
            self._set((*self.seeds, Mark(points[0], structure)))
            return
        line = Scribble(tuple(points), structure, longest)
        kept = [
            s
            for s in self.seeds
            if not (longest and isinstance(s, Scribble) and s.longest and s.structure == structure)
        ]
        self._set((*kept, line))

    def remove(self, number: int) -> None:
        """Take away the seed of that place in the list, from 0."""
        self._set(self.seeds[:number] + self.seeds[number + 1 :])

    def clear(self) -> None:
        """Take all away."""
        self._set(())

    def arguments(self, diameter_mm: float) -> dict[str, Any]:
        """Return the seeds as the step "segment" takes them.

        Args:
            diameter_mm: the largest diameter of tumours that have none drawn, 0 where none is said.
        """
        points: dict[str, list[list[float]]] = {}
        lines: dict[str, list[list[list[float]]]] = {}
        longest: dict[str, list[list[float]]] = {}
        for seed in self.seeds:
            if isinstance(seed, Mark):
                points.setdefault(seed.structure, []).append(list(seed.position_mm))
            elif seed.longest:
                longest[seed.structure] = [list(seed.points_mm[0]), list(seed.points_mm[-1])]
            else:
                lines.setdefault(seed.structure, []).append([list(p) for p in seed.points_mm])
        sized = [n for n in points if n.startswith("tumour") and n not in longest]
        return {
            "points": points,
            "scribbles": lines,
            "diameters": longest,
            "diameters_mm": dict.fromkeys(sized, diameter_mm) if diameter_mm > 0.0 else {},
        }

    def told(self) -> list[str]:
        """Return one line for each seed."""
        return [_said(seed) for seed in self.seeds]

    def place_mm(self, number: int) -> NDArray[np.float64]:
        """Return (3,) LPS mm: where a seed begins."""
        seed = self.seeds[number]
        return np.array(seed.position_mm if isinstance(seed, Mark) else seed.points_mm[0])

    def _set(self, seeds: tuple[Seed, ...]) -> None:
        self.seeds = seeds
        marks = tuple(s for s in seeds if isinstance(s, Mark))
        lines = tuple(s for s in seeds if isinstance(s, Scribble))
        self._bench.showing.viewing.set_marks(marks, lines)
        self.changed.emit()


class Scribbler(InHand):
    """Draws seeds: a click is a point, a drag a line; with Ctrl what is drawn is background."""

    def __init__(self, bench: Workbench, seeding: Seeding, *, longest: bool = False) -> None:
        super().__init__(bench)
        self._seeding, self._longest = seeding, longest
        self._line: list[NDArray[np.float64]] = []
        self._view: SliceView | None = None
        self._structure = ""

    def begun(self, view: SliceView, point: QPointF, *, other: bool) -> Drag | None:
        """Begin a seed inside the image."""
        place = view.to_mm(point)
        if view.viewing.value_at(place) is None:
            return None
        self._structure = BACKGROUND if other else self._seeding.structure
        self._line, self._view = [place], view
        return _Line(self, view, point)

    def overlay(self, painter: QPainter, view: SliceView) -> None:
        """Draw the line so far."""
        if view is self._view and len(self._line) > 1:
            draw_line(painter, view, np.array(self._line), shade=shade_of(view, self._structure))

    def add(self, place_mm: NDArray[np.float64]) -> None:
        """Go on to a place; what lies off the image is left out."""
        if self._view is not None and self._view.viewing.value_at(place_mm) is not None:
            self._line = [self._line[0], place_mm] if self._longest else [*self._line, place_mm]

    def finish(self, *, dragged: bool) -> None:
        """Keep the seed."""
        line, self._line, self._view = self._line, [], None
        points = line if dragged else line[:1]
        self._seeding.add(points, structure=self._structure, longest=self._longest)


class _Line:
    """A seed on its way."""

    def __init__(self, hand: Scribbler, view: SliceView, start: QPointF) -> None:
        self._hand, self._view, self._start, self._last = hand, view, start, start

    def move(self, to: QPointF) -> None:
        """Draw on."""
        if (to - self._last).manhattanLength() >= APART_PX:
            self._last = to
            self._hand.add(self._view.to_mm(to))

    def end(self, to: QPointF) -> None:
        """Keep it."""
        self._hand.finish(dragged=(to - self._start).manhattanLength() > CLICK_PX)


def _point(place: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in place)
    return x, y, z


def _said(seed: Seed) -> str:
    if isinstance(seed, Mark):
        return f"{seed.structure}: point"
    length = float(np.linalg.norm(np.diff(np.array(seed.points_mm), axis=0), axis=1).sum())
    return f"{seed.structure}: {'diameter' if seed.longest else 'line'}, {length:.0f} mm"
