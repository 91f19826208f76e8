"""Drags: what a press of the mouse in a slice begins, goes on with, and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from PySide6.QtCore import QPointF, Qt

from organtwin.ui.views.measure_drawing import handle_at
from organtwin.ui.views.measuring import Measure, moved, reshaped
from organtwin.ui.views.slice_drawing import grips

if TYPE_CHECKING:
    from organtwin.ui.views.slice_view import SliceView

GRIP_PX: Final = 11.0
CLICK_PX: Final = 4.0
FREEHAND_PX: Final = 5.0


class Drag(Protocol):
    """One drag from press to release."""

    def move(self, to: QPointF) -> None:
        """Go on."""

    def end(self, to: QPointF) -> None:
        """End."""


def begun(view: SliceView, button: Qt.MouseButton, point: QPointF) -> Drag | None:
    """Return the drag that a press begins, None for a press that means nothing."""
    if button == Qt.MouseButton.RightButton:
        return _Window(view, point)
    if button == Qt.MouseButton.MiddleButton:
        return _Pan(view, point)
    if button != Qt.MouseButton.LeftButton:
        return None
    measures = view.viewing.measures
    held = handle_at(view, point) if measures.draft is None else None
    if held is not None:
        measures.choose(held[0].number)
        return _Held(view, held, point)
    if measures.tool is not None:
        return _Drawn(view, point)
    if on_grip(view, point):
        return _Turn(view, point)
    if measures.chosen:
        measures.choose(0)
    return _Crosshair(view, point)


def on_grip(view: SliceView, point: QPointF) -> bool:
    """Say whether the pointer is over a grip that turns the planes."""
    return any((place - point).manhattanLength() < GRIP_PX for _, place in grips(view))


class _Crosshair:
    """Moves the crosshair."""

    def __init__(self, view: SliceView, start: QPointF) -> None:
        self._view = view
        self.move(start)

    def move(self, to: QPointF) -> None:
        self._view.viewing.move_to(self._view.to_mm(to))

    def end(self, to: QPointF) -> None:
        del to


class _Window:
    """Changes the window: across its width, along the height its centre."""

    def __init__(self, view: SliceView, start: QPointF) -> None:
        self._viewing, self._last = view.viewing, start
        width = self._viewing.window[1]
        self._step = 1.0 if self._viewing.unit == "HU" else width / 200.0

    def move(self, to: QPointF) -> None:
        by, self._last = to - self._last, to
        centre, width = self._viewing.window
        self._viewing.set_window(centre - by.y() * self._step, width + 2.0 * by.x() * self._step)

    def end(self, to: QPointF) -> None:
        del to


class _Pan:
    """Shifts the picture."""

    def __init__(self, view: SliceView, start: QPointF) -> None:
        self._view, self._last = view, start

    def move(self, to: QPointF) -> None:
        self._view.look(self._view.zoom, self._view.shift + to - self._last)
        self._last = to

    def end(self, to: QPointF) -> None:
        del to


class _Turn:
    """Turns the other two planes about the crosshair."""

    def __init__(self, view: SliceView, start: QPointF) -> None:
        self._view, self._last = view, self._angle(view, start)

    def move(self, to: QPointF) -> None:
        angle = self._angle(self._view, to)
        by, self._last = (angle - self._last + 180.0) % 360.0 - 180.0, angle
        self._view.viewing.turn(self._view.plane, by)

    def end(self, to: QPointF) -> None:
        del to

    @staticmethod
    def _angle(view: SliceView, point: QPointF) -> float:
        away = point - view.to_screen(view.viewing.cursor_mm)
        return float(np.degrees(np.arctan2(away.y(), away.x())))


class _Drawn:
    """Draws with the tool: a drag sets a point at both ends, clicks set one each."""

    def __init__(self, view: SliceView, start: QPointF) -> None:
        self._view, self._start, self._last = view, start, start
        view.set_point(view.to_mm(start))

    def move(self, to: QPointF) -> None:
        measures = self._view.viewing.measures
        far = (to - self._last).manhattanLength() >= FREEHAND_PX
        if measures.tool == "freehand" and measures.draft is not None and far:
            self._last = to
            self._view.set_point(self._view.to_mm(to))

    def end(self, to: QPointF) -> None:
        measures = self._view.viewing.measures
        dragged = (to - self._start).manhattanLength() > CLICK_PX
        if measures.draft is None or not dragged:
            return
        if measures.tool == "freehand":
            measures.finish()
        else:
            self._view.set_point(self._view.to_mm(to))


class _Held:
    """Moves a handle of a measure, or all of it."""

    def __init__(self, view: SliceView, held: tuple[Measure, int], start: QPointF) -> None:
        self._view, self._held, self._start = view, held, view.to_mm(start)

    def move(self, to: QPointF) -> None:
        measure, handle = self._held
        place = self._view.to_mm(to)
        if handle < 0:
            changed = moved(measure, place - self._start)
        else:
            changed = reshaped(measure, handle, place)
        self._view.viewing.measures.put(changed)

    def end(self, to: QPointF) -> None:
        del to
        self._view.viewing.measures.settled.emit(self._held[0].image)
