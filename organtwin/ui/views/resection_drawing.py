"""How lines of a resection, and the surface through them, are drawn over slices and the organ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from organtwin.ui.views.framing import step_mm

if TYPE_CHECKING:
    from organtwin.ui.views.organ_view import OrganView
    from organtwin.ui.views.slice_view import SliceView

Floats = NDArray[np.float64]
NEAR_SLICES: Final = 0.75
"""A point can be held within so many slices of its own."""
SHADE: Final = "#ffd479"
POINT_PX: Final = 5.0


def draw_in_slice(
    painter: QPainter, view: SliceView, lines: Sequence[Floats], trace: Floats
) -> None:
    """Draw the surface's trace (k, 2, 3) LPS mm, and the points that lie in the plane shown."""
    flat = view.frame().flat(trace)
    painter.setPen(QPen(QColor(SHADE), 2.0))
    painter.drawLines([QLineF(view.on_screen(a), view.on_screen(b)) for a, b in flat])
    near = NEAR_SLICES * step_mm(view.grid(), view.frame().normal)
    depth = view.depth_mm()
    for line in lines:
        apart = np.abs(view.frame().flat(line)[:, 2] - depth)
        if (apart < near).all():
            _draw(painter, [view.to_screen(place) for place in line], joined=not len(trace))
        else:
            shown = line[apart < near]
            _draw(painter, [view.to_screen(place) for place in shown], joined=False)


def draw_over_organ(painter: QPainter, view: OrganView, lines: Sequence[Floats]) -> None:
    """Draw lines over the organ, whatever lies before them."""
    for line in lines:
        _draw(painter, [view.to_screen(place) for place in line], joined=True)


def trace_of(points: Floats, triangles: NDArray[np.int64], heights: Floats) -> Floats:
    """Return (k, 2, 3) where triangles go through a plane.

    Args:
        points: (n, 3) LPS mm.
        triangles: (f, 3), indices into points.
        heights: (n,) how far points lie from the plane, signed.
    """
    side = heights[triangles] >= 0.0
    crossed = triangles[side.any(axis=1) & ~side.all(axis=1)]
    if not len(crossed):
        return np.zeros((0, 2, 3))
    side = heights[crossed] >= 0.0
    # One corner lies alone on its side; the plane goes through both edges from it.
    alone = np.argmax(side == (side.sum(axis=1) == 1)[:, None], axis=1)
    turned = np.take_along_axis(crossed, (alone[:, None] + np.arange(3)) % 3, axis=1)
    tip, ends = heights[turned[:, :1]], heights[turned[:, 1:]]
    share = (tip / (tip - ends))[..., None]
    start = points[turned[:, :1]]
    result: Floats = start + share * (points[turned[:, 1:]] - start)
    return result


def _draw(painter: QPainter, places: Sequence[QPointF], *, joined: bool) -> None:
    if joined and len(places) > 1:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (QPen(QColor(0, 0, 0, 150), 4.0), QPen(QColor(SHADE), 2.0)):
            painter.setPen(pen)
            painter.drawPolyline(QPolygonF(places))
    painter.setPen(QPen(QColor("#1b1405"), 1.2))
    painter.setBrush(QColor(SHADE))
    for place in places:
        painter.drawEllipse(place, POINT_PX, POINT_PX)
    painter.setBrush(Qt.BrushStyle.NoBrush)
