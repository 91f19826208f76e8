"""PatientDial: how the patient lies, drawn from the feet and from the side; turned by the mouse."""

from __future__ import annotations

from math import atan2, cos, degrees, hypot, radians, sin
from typing import Final, override

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from organtwin.ui.lying import Lying
from organtwin.ui.theme import colour, font

WIDE, DEEP = 38.0, 25.0
"""Half axes of the trunk's cross-section in pixels."""
MOST_GAS: Final = 9.0
MOST_MMHG: Final = 20.0
MOST_TILT: Final = 30
HEIGHT: Final = 120
LIVER: Final = QColor("#b8523f")


class PatientDial(QWidget):
    """Two small figures; dragging the left one turns the patient, the right one tilts the table.

    Signals:
        turned: degrees to the left, -180 to 180, while dragged.
        tilted: degrees head up, while dragged.
    """

    turned = Signal(int)
    tilted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Position of the patient")
        self.setAccessibleDescription("Drag to turn; the sliders below do the same")
        self.setToolTip("Seen from the feet, and from the side: drag to turn or tilt")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self._lying = Lying()
        self._drag: tuple[str, float, float] | None = None

    @override
    def sizeHint(self) -> QSize:
        return QSize(300, HEIGHT)

    def show_lying(self, lying: Lying) -> None:
        """Draw a position."""
        self._lying = lying
        self.update()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        which = "turned" if event.position().x() < self._split else "tilted"
        before = self._lying.turned_deg if which == "turned" else -self._lying.head_up_deg
        self._drag = (which, self._angle(which, event.position()), before)
        self.setCursor(Qt.CursorShape.ClosedHandCursor)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is None:
            return
        which, began, before = self._drag
        turn = (self._angle(which, event.position()) - began + 180.0) % 360.0 - 180.0
        if which == "turned":
            self.turned.emit(round((before + turn + 180.0) % 360.0 - 180.0))
        else:
            self.tilted.emit(-max(-MOST_TILT, min(MOST_TILT, round(before + turn))))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    @property
    def _split(self) -> float:
        return 0.54 * self.width()

    def _middle(self, which: str) -> QPointF:
        left, right = (0.0, self._split) if which == "turned" else (self._split, self.width())
        return QPointF((left + right) / 2.0, 0.45 * self.height())

    def _angle(self, which: str, point: QPointF) -> float:
        """Return the angle of a point about a figure's middle, clockwise in degrees."""
        away = point - self._middle(which)
        return degrees(atan2(away.y(), away.x()))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        table = 0.45 * self.height() + WIDE + 2.0
        self._draw_from_feet(painter, table)
        self._draw_from_side(painter, table)
        painter.end()

    def _draw_from_feet(self, painter: QPainter, table: float) -> None:
        turned = radians(self._lying.turned_deg)
        half = hypot(WIDE * sin(turned), DEEP * cos(turned))
        middle = QPointF(self._middle("turned").x(), table - half)
        self._draw_table(painter, middle.x() - 62.0, middle.x() + 62.0, table)
        painter.save()
        painter.translate(middle)
        painter.rotate(self._lying.turned_deg)
        painter.setPen(QPen(colour("muted"), 1.6))
        painter.setBrush(colour("raised"))
        painter.drawPath(self._trunk())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(LIVER)
        painter.drawPath(_liver())
        painter.setBrush(colour("muted"))
        painter.drawEllipse(QPointF(0.0, 0.66 * DEEP), 5.0, 4.5)
        painter.restore()
        painter.setFont(font(11, bold=True))
        painter.setPen(colour("text"))
        for letter, x, y in (("R", -WIDE - 9.0, 0.0), ("L", WIDE + 9.0, 0.0)):
            across = middle.x() + x * cos(turned) - y * sin(turned)
            along = middle.y() + x * sin(turned) + y * cos(turned)
            if along < table - 2.0:
                box = QRectF(across - 8.0, along - 8.0, 16.0, 16.0)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, letter)
        self._caption(painter, middle.x(), "seen from the feet")

    def _trunk(self) -> QPainterPath:
        """Return the cross-section, its front raised by the gas."""
        raised = DEEP + MOST_GAS * min(1.0, self._lying.pneumoperitoneum_mmhg / MOST_MMHG)
        path = QPainterPath(QPointF(WIDE, 0.0))
        path.arcTo(QRectF(-WIDE, -DEEP, 2.0 * WIDE, 2.0 * DEEP), 0.0, -180.0)
        path.arcTo(QRectF(-WIDE, -raised, 2.0 * WIDE, 2.0 * raised), 180.0, -180.0)
        path.closeSubpath()
        return path

    def _draw_from_side(self, painter: QPainter, table: float) -> None:
        middle = self._middle("tilted")
        painter.save()
        painter.translate(middle.x(), middle.y() + 8.0)
        painter.rotate(-self._lying.head_up_deg)
        painter.setPen(QPen(colour("line_strong"), 3.0))
        painter.drawLine(QPointF(-56.0, 13.0), QPointF(56.0, 13.0))
        painter.setPen(QPen(colour("muted"), 1.6))
        painter.setBrush(colour("raised"))
        painter.drawEllipse(QPointF(44.0, 2.0), 8.5, 8.5)
        painter.drawRoundedRect(QRectF(-4.0, -6.0, 38.0, 17.0), 8.0, 8.0)
        painter.drawRoundedRect(QRectF(-54.0, 1.0, 52.0, 10.0), 5.0, 5.0)
        painter.restore()
        painter.setPen(QPen(colour("line_strong"), 3.0))
        painter.drawLine(QPointF(middle.x(), middle.y() + 22.0), QPointF(middle.x(), table))
        self._caption(painter, middle.x(), "head to the right")

    def _draw_table(self, painter: QPainter, left: float, right: float, y: float) -> None:
        painter.setPen(QPen(colour("line_strong"), 3.0))
        painter.drawLine(QPointF(left, y + 2.0), QPointF(right, y + 2.0))

    def _caption(self, painter: QPainter, x: float, text: str) -> None:
        painter.setFont(font(11))
        painter.setPen(colour("muted"))
        box = QRectF(x - 90.0, self.height() - 18.0, 180.0, 16.0)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _liver() -> QPainterPath:
    """Return a liver's cross-section: thick at the patient's right, thin towards the left."""
    path = QPainterPath(QPointF(-34.0, 0.0))
    path.cubicTo(QPointF(-32.0, -15.0), QPointF(-16.0, -20.0), QPointF(13.0, -15.0))
    path.cubicTo(QPointF(9.0, -7.0), QPointF(-3.0, -4.0), QPointF(-8.0, 4.0))
    path.cubicTo(QPointF(-11.0, 14.0), QPointF(-23.0, 16.0), QPointF(-29.0, 10.0))
    path.closeSubpath()
    return path
