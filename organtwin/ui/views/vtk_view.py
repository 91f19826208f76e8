"""VtkView: a VTK picture inside a Qt widget.

VTK renders off screen and the picture is painted by Qt. So there is no native child window: it
works the same on X11, Wayland and remote desktops, grabs and stacks like any widget, and text over
it is drawn by Qt. VTK is touched by the window's thread only.

The picture is drawn at a resolution that keeps a frame within `STILL_S` (`MOVING_S` while the
camera moves), measured on the frames before: full resolution on any graphics card, less on a
software renderer, so that the event loop is never held up for long.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, Final, override

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from organtwin.ui.theme import VIEWPORT, colour, font
from organtwin.ui.views.offscreen import new_window, picture_of

STILL_S: Final = 0.11
MOVING_S: Final = 0.05
VIEW_ANGLE_DEG: Final = 30.0


class VtkView(QWidget):
    """A renderer with a camera: left drag turns, middle or Shift drag moves, the wheel nears."""

    maximise_asked = Signal()
    camera_moved = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setAccessibleDescription("Arrow keys turn, plus and minus near, 0 resets")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._window: Any = None
        self._renderer: Any = None
        self._picture: QImage | None = None
        self._drag: tuple[Qt.MouseButton, QPointF] | None = None
        self._cost = 0.12
        self._moving = False
        self.touched = False
        self._wait = QTimer(self, singleShot=True, interval=0)
        self._wait.timeout.connect(self._render)
        self._rest = QTimer(self, singleShot=True, interval=220)
        self._rest.timeout.connect(self._come_to_rest)

    def sizeHint(self) -> QSize:
        """Return a preferred size."""
        return QSize(400, 320)

    def minimumSizeHint(self) -> QSize:
        """Return the least useful size."""
        return QSize(160, 120)

    @property
    def renderer(self) -> Any:
        """The vtkRenderer, made when first asked for."""
        if self._renderer is None:
            self._window, self._renderer = new_window()
        return self._renderer

    @property
    def camera(self) -> Any:
        """The vtkCamera."""
        return self.renderer.GetActiveCamera()

    @property
    def drawn(self) -> bool:
        """Whether the picture shows everything asked for."""
        return self._picture is not None and not (
            self._wait.isActive() or self._moving or self._rest.isActive()
        )

    def ask_draw(self) -> None:
        """Draw soon; several asks make one frame."""
        if self.isVisible() and not self._wait.isActive():
            self._wait.start()

    def look_from(self, direction: NDArray[Any], centre: NDArray[Any], radius_mm: float) -> None:
        """Put the eye in `direction` (LPS) of `centre` so that a ball of that radius fits."""
        away = np.asarray(direction, dtype=np.float64)
        away = away / np.linalg.norm(away)
        narrow = min(1.0, self.width() / max(self.height(), 1))
        distance = radius_mm / np.sin(np.radians(VIEW_ANGLE_DEG / 2.0)) / max(narrow, 0.3)
        self.camera.SetViewAngle(VIEW_ANGLE_DEG)
        self.camera.SetFocalPoint(*centre)
        self.camera.SetPosition(*(np.asarray(centre) + away * distance))
        self.camera.SetViewUp(0.0, 0.0, 1.0)
        self.follow_camera()
        self.camera_moved.emit()

    def to_screen(self, lps_mm: NDArray[Any]) -> QPointF:
        """Map LPS mm (3,) to widget coordinates."""
        aspect = self.width() / max(self.height(), 1)
        matrix = self.camera.GetCompositeProjectionTransformMatrix(aspect, -1.0, 1.0)
        x, y, _, w = matrix.MultiplyPoint((*map(float, lps_mm), 1.0))
        return QPointF((x / w + 1) / 2 * self.width(), (1 - y / w) / 2 * self.height())

    def to_focal_plane(self, point: QPointF) -> NDArray[np.float64]:
        """Map widget coordinates to LPS mm (3,) in the plane that the camera is focused on."""
        right, up = self.screen_axes()
        focus = np.array(self.camera.GetFocalPoint())
        away = point - QPointF(self.width() / 2, self.height() / 2)
        place: NDArray[np.float64] = away.x() * right - away.y() * up
        return focus + place * self.mm_per_pixel(focus)

    def mm_per_pixel(self, lps_mm: NDArray[Any]) -> float:
        """Return how many mm one pixel spans at the depth of a place (LPS mm)."""
        towards = np.array(self.camera.GetDirectionOfProjection())
        depth = float((np.asarray(lps_mm) - self.camera.GetPosition()) @ towards)
        height = 2.0 * depth * np.tan(np.radians(self.camera.GetViewAngle() / 2.0))
        return float(height) / max(self.height(), 1)

    def screen_axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the LPS unit vectors that point right and up on the screen."""
        matrix = self.camera.GetViewTransformMatrix()
        rows = np.array([[matrix.GetElement(i, j) for j in range(3)] for i in range(2)])
        return rows[0], rows[1]

    def overlay(self, painter: QPainter) -> None:
        """Draw words over the picture; a view says which."""

    def grab_drag(self, point: QPointF) -> bool:
        """Say whether a left drag from here belongs to something else than the camera."""
        del point
        return False

    def drag_to(self, point: QPointF) -> None:
        """Go on with a drag that `grab_drag` took."""

    def reset_camera(self) -> None:
        """Show everything; a view says how."""

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the last picture and what lies over it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(VIEWPORT))
        if self._picture is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(QRectF(self.rect()), self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(12))
        self.overlay(painter)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour("accent"), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw at the new size."""
        self.ask_draw()

    @override
    def showEvent(self, event: Any) -> None:
        """Draw when first seen."""
        self.ask_draw()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a drag."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        button = event.button()
        if button == Qt.MouseButton.LeftButton and self.grab_drag(event.position()):
            button = Qt.MouseButton.NoButton
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            button = Qt.MouseButton.MiddleButton
        self._drag = (button, event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn, move or near."""
        if self._drag is None:
            return
        button, last = self._drag
        moved = event.position() - last
        self._drag = (button, event.position())
        if button == Qt.MouseButton.NoButton:
            self.drag_to(event.position())
        elif button == Qt.MouseButton.LeftButton:
            self.turn(-moved.x() * 0.4, moved.y() * 0.4)
        elif button == Qt.MouseButton.MiddleButton:
            self._pan(moved)
        else:
            self._near(1.0 + moved.y() * 0.005)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag."""
        self._drag = None

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Ask for the whole space, or give it back."""
        self.maximise_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Near or far."""
        self._near(1.12 ** (event.angleDelta().y() / 120.0))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Turn and near from the keyboard."""
        turns = {
            Qt.Key.Key_Left: (10.0, 0.0),
            Qt.Key.Key_Right: (-10.0, 0.0),
            Qt.Key.Key_Up: (0.0, 10.0),
            Qt.Key.Key_Down: (0.0, -10.0),
        }
        if event.key() in turns:
            self.turn(*turns[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._near(1.15)
        elif event.key() == Qt.Key.Key_Minus:
            self._near(1 / 1.15)
        elif event.key() == Qt.Key.Key_0:
            self.reset_camera()
        elif event.key() == Qt.Key.Key_Return:
            self.maximise_asked.emit()
        else:
            super().keyPressEvent(event)

    def turn(self, azimuth_deg: float, elevation_deg: float) -> None:
        """Turn the camera about what it looks at."""
        self.camera.Azimuth(azimuth_deg)
        self.camera.Elevation(elevation_deg)
        self.camera.OrthogonalizeViewUp()
        self._camera_changed()

    def _pan(self, moved: QPointF) -> None:
        right, up = self.screen_axes()
        focus = np.array(self.camera.GetFocalPoint())
        shift = (-moved.x() * right + moved.y() * up) * self.mm_per_pixel(focus)
        self.camera.SetFocalPoint(*(focus + shift))
        self.camera.SetPosition(*(np.array(self.camera.GetPosition()) + shift))
        self._camera_changed()

    def _near(self, factor: float) -> None:
        self.camera.Dolly(min(max(factor, 0.2), 5.0))
        self._camera_changed()

    def _camera_changed(self) -> None:
        self.touched = True
        self.follow_camera()
        self.camera_moved.emit()

    def follow_camera(self) -> None:
        """Draw again because the camera, perhaps shared with another view, moved."""
        self._moving = True
        self._rest.start()
        self.ask_draw()

    def _come_to_rest(self) -> None:
        self._moving = False
        self.ask_draw()

    def _render(self) -> None:
        if self.width() < 8 or self.height() < 8 or not self.isVisible():
            return
        started = perf_counter()
        renderer = self.renderer
        area = self.width() * self.height() / 1e6
        allowed = np.sqrt((MOVING_S if self._moving else STILL_S) / (self._cost * area))
        scale = float(min(max(allowed, 0.4), self.devicePixelRatioF()))
        width, height = round(self.width() * scale), round(self.height() * scale)
        self._window.SetSize(width, height)
        renderer.ResetCameraClippingRange()
        self._window.Render()
        self._picture = picture_of(self._window, width, height)
        spent = (perf_counter() - started) / (width * height / 1e6)
        self._cost = 0.5 * self._cost + 0.5 * min(max(spent, 1e-3), 1.0)
        self.update()
