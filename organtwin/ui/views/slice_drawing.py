"""What is drawn over a slice: structures, seeds, crosshair, words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from organtwin.ui.theme import font
from organtwin.ui.views.slicing import AXES, Plane, letters

if TYPE_CHECKING:
    from organtwin.ui.views.slice_view import SliceView

CROSSHAIR = {"axial": "#e0605e", "coronal": "#63c08a", "sagittal": "#e8c15a"}
"""A plane's own colour; its trace in the other planes is drawn in it."""


def draw_structures(
    painter: QPainter, view: SliceView, outlines: Sequence[tuple[str, QPainterPath]]
) -> None:
    """Fill and outline structures."""
    colours = view.viewing.colours()
    outermost = {s.name for s in view.viewing.structures if not s.within}
    transform = view.transform()
    for name, path in outlines:
        if name not in colours:
            continue
        shade = QColor.fromRgbF(*colours[name])
        drawn = transform.map(path)
        inside = QColor(shade)
        inside.setAlphaF(view.viewing.fill * (0.35 if name in outermost else 1.0))
        painter.fillPath(drawn, inside)
        painter.setPen(QPen(shade.lighter(125), 1.4))
        painter.drawPath(drawn)


def draw_marks(painter: QPainter, view: SliceView) -> None:
    """Draw seeds within two slices."""
    grid = view.grid()
    through = AXES[view.plane][2]
    for mark in view.viewing.marks:
        place = np.array(mark.position_mm)
        if abs(grid.index(place)[through] - view.number) > 2.0:
            continue
        shade = view.viewing.colours().get(mark.structure, (0.35, 0.69, 0.95))
        painter.setBrush(QColor.fromRgbF(*shade))
        painter.setPen(QPen(QColor("white"), 1.5))
        painter.drawEllipse(view.to_screen(place), 5, 5)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def draw_crosshair(painter: QPainter, view: SliceView) -> None:
    """Draw the traces of the other two planes, open in the middle."""
    centre = view.to_screen(view.viewing.cursor_mm)
    upright: Plane = "sagittal" if view.plane != "sagittal" else "coronal"
    level: Plane = "axial" if view.plane != "axial" else "coronal"
    gap = 10.0
    for plane, x, y in ((upright, 0.0, 1.0), (level, 1.0, 0.0)):
        shade = QColor(CROSSHAIR[plane])
        shade.setAlpha(150)
        painter.setPen(QPen(shade, 1))
        reach = 2.0 * (view.width() + view.height())
        for sign in (-1.0, 1.0):
            start = centre + QPointF(x, y) * gap * sign
            painter.drawLine(start, centre + QPointF(x, y) * reach * sign)


def draw_words(painter: QPainter, view: SliceView) -> None:
    """Draw letters, plane, slice, window and what lies under the pointer."""
    flags = Qt.AlignmentFlag
    left, right, top, bottom = letters(view.grid(), view.plane)
    box = QRectF(view.rect()).adjusted(10, 8, -10, -8)
    painter.setFont(font(13, bold=True))
    for where, text in (
        (flags.AlignLeft | flags.AlignVCenter, left),
        (flags.AlignRight | flags.AlignVCenter, right),
        (flags.AlignHCenter | flags.AlignTop, top),
        (flags.AlignHCenter | flags.AlignBottom, bottom),
    ):
        _write(painter, box, (where, text), "#d5dde7")
    corner = (flags.AlignLeft | flags.AlignTop, view.plane.capitalize())
    _write(painter, box, corner, CROSSHAIR[view.plane])
    painter.setFont(font(11))
    count = view.grid().extent(view.plane)[2]
    centre, width = view.viewing.window
    for where, text in (
        (flags.AlignRight | flags.AlignTop, f"slice {view.number + 1} / {count}"),
        (flags.AlignLeft | flags.AlignBottom, _under_pointer(view)),
        (flags.AlignRight | flags.AlignBottom, f"C {centre:.0f}  W {width:.0f}"),
    ):
        _write(painter, box, (where, text), "#aebccb")


def _write(painter: QPainter, box: QRectF, said: tuple[Qt.AlignmentFlag, str], shade: str) -> None:
    """Write with a shadow, so that words can be read on bright images too."""
    where, text = said
    painter.setPen(QColor(0, 0, 0, 210))
    for x, y in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
        painter.drawText(box.translated(x, y), where, text)
    painter.setPen(QColor(shade))
    painter.drawText(box, where, text)


def _under_pointer(view: SliceView) -> str:
    place = view.viewing.cursor_mm if view.hover is None else view.hover
    value = view.viewing.value_at(place)
    if value is None:
        return ""
    x, y, z = place
    unit = "" if view.viewing.unit == "1" else f" {view.viewing.unit}"
    name = view.viewing.structure_at(place)
    head = f"{value:.0f}{unit}" + (f"  {name}" if name else "")
    return f"{head}\nL {x:.1f}  P {y:.1f}  S {z:.1f} mm"


def contains(outer: str, inner: str, within: dict[str, str]) -> bool:
    """Say whether a structure lies in another, or is it; `within` maps each to its container."""
    for _ in range(16):
        if inner == outer:
            return True
        inner = within.get(inner, "")
    return False
