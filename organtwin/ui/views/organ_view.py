"""OrganView: a Scene in 3D, with an orientation marker, a colour scale and a draggable plane."""

from __future__ import annotations

from typing import Any, Protocol, override, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from organtwin.core.directions import LETTERS
from organtwin.ui.scene import Layer, Scale, Scene
from organtwin.ui.theme import font
from organtwin.ui.views.actors import actor_of
from organtwin.ui.views.drags import Drag
from organtwin.ui.views.vtk_view import VIEW_ANGLE_DEG, VtkView

FRONT = np.array([-0.25, -1.0, 0.28])
"""The eye stands before the patient, a little to the right and above (LPS)."""
UNSEGMENTED = "The organ appears here once it is segmented"
NEAR_BY = 5.0
NEAREST_MM = 6.0
AXIS_COLOURS = ("#e0605e", "#63c08a", "#6aa7f0")


@runtime_checkable
class HandIn3D(Protocol):
    """A tool in hand that left drags over the organ belong to."""

    def begun_3d(self, view: OrganView, point: QPointF) -> Drag | None:
        """Return what a press begins; None: it turns the organ."""

    def overlay_3d(self, painter: QPainter, view: OrganView) -> None:
        """Draw its outline over the picture."""


class OrganView(VtkView):
    """Shows one Scene.

    A plane given by `set_plane` has two grips: its centre moves it along its normal, the tip of
    the normal turns it; `plane_moved` tells point (3,) and normal (3,) while one is dragged.
    """

    plane_moved = Signal(object, object)

    def __init__(self, name: str = "Organ in 3D", parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.scene = Scene()
        self._actors: dict[str, tuple[Layer, Any]] = {}
        self._plane: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._grip = ""
        self._last = QPointF()
        self._aimed = False
        self._own_camera = True
        self._bounds = Scene().bounds_mm()
        self.hand: HandIn3D | None = None
        self._held: Drag | None = None
        self.empty_line = UNSEGMENTED

    def show_scene(self, scene: Scene) -> None:
        """Draw a scene; layers that did not change keep their place on the graphics card."""
        wanted = {layer.name: layer for layer in scene.layers}
        for name in [n for n, (layer, _) in self._actors.items() if wanted.get(n) is not layer]:
            self.renderer.RemoveActor(self._actors.pop(name)[1])
        self.scene = scene
        come = [x for x in scene.layers if x.sought and x.name not in self._actors]
        for name, layer in wanted.items():
            if name not in self._actors:
                actor = actor_of(layer, scene.scale)
                self._actors[name] = (layer, actor)
                self.renderer.AddActor(actor)
        bounds = scene.bounds_mm()
        moved = np.linalg.norm(bounds[0] - self._bounds[0]) + abs(bounds[1] - self._bounds[1])
        stale = self._own_camera and not self.touched and moved > 2.0
        self._bounds = bounds
        if scene.layers and (stale or not self._aimed):
            self.reset_camera()
        for layer in come:
            self.fly_to(layer.points.min(axis=0), layer.points.max(axis=0))
        self.update()
        self.ask_draw()

    def fly_to(self, low_mm: NDArray[Any], high_mm: NDArray[Any]) -> None:
        """Look from the front at a box (LPS mm), with as much around it as lets one find it."""
        self.touched = True
        radius = max(NEAR_BY * float(np.linalg.norm(high_mm - low_mm)) / 2.0, NEAREST_MM)
        self.look_from(FRONT, (low_mm + high_mm) / 2.0, radius)

    def reset_camera(self) -> None:
        """Show everything from the front."""
        self.touched = False
        self._aimed = bool(self.scene.layers) and self.width() > 8
        self.look_from(FRONT, *self.scene.bounds_mm())
        self._fit()

    def _fit(self) -> None:
        """Bring the eye so near that the scene just fits, with a margin for the words."""
        points = [layer.points[::7] for layer in self.scene.layers if not layer.flat]
        if not points:
            return
        right, up = self.screen_axes()
        towards = np.array(self.camera.GetDirectionOfProjection())
        focus = np.array(self.camera.GetFocalPoint())
        away = np.concatenate(points) - focus
        slope = np.tan(np.radians(VIEW_ANGLE_DEG / 2.0)) * 0.84
        aspect = self.width() / max(self.height(), 1)
        across = np.abs(away @ right) / (slope * aspect)
        needed = float(np.max(np.maximum(across, np.abs(away @ up) / slope) - away @ towards))
        self.camera.SetPosition(*(focus - towards * needed))
        self.follow_camera()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit again unless somebody has turned the organ."""
        super().resizeEvent(event)
        if self.scene.layers and not self.touched and self._own_camera:
            self.reset_camera()

    def share_camera(self, other: OrganView) -> None:
        """Look through another view's camera from now on."""
        self.renderer.SetActiveCamera(other.camera)
        self._own_camera = False
        self._aimed = True

    def set_plane(self, point: NDArray[Any] | None, normal: NDArray[Any] | None = None) -> None:
        """Show grips of a plane (LPS mm), or none."""
        self._plane = None
        if point is not None and normal is not None:
            unit = np.asarray(normal, dtype=np.float64)
            self._plane = (
                np.asarray(point, dtype=np.float64),
                unit / max(float(np.linalg.norm(unit)), 1e-12),
            )
        self.update()

    def grab_drag(self, point: QPointF) -> bool:
        """Take the drag when it starts on a grip, or is the hand's; with Ctrl it turns anyway."""
        turns = QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier
        self._held = self.hand.begun_3d(self, point) if self.hand and not turns else None
        if self._held is not None:
            return True
        self._grip, self._last = "", point
        for name, place in self._grips().items():
            if (self.to_screen(place) - point).manhattanLength() < 14:
                self._grip = name
        return bool(self._grip)

    def drag_to(self, point: QPointF) -> None:
        """Move or turn the plane, or go on with what the hand does."""
        if self._held is not None:
            self._held.move(point)
            self.update()
            return
        if self._plane is None:
            return
        centre, normal = self._plane
        moved = point - self._last
        self._last = point
        right, up = self.screen_axes()
        if self._grip == "centre":
            seen = np.array([normal @ right, normal @ up])
            length = float(seen @ seen)
            if length > 1e-3:
                along = (moved.x() * seen[0] - moved.y() * seen[1]) / length
                centre = centre + normal * along * self.mm_per_pixel(centre)
        else:
            tip = centre + normal * self._reach()
            tip = tip + (moved.x() * right - moved.y() * up) * self.mm_per_pixel(tip)
            normal = (tip - centre) / np.linalg.norm(tip - centre)
        self._plane = (centre, normal)
        self.plane_moved.emit(centre, normal)
        self.update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag."""
        super().mouseReleaseEvent(event)
        held, self._held = self._held, None
        if held is not None:
            held.end(event.position())
            self.update()

    def overlay(self, painter: QPainter) -> None:
        """Draw title, orientation marker, colour scale, key and grips."""
        box = QRectF(self.rect()).adjusted(10, 8, -10, -8)
        painter.setPen(QColor("#c9d3df"))
        painter.setFont(font(13, bold=True))
        flags = Qt.AlignmentFlag
        painter.drawText(box, flags.AlignLeft | flags.AlignTop, _headed(self.scene.title))
        if not self.scene.layers:
            painter.setPen(QColor("#5b6878"))
            painter.setFont(font(13))
            painter.drawText(self.rect(), flags.AlignCenter, self.empty_line)
            return
        self._draw_compass(painter)
        if self.scene.scale is not None:
            _draw_scale(painter, self.rect().toRectF(), self.scene.scale)
        self._draw_key(painter)
        self._draw_grips(painter)
        if self.hand is not None:
            self.hand.overlay_3d(painter, self)

    def _draw_key(self, painter: QPainter) -> None:
        painter.setFont(font(11))
        y = 32.0
        for layer in self.scene.layers:
            if not layer.caption:
                continue
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor.fromRgbF(*layer.colour))
            painter.drawRoundedRect(QRectF(11, y + 2, 9, 9), 2, 2)
            painter.setPen(QColor("#aab6c4"))
            painter.drawText(QPointF(26, y + 11), layer.caption)
            y += 17

    def _draw_compass(self, painter: QPainter) -> None:
        right, up = self.screen_axes()
        middle = QPointF(44, self.height() - 44)
        painter.setFont(font(11, bold=True))
        ends = []
        for axis in range(3):
            for side in (-1.0, 1.0):
                vector = np.eye(3)[axis] * side
                depth = float(np.cross(right, up) @ vector)
                tip = QPointF(float(vector @ right), -float(vector @ up)) * 24.0
                ends.append((depth, axis, int(side > 0), tip))
        for depth, axis, side, tip in sorted(ends, key=lambda end: end[0]):
            shade = QColor(AXIS_COLOURS[axis])
            shade.setAlphaF(0.35 + 0.65 * (depth + 1.0) / 2.0)
            painter.setPen(QPen(shade, 1.6))
            painter.drawLine(middle, middle + tip)
            place = middle + tip * 1.38
            painter.drawText(
                QRectF(place.x() - 9, place.y() - 9, 18, 18),
                Qt.AlignmentFlag.AlignCenter,
                LETTERS[axis][side],
            )

    def _reach(self) -> float:
        return 0.35 * self.scene.bounds_mm()[1]

    def _grips(self) -> dict[str, NDArray[np.float64]]:
        if self._plane is None:
            return {}
        centre, normal = self._plane
        return {"centre": centre, "tip": centre + normal * self._reach()}

    def _draw_grips(self, painter: QPainter) -> None:
        places = {name: self.to_screen(place) for name, place in self._grips().items()}
        if not places:
            return
        painter.setPen(QPen(QColor("#ffd479"), 2))
        painter.drawLine(places["centre"], places["tip"])
        painter.setBrush(QColor("#ffd479"))
        painter.setPen(QPen(QColor("#1b1405"), 1.2))
        painter.drawEllipse(places["centre"], 7, 7)
        painter.drawEllipse(places["tip"], 5, 5)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _headed(title: str) -> str:
    return title[:1].upper() + title[1:] if title else "3D"


def _draw_scale(painter: QPainter, box: QRectF, scale: Scale) -> None:
    height = min(180.0, box.height() * 0.5)
    bar = QRectF(box.right() - 24, box.center().y() - height / 2, 10, height)
    gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
    colours = scale.colours.tolist()
    for number, (red, green, blue) in enumerate(colours):
        gradient.setColorAt(number / (len(colours) - 1), QColor(red, green, blue))
    painter.fillRect(bar, gradient)
    painter.setFont(font(11))
    painter.setPen(QColor("#c9d3df"))
    flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    for part in (0.0, 0.5, 1.0):
        value = scale.low + part * (scale.high - scale.low)
        y = bar.bottom() - part * bar.height()
        painter.drawText(QRectF(bar.left() - 66, y - 8, 60, 16), flags, f"{value:.3g}")
    head = f"{scale.title}, {scale.unit}" if scale.unit != "1" else scale.title
    painter.drawText(QRectF(bar.right() - 240, bar.top() - 28, 240, 16), flags, head)
