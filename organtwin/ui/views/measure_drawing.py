"""Measures as they are drawn in a view, and what of them lies under the pointer."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from organtwin.ui.measures import lines_of
from organtwin.ui.views.framing import step_mm
from organtwin.ui.views.measuring import Measure, border_mm, handles_mm
from organtwin.ui.views.slice_drawing import write_lines

if TYPE_CHECKING:
    from organtwin.ui.views.slice_view import SliceView

SHADE: Final = "#4fd1e6"
CHOSEN: Final = "#ffd479"
NEAR_PX: Final = 9.0
PARALLEL: Final = 0.9999


def shown(view: SliceView) -> list[Measure]:
    """Return the measures that lie in the plane shown, within half a voxel."""
    frame, depth = view.frame(), view.depth_mm()
    near = 0.51 * step_mm(view.grid(), frame.normal)
    found = []
    for measure in view.viewing.measures.of(view.viewing.image):
        parallel = abs(float(measure.frame().normal @ frame.normal)) > PARALLEL
        away = frame.flat(np.array(measure.points_mm))[:, 2] - depth
        if parallel and float(np.abs(away).max()) < near:
            found.append(measure)
    return found


def draw_measures(painter: QPainter, view: SliceView, avoid: list[QRectF]) -> None:
    """Draw measures with their values beside them, and the draft."""
    measures, viewing = view.viewing.measures, view.viewing
    avoid = list(avoid)
    for measure in shown(view):
        chosen = measure.number == measures.chosen
        shade = CHOSEN if chosen else SHADE
        path = path_of(measure, view)
        _stroke(painter, path, shade)
        if chosen:
            _draw_handles(painter, measure, view)
        values = measures.values(measure, view.grid())
        lines = lines_of(measure, values, unit=viewing.unit, withheld=viewing.withheld)
        anchor = _anchor(measure, view)
        avoid.append(write_lines(painter, anchor, lines, shade=shade, avoid=avoid))
    draft = measures.draft
    if draft is not None and (draft.plane, draft.image) == (view.plane, viewing.image):
        _stroke(painter, draft_path(draft, view), CHOSEN)


def path_of(measure: Measure, view: SliceView) -> QPainterPath:
    """Return the lines of a measure in the view."""
    points = [view.to_screen(place) for place in border_mm(measure)]
    path = QPainterPath()
    path.addPolygon(QPolygonF(points))
    if measure.is_region:
        path.closeSubpath()
    return path


def draft_path(draft: Measure, view: SliceView) -> QPainterPath:
    """Return the lines of what is being drawn, to where the pointer is."""
    points = draft.points_mm
    if view.hover is not None:
        x, y, z = (float(v) for v in view.hover)
        points = (*points, (x, y, z))
    whole = Measure(draft.kind, points, draft.plane, draft.axes, draft.image)
    if draft.kind in ("ellipse", "rectangle") and len(points) == 2:
        return path_of(whole, view)
    path = QPainterPath()
    path.addPolygon(QPolygonF([view.to_screen(np.array(p)) for p in points]))
    return path


def handle_at(view: SliceView, point: QPointF) -> tuple[Measure, int] | None:
    """Return the measure and handle under the pointer; handle -1 is its line (moves it whole)."""
    for measure in reversed(shown(view)):
        for number, place in enumerate(handles_mm(measure)):
            if _distance(view.to_screen(place), point) < NEAR_PX:
                return measure, number
        border = [view.to_screen(place) for place in border_mm(measure)]
        if measure.is_region:
            border.append(border[0])
        for start, end in pairwise(border):
            if _from_line(point, start, end) < 0.6 * NEAR_PX:
                return measure, -1
    return None


def _anchor(measure: Measure, view: SliceView) -> QPointF:
    """Return where the words begin: the rightmost point, for an angle its apex."""
    if measure.kind == "angle":
        return view.to_screen(np.array(measure.points_mm[1]))
    places = [view.to_screen(place) for place in border_mm(measure)]
    return max(places, key=lambda place: (place.x(), place.y()))


def _draw_handles(painter: QPainter, measure: Measure, view: SliceView) -> None:
    painter.setPen(QPen(QColor("#0b0f14"), 1.0))
    painter.setBrush(QColor(CHOSEN))
    for place in handles_mm(measure):
        painter.drawEllipse(view.to_screen(place), 3.5, 3.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _stroke(painter: QPainter, path: QPainterPath, shade: str) -> None:
    painter.strokePath(path, QPen(QColor(0, 0, 0, 190), 3.2))
    painter.strokePath(path, QPen(QColor(shade), 1.5))


def _distance(a: QPointF, b: QPointF) -> float:
    return float(np.hypot(a.x() - b.x(), a.y() - b.y()))


def _from_line(point: QPointF, start: QPointF, end: QPointF) -> float:
    along = end - start
    length = QPointF.dotProduct(along, along)
    part = QPointF.dotProduct(point - start, along) / length if length > 0 else 0.0
    return _distance(point, start + along * min(max(part, 0.0), 1.0))
