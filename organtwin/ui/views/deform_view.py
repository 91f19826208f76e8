"""DeformView: an organ that moves while the eye stays, with an arrow where gravity points."""

from __future__ import annotations

from typing import Final, override

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from organtwin.ui.scene import Scene
from organtwin.ui.theme import font
from organtwin.ui.views.organ_view import OrganView

ARROW_PX: Final = 40.0
ROOM: Final = 1.35
STEEP: Final = 0.4
"""Below this part of its length seen, an arrow is drawn from its end: a cross or a point."""
ARROW: Final = QColor("#ffd479")
VEIL: Final = QColor(5, 7, 10, 150)
NAMED: Final = "deformed/tumour"


class DeformView(OrganView):
    """Fits the organ to the picture once; then only a person moves the eye."""

    def __init__(self) -> None:
        super().__init__("Organ under load in 3D")
        self.empty_line = "The organ appears here once it is meshed"
        self._down = np.array([0.0, 1.0, 0.0])
        self._dimmed = False

    def set_down(self, down: tuple[float, float, float]) -> None:
        """Show where gravity points, LPS."""
        self._down = np.asarray(down, dtype=np.float64)
        self.update()

    def set_dimmed(self, dimmed: bool) -> None:
        """Show that the picture is of a position before the one asked for."""
        self._dimmed = dimmed
        self.update()

    @override
    def show_scene(self, scene: Scene) -> None:
        """Draw a scene; the eye stays where it is."""
        before = self.touched
        self.touched = before or self._aimed
        super().show_scene(scene)
        self.touched = before

    @override
    def _fit(self) -> None:
        """Leave room for where the organ may go."""
        super()._fit()
        focus = np.array(self.camera.GetFocalPoint())
        self.camera.SetPosition(*(focus + ROOM * (np.array(self.camera.GetPosition()) - focus)))
        self.follow_camera()

    @override
    def overlay(self, painter: QPainter) -> None:
        """Draw gravity's arrow and the tumours' names over the rest."""
        if self._dimmed:
            painter.fillRect(self.rect(), VEIL)
        super().overlay(painter)
        if self.scene.layers:
            self._name_tumours(painter)
            right, up = self.screen_axes()
            self._draw_arrow(painter, np.array([self._down @ right, -(self._down @ up)]))

    def _name_tumours(self, painter: QPainter) -> None:
        painter.setFont(font(12, bold=True))
        for layer in self.scene.layers:
            if layer.name.startswith(NAMED):
                place = self.to_screen(layer.points.mean(axis=0)) + QPointF(10.0, -10.0)
                name = layer.name.partition("/")[2]
                painter.setPen(QColor("#05070a"))
                painter.drawText(place + QPointF(1.0, 1.0), name)
                painter.setPen(QColor.fromRgbF(*layer.colour).lighter(130))
                painter.drawText(place, name)

    def _draw_arrow(self, painter: QPainter, along: NDArray[np.float64]) -> None:
        middle = QPointF(self.width() - 62.0, 92.0)
        length = float(np.linalg.norm(along))
        painter.setPen(QPen(ARROW, 2.4))
        if length < STEEP:
            _draw_steep(painter, middle, away=float(np.cross(*self.screen_axes()) @ self._down) < 0)
        else:
            way = QPointF(*(along / length))
            reach = way * (ARROW_PX * max(length, 0.4) / 2.0)
            tip, across = middle + reach, QPointF(-way.y(), way.x())
            painter.drawLine(middle - reach, tip - way * 6.0)
            painter.setBrush(ARROW)
            head = [tip, tip - way * 11.0 + across * 5.0, tip - way * 11.0 - across * 5.0]
            painter.drawPolygon(QPolygonF(head))
            painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setFont(font(11))
        painter.setPen(QColor("#c9d3df"))
        box = QRectF(middle.x() - 40.0, middle.y() + 26.0, 80.0, 16.0)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "gravity")


def _draw_steep(painter: QPainter, middle: QPointF, *, away: bool) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(middle, 10.0, 10.0)
    if away:
        for across in (QPointF(6.5, 6.5), QPointF(6.5, -6.5)):
            painter.drawLine(middle - across, middle + across)
    else:
        painter.setBrush(ARROW)
        painter.drawEllipse(middle, 3.0, 3.0)
        painter.setBrush(Qt.BrushStyle.NoBrush)
