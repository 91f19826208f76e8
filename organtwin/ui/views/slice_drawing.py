"""What is drawn over a slice: seeds, crosshair, scale bar, words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from organtwin.core.directions import position
from organtwin.ui.theme import font
from organtwin.ui.views.framing import step_mm
from organtwin.ui.views.slicing import PLANES, Plane

if TYPE_CHECKING:
    from organtwin.ui.views.slice_view import SliceView

CROSSHAIR: Final = {"axial": "#e0605e", "coronal": "#63c08a", "sagittal": "#e8c15a"}
"""A plane's own colour; its trace in the other planes is drawn in it."""
LETTERS: Final = 4
GRIP_REACH: Final = 0.34
GRIP_RADIUS: Final = 5.0
TILTED_DEG: Final = 0.5
BESIDE_PX: Final = 24.0
"""Words farther than that from their place are joined to it by a line."""
_FLAGS: Final = Qt.AlignmentFlag
Said = tuple[Qt.AlignmentFlag, str, str, QFont]


def draw_marks(painter: QPainter, view: SliceView) -> None:
    """Draw seeds within two slices."""
    frame, depth = view.frame(), view.depth_mm()
    near = 2.0 * step_mm(view.grid(), frame.axes[:, 2])
    for mark in view.viewing.marks:
        flat = frame.flat(np.array(mark.position_mm))
        if abs(flat[2] - depth) > near:
            continue
        shade = view.viewing.colours().get(mark.structure, (0.35, 0.69, 0.95))
        painter.setBrush(QColor.fromRgbF(*shade))
        painter.setPen(QPen(QColor("white"), 1.5))
        painter.drawEllipse(view.on_screen(flat), 5, 5)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def traces(view: SliceView) -> dict[Plane, QPointF]:
    """Return the unit direction on the screen in which each of the other planes cuts this one."""
    frame, found = view.frame(), {}
    for plane in PLANES:
        if plane != view.plane:
            across = view.viewing.frame(plane).normal
            # The trace is square to where the other plane's normal points in this plane.
            x, y = -float(across @ frame.axes[:, 1]), float(across @ frame.axes[:, 0])
            length = float(np.hypot(x, y))
            x, y = x / length, y / length
            found[plane] = QPointF(x, y)
    return found


def grips(view: SliceView) -> list[tuple[Plane, QPointF]]:
    """Return where the crosshair's lines can be turned: (the plane turned, place)."""
    if view.viewing.oblique is None or not view.viewing.crosshair:
        return []
    centre = view.to_screen(view.viewing.cursor_mm)
    reach = GRIP_REACH * min(view.width(), view.height())
    return [
        (plane, centre + along * reach * sign)
        for plane, along in traces(view).items()
        for sign in (-1.0, 1.0)
    ]


def draw_crosshair(painter: QPainter, view: SliceView) -> None:
    """Draw the traces of the other two planes, open in the middle, with grips when oblique."""
    if not view.viewing.crosshair:
        return
    centre = view.to_screen(view.viewing.cursor_mm)
    gap, reach = 10.0, 2.0 * (view.width() + view.height())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, view.viewing.oblique is not None)
    for plane, along in traces(view).items():
        shade = QColor(CROSSHAIR[plane])
        shade.setAlpha(150)
        painter.setPen(QPen(shade, 1))
        for sign in (-1.0, 1.0):
            painter.drawLine(centre + along * gap * sign, centre + along * reach * sign)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for plane, place in grips(view):
        painter.setPen(QPen(QColor("#0b0f14"), 1.2))
        painter.setBrush(QColor(CROSSHAIR[plane]))
        painter.drawEllipse(place, GRIP_RADIUS, GRIP_RADIUS)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def words(view: SliceView) -> list[Said]:
    """Return letters, then the words in the corners: (where, text, colour, font)."""
    left, right, top, bottom = view.frame().letters()
    big, small = font(13, bold=True), font(11)
    centre, width = view.viewing.window
    seen = f"C {_short(centre)}  W {_short(width)}"
    said = [
        (_FLAGS.AlignLeft | _FLAGS.AlignVCenter, left, "#d5dde7", big),
        (_FLAGS.AlignRight | _FLAGS.AlignVCenter, right, "#d5dde7", big),
        (_FLAGS.AlignHCenter | _FLAGS.AlignTop, top, "#d5dde7", big),
        (_FLAGS.AlignHCenter | _FLAGS.AlignBottom, bottom, "#d5dde7", big),
        (_FLAGS.AlignLeft | _FLAGS.AlignTop, _title(view), CROSSHAIR[view.plane], big),
        (_FLAGS.AlignRight | _FLAGS.AlignTop, _where(view), "#aebccb", small),
        (_FLAGS.AlignLeft | _FLAGS.AlignBottom, _under_pointer(view), "#aebccb", small),
        (_FLAGS.AlignRight | _FLAGS.AlignBottom, seen, "#aebccb", small),
    ]
    caption = "\n".join(filter(None, (view.viewing.note, view.caption)))
    if caption:
        shade = "#f0b858" if view.viewing.note else "#d5dde7"
        said.append((_FLAGS.AlignLeft | _FLAGS.AlignTop, f"\n{caption}", shade, small))
    return said


def draw_words(painter: QPainter, view: SliceView) -> None:
    """Draw plane, slice, window, what lies under the pointer, the scale bar; letters last."""
    box = _box(view)
    _draw_scale(painter, view)
    said = words(view)
    placed = [(_lowered(box, one[1]), one) for one in (*said[LETTERS:], *said[:LETTERS]) if one[1]]
    for room, one in placed:
        painter.fillRect(_bounds(room, one), QColor(5, 7, 10, 190))
    for room, (where, text, shade, kind) in placed:
        painter.setFont(kind)
        _write(painter, room, (where, text), shade)


def taken(view: SliceView) -> list[QRectF]:
    """Return where words stand, so that nothing else is written there."""
    box = _box(view)
    found = [_bounds(_lowered(box, said[1]), said) for said in words(view) if said[1]]
    reach = 0.25 * view.width()
    return [*found, QRectF(view.width() - 12.0 - reach, view.height() - 54.0, reach + 12.0, 28.0)]


def write_lines(
    painter: QPainter, place: QPointF, lines: list[str], *, shade: str, avoid: list[QRectF]
) -> QRectF:
    """Write lines beside a place, inside the viewport and off what is taken; return where."""
    painter.setFont(font(11))
    metrics = QFontMetricsF(painter.font())
    text = "\n".join(lines)
    size = metrics.boundingRect(QRectF(0, 0, 1000, 1000), _FLAGS.AlignLeft, text).size()
    room = QRectF(painter.viewport()).adjusted(4, 4, -4, -4)
    offsets = [(12.0, 8.0), (-12.0 - size.width(), 8.0)]
    offsets += [(x, y - size.height()) for x, _ in offsets for y in (-8.0, 48.0, -40.0)]
    found = [QRectF(place + QPointF(x, y), size) for x, y in offsets]
    box = min(found, key=lambda box: (not room.contains(box), _covered(box, avoid)))
    near = QPointF(
        min(max(place.x(), box.left()), box.right()), min(max(place.y(), box.top()), box.bottom())
    )
    if (near - place).manhattanLength() > BESIDE_PX:
        painter.setPen(QPen(QColor(shade), 1, Qt.PenStyle.DotLine))
        painter.drawLine(place, near)
    painter.fillRect(box.adjusted(-3, -1, 3, 1), QColor(5, 7, 10, 150))
    _write(painter, box, (_FLAGS.AlignLeft | _FLAGS.AlignTop, text), shade)
    return box


def _covered(box: QRectF, avoid: list[QRectF]) -> float:
    """Return how much of what is taken a box would cover, px²."""
    shared = (box.intersected(other) for other in avoid)
    return sum(part.width() * part.height() for part in shared)


def _box(view: SliceView) -> QRectF:
    return QRectF(view.rect()).adjusted(10, 8, -10, -8)


def _lowered(box: QRectF, text: str) -> QRectF:
    """Return the box of a caption: its first, empty line keeps clear of the title."""
    return box.adjusted(0, 6, 0, 0) if text.startswith("\n") else box


def _bounds(box: QRectF, said: Said) -> QRectF:
    where, text, _, kind = said
    return QFontMetricsF(kind).boundingRect(box, where, text).adjusted(-4, -2, 4, 2)


def _title(view: SliceView) -> str:
    tilt = view.frame().tilt_deg(view.plane)
    name = view.plane.capitalize()
    return f"{name}, tilted {tilt:.1f}°" if tilt >= TILTED_DEG else name


def _where(view: SliceView) -> str:
    return "\n".join(filter(None, (_slice(view), view.viewing.resampled)))


def _slice(view: SliceView) -> str:
    viewing = view.viewing
    if viewing.oblique is None:
        return f"slice {view.number + 1} / {view.grid().extent(view.plane)[2]}"
    slab = viewing.slab
    if slab.mode == "thin":
        return "oblique"
    thick = "thickness withheld" if viewing.withheld else f"{slab.thickness_mm:.0f} mm"
    return f"oblique, {slab.mode} of {thick}"


def _under_pointer(view: SliceView) -> str:
    place = view.viewing.cursor_mm if view.hover is None else view.hover
    value = view.viewing.value_at(place)
    if value is None:
        return ""
    unit = "" if view.viewing.unit == "1" else f" {view.viewing.unit}"
    name = view.viewing.structure_at(place)
    head = f"{_short(value)}{unit}" + (f"  {name}" if name else "")
    room = view.width() / 2.0 - 34.0
    head = QFontMetricsF(font(11)).elidedText(head, Qt.TextElideMode.ElideRight, room)
    if view.viewing.withheld:
        return f"{head}\nplace in mm withheld"
    lines = [position(place.tolist(), places) for places in (1, 0)]
    metrics = QFontMetricsF(font(11))
    fitting = [line for line in lines if metrics.horizontalAdvance(line) < room]
    return f"{head}\n{fitting[0]}" if fitting else head


def _draw_scale(painter: QPainter, view: SliceView) -> None:
    """Draw a bar of a round length, a tenth to a quarter of the width, over the window's words."""
    right, y = view.width() - 12.0, view.height() - 32.0
    painter.setFont(font(11))
    if view.viewing.withheld:
        box = QRectF(right - 200.0, y - 10.0, 200.0, 16.0)
        _write(painter, box, (_FLAGS.AlignRight | _FLAGS.AlignVCenter, "scale withheld"), "#f0b858")
        return
    length = bar_mm(0.25 * view.width() / view.scale())
    left = right - length * view.scale()
    for shade, wide in ((QColor(0, 0, 0, 210), 3.5), (QColor("#d5dde7"), 1.5)):
        painter.setPen(QPen(shade, wide))
        painter.drawLine(QPointF(left, y), QPointF(right, y))
        for x in (left, right):
            painter.drawLine(QPointF(x, y - 4.0), QPointF(x, y + 4.0))
    box = QRectF(left - 60.0, y - 20.0, right - left + 60.0, 14.0)
    _write(painter, box, (_FLAGS.AlignRight | _FLAGS.AlignBottom, f"{length:g} mm"), "#aebccb")


def bar_mm(most_mm: float) -> float:
    """Return the longest of 1, 2, 5 × 10ⁿ mm that is no longer than `most_mm`."""
    power = 10.0 ** np.floor(np.log10(most_mm))
    return float(max(step * power for step in (1.0, 2.0, 5.0) if step * power <= most_mm))


def _write(painter: QPainter, box: QRectF, said: tuple[Qt.AlignmentFlag, str], shade: str) -> None:
    """Write with a shadow, so that words can be read on bright images too."""
    where, text = said
    painter.setPen(QColor(0, 0, 0, 210))
    for x, y in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
        painter.drawText(box.translated(x, y), where, text)
    painter.setPen(QColor(shade))
    painter.drawText(box, where, text)


def _short(value: float) -> str:
    return f"{value:.0f}" if 10 <= abs(value) < 1e5 or value == 0 else f"{value:.3g}"
