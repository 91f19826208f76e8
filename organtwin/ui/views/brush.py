"""What a tool in hand asks of the pictures, and how outlines and scribbles are drawn over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from organtwin.ui.views.framing import step_mm

if TYPE_CHECKING:
    from organtwin.ui.views.drags import Drag
    from organtwin.ui.views.slice_view import SliceView

BACKGROUND_COLOUR: Final = (0.93, 0.83, 0.34)
OTHER_COLOUR: Final = (0.35, 0.69, 0.95)
NEAR_SLICES: Final = 0.75
"""A scribble is drawn in full within so many slices of its own, elsewhere not at all."""


@dataclass(frozen=True)
class Scribble:
    """A line drawn by hand as a seed: LPS mm, and the structure it belongs to.

    Args:
        longest: it is the longest diameter of the structure, not a line inside it.
    """

    points_mm: tuple[tuple[float, float, float], ...]
    structure: str
    longest: bool = False


class Hand(Protocol):
    """A tool that left drags in slices belong to."""

    def begun(self, view: SliceView, point: QPointF, *, other: bool) -> Drag | None:
        """Return what a press begins; `other`: with Ctrl, the tool's opposite."""

    def overlay(self, painter: QPainter, view: SliceView) -> None:
        """Draw its outline over a view."""

    def resize(self, steps: float) -> bool:
        """Make it larger or smaller; returns whether it has a size."""

    def pressed(self, view: SliceView, key: Qt.Key) -> bool:
        """Do what a key asks of it; returns whether it meant anything."""


def shade_of(view: SliceView, structure: str) -> QColor:
    """Return the colour that a structure, or what is around all, is drawn in."""
    if structure == "background":
        return QColor.fromRgbF(*BACKGROUND_COLOUR)
    colours = {s.name: s.colour for s in view.viewing.structures}
    return QColor.fromRgbF(*colours.get(structure, OTHER_COLOUR))


def draw_circle(painter: QPainter, view: SliceView, radius_mm: float, *, shade: QColor) -> None:
    """Draw the outline of a brush about the pointer, seen on dark and on bright images."""
    if view.hover is None:
        return
    centre = view.to_screen(view.hover)
    radius = radius_mm * view.scale()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(QColor(0, 0, 0, 170), 3.0), QPen(shade.lighter(130), 1.4)):
        painter.setPen(pen)
        painter.drawEllipse(centre, radius, radius)


def draw_line(
    painter: QPainter,
    view: SliceView,
    points_mm: Sequence[Sequence[float]] | NDArray[np.float64],
    *,
    shade: QColor,
    closed: bool = False,
) -> None:
    """Draw a line through places LPS mm as they are seen along the view's own direction."""
    flat = view.frame().flat(np.asarray(points_mm, dtype=np.float64).reshape(-1, 3))
    polygon = QPolygonF([view.on_screen(one) for one in flat])
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(QColor(0, 0, 0, 150), 4.0), QPen(shade.lighter(115), 2.2)):
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        if closed:
            painter.drawPolygon(polygon)
        else:
            painter.drawPolyline(polygon)


def draw_scribbles(painter: QPainter, view: SliceView) -> None:
    """Draw the scribbles that lie in the plane shown; diameters with both ends marked."""
    if not view.viewing.scribbles:
        return
    frame, depth = view.frame(), view.depth_mm()
    near = NEAR_SLICES * step_mm(view.grid(), frame.axes[:, 2])
    for scribble in view.viewing.scribbles:
        flat = frame.flat(np.array(scribble.points_mm))
        if np.abs(flat[:, 2] - depth).max() > near:
            continue
        shade = shade_of(view, scribble.structure)
        draw_line(painter, view, np.array(scribble.points_mm), shade=shade)
        if scribble.longest:
            painter.setBrush(shade)
            for end in (flat[0], flat[-1]):
                painter.drawEllipse(view.on_screen(end), 3.5, 3.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
