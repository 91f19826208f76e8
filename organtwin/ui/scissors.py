"""Scissors: cut what lies in an outline drawn in a slice, or over the organ in 3D."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from organtwin.ui.painting import InHand
from organtwin.ui.views.brush import draw_line, shade_of
from organtwin.ui.views.drags import Drag
from organtwin.ui.views.framing import step_mm
from organtwin.ui.views.organ_view import OrganView
from organtwin.ui.views.slice_view import SliceView
from organtwin.ui.workbench import Workbench

CORNER_PX: Final = 3.0


class Scissors(InHand):
    """Cuts what lies in an outline drawn in a slice, or in 3D along the direction looked in."""

    def __init__(self, bench: Workbench, asked: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__(bench)
        self._asked = asked
        self._line: list[NDArray[np.float64]] = []
        self._over: list[QPointF] = []
        self._view: SliceView | None = None
        self._only_slice = True

    def set_depth(self, only_slice: bool) -> None:
        """Choose whether an outline in a slice cuts that slice only, or through all of them."""
        self._only_slice = only_slice

    def overlay(self, painter: QPainter, view: SliceView) -> None:
        """Draw the outline so far."""
        if view is self._view and len(self._line) > 1:
            shade = shade_of(view, self.bench.active)
            draw_line(painter, view, np.array(self._line), shade=shade, closed=True)

    def begun(self, view: SliceView, point: QPointF, *, other: bool) -> Drag | None:
        """Begin an outline."""
        del other
        if not self.may_begin():
            return None
        self._line, self._view = [view.to_mm(point)], view
        return _Outline(view, point, self._line, self._cut)

    def begun_3d(self, view: OrganView, point: QPointF) -> Drag | None:
        """Begin an outline over the organ."""
        if not self.may_begin():
            return None
        self._over = [point]
        return _OutlineIn3D(self._over, lambda: self._cut_3d(view))

    def overlay_3d(self, painter: QPainter, view: OrganView) -> None:
        """Draw the outline so far."""
        del view
        if self._over:
            painter.setPen(QPen(QColor("#ffd479"), 2))
            painter.drawPolygon(QPolygonF(self._over))

    def _cut_3d(self, view: OrganView) -> None:
        """Cut with an outline on the plane through what the eye looks at."""
        points = [view.to_focal_plane(point).tolist() for point in self._over]
        self._over = []
        if len(points) > 2:
            towards = [float(x) for x in view.camera.GetDirectionOfProjection()]
            eye = [float(x) for x in view.camera.GetPosition()]
            self._do({"points": points, "normal": towards, "eye": eye, "depth_mm": 0.0})

    def _cut(self) -> None:
        view, line = self._view, self._line
        self._view, self._line = None, []
        if view is None or len(line) < 3:
            return
        normal = view.frame().normal
        depth = 0.98 * step_mm(view.grid(), normal) if self._only_slice else 0.0
        points = [point.tolist() for point in line]
        self._do({"points": points, "normal": normal.tolist(), "depth_mm": depth})

    def _do(self, drawn: Mapping[str, Any]) -> None:
        asked = {"structure": self.bench.active, **self._asked(), **drawn}
        visit = self.bench.showing.visit
        self.bench.session.do("edit", {"visit": visit, "tool": "scissors", "arguments": asked})


class _Outline:
    """An outline on its way; a point every few pixels."""

    def __init__(
        self,
        view: SliceView,
        start: QPointF,
        line: list[NDArray[np.float64]],
        over: Callable[[], None],
    ) -> None:
        self._view, self._last, self._line, self._over = view, start, line, over

    def move(self, to: QPointF) -> None:
        """Draw on."""
        if (to - self._last).manhattanLength() >= CORNER_PX:
            self._last = to
            self._line.append(self._view.to_mm(to))

    def end(self, to: QPointF) -> None:
        """Close it."""
        self.move(to)
        self._over()
        self._view.update()


class _OutlineIn3D:
    """An outline over the organ on its way."""

    def __init__(self, line: list[QPointF], over: Callable[[], None]) -> None:
        self._line, self._over = line, over

    def move(self, to: QPointF) -> None:
        """Draw on."""
        self._line.append(to)

    def end(self, to: QPointF) -> None:
        """Close it."""
        del to
        self._over()
