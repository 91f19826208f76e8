"""Picture: greys and structures of one view, kept until something of them changes."""

from __future__ import annotations

from collections import OrderedDict
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPixmap, QTransform

from organtwin.ui.theme import VIEWPORT
from organtwin.ui.views.contours import outlines
from organtwin.ui.views.greys import grey_image
from organtwin.ui.views.reslicing import Raster, Reslicer
from organtwin.ui.views.slicing import AXES

if TYPE_CHECKING:
    from organtwin.ui.views.slice_view import SliceView

KEPT_OUTLINES: Final = 64
SMALL_PIXELS: Final = 0.75
"""A voxel drawn smaller than that many pixels: every second one is enough for large borders."""
MOVING_SAMPLES: Final = (20_000, 200_000)
MOVING_S: Final = 0.008
"""While something moves, an oblique cut has as many samples as are drawn in that time."""
RESTING_SAMPLES: Final = 2_000_000
Outlines = list[tuple[str, QPainterPath]]
Ends = tuple[NDArray[np.float64], NDArray[np.float64]]


class Picture:
    """Draws a SliceView's image with its structures; what did not change is not drawn again."""

    def __init__(self, view: SliceView) -> None:
        self._view = view
        self._pixmap: tuple[Any, QPixmap] | None = None
        self._image: tuple[Any, QImage] | None = None
        self._cut: tuple[Any, QImage, float] | None = None
        self._affordable = 60_000
        self._plate: tuple[int, NDArray[Any]] | None = None
        self._outlines: OrderedDict[tuple[int, bool], Outlines] = OrderedDict()
        self._sampled: tuple[Any, NDArray[Any]] | None = None
        self._stale: list[Ends] = []
        self._shown: tuple[Any, Any] = (None, None)

    def draw(self, painter: QPainter) -> None:
        """Draw."""
        view = self._view
        self._forget_old()
        key = self._key()
        if self._pixmap is None or self._pixmap[0] != key:
            ratio = view.devicePixelRatioF()
            pixmap = QPixmap(round(view.width() * ratio), round(view.height() * ratio))
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(QColor(VIEWPORT))
            inner = QPainter(pixmap)
            inner.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            began = perf_counter()
            if view.viewing.oblique is None:
                self._draw_slice(inner)
            else:
                self._draw_cut(inner)
                self._learn(perf_counter() - began)
            inner.end()
            self._pixmap = (key, pixmap)
        painter.drawPixmap(0, 0, self._pixmap[1])

    def forget(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        """Draw anew where structures changed: from the lowest to the highest canonical index."""
        through = AXES[self._view.plane][2]
        first, last = int(low[through]), int(high[through])
        for key in [k for k in self._outlines if first <= k[0] <= last]:
            del self._outlines[key]
        if self._view.viewing.oblique is None:
            self._sampled = None
        else:
            self._stale.append((low, high))
        if self._view.viewing.oblique is not None or first <= self._view.number <= last:
            self._pixmap = None

    def _learn(self, took_s: float) -> None:
        """Fit the number of samples to how fast this machine draws them just now."""
        if self._view.moving:
            ratio = float(np.clip(MOVING_S / took_s, 0.5, 1.3))
            self._affordable = int(np.clip(self._affordable * ratio, *MOVING_SAMPLES))

    def slice_transform(self) -> QTransform:
        """Return slice pixels → widget, for slices along the voxels."""
        view = self._view
        grid, frame = view.grid(), view.frame()
        across, down, _ = AXES[view.plane]
        first = np.zeros(3)
        if down == 2:
            first[2] = grid.array.shape[2] - 1
        corner = view.on_screen(frame.flat(grid.position_mm(first)))
        wide, tall = (float(s) * view.scale() for s in grid.spacing_mm[[across, down]])
        return QTransform(wide, 0, 0, tall, corner.x() - 0.5 * wide, corner.y() - 0.5 * tall)

    def outlines(self) -> Outlines:
        """Return (structure, border in slice pixels) of the slice shown along the voxels."""
        view = self._view
        labels = view.viewing.labels
        if labels is None or labels.array.shape != view.grid().array.shape:
            return []
        small = view.scale() * float(view.grid().spacing_mm.max()) < SMALL_PIXELS
        key = (view.number, small)
        if key not in self._outlines:
            if len(self._outlines) >= KEPT_OUTLINES:
                self._outlines.popitem(last=False)
            plate = labels.slice(view.plane, view.number)
            self._outlines[key] = outlines(plate, view.viewing.structures, coarse=small)
        return self._outlines[key]

    def raster(self, samples: int, least_mm: float = 0.0) -> Raster:
        """Return where the view's plane is sampled: each pixel, or at most `samples` in all, or as
        far apart as `least_mm`.
        """
        view = self._view
        pixels = view.width() * view.height()
        coarse = max(1.0, float(np.sqrt(pixels / samples)), least_mm * view.scale())
        scale = view.scale()
        size = (
            max(2, int(np.ceil(view.width() / coarse))),
            max(2, int(np.ceil(view.height() / coarse))),
        )
        left, top, _ = view.flat_at(QPointF(coarse / 2.0, coarse / 2.0))
        return Raster(float(left), float(top), coarse / scale, size, view.depth_mm())

    def _key(self) -> tuple[Any, ...]:
        view = self._view
        viewing = view.viewing
        place = (view.shift.x(), view.shift.y(), view.zoom, view.width(), view.height())
        look: tuple[Any, ...] = (viewing.window, viewing.fill, viewing.hidden)
        look = (*look, view.devicePixelRatioF(), view.veil.key() if view.veil is not None else ())
        if viewing.oblique is None:
            return (view.number, view.moving, *place, *look)
        cut = (view.frame(), round(view.depth_mm(), 6), viewing.slab, view.moving)
        return (*cut, *place, *look)

    def _forget_old(self) -> None:
        shown = (self._view.viewing.volume, self._view.viewing.labels)
        if shown[0] is not self._shown[0] or shown[1] is not self._shown[1]:
            self._outlines.clear()
            self._image = self._pixmap = self._plate = self._cut = self._sampled = None
            self._shown = shown

    def _draw_slice(self, painter: QPainter) -> None:
        view = self._view
        key = (view.number, view.viewing.window)
        if self._image is None or self._image[0] != key:
            self._image = (key, self._grey(self._values(view.number)))
        image = self._image[1]
        transform = self.slice_transform()
        painter.setTransform(transform)
        painter.drawImage(QRectF(0, 0, image.width(), image.height()), image)
        painter.resetTransform()
        self._draw_veil(painter)
        self._draw_structures(painter, self.outlines(), transform)

    def _grey(self, plate: NDArray[Any]) -> QImage:
        viewing = self._view.viewing
        return grey_image(plate, viewing.window, inverted=viewing.inverted)

    def _values(self, number: int) -> NDArray[Any]:
        """Return a slice in one piece; gathering it across memory is what takes time."""
        if self._plate is None or self._plate[0] != number:
            plate = self._view.grid().slice(self._view.plane, number)
            self._plate = (number, np.ascontiguousarray(plate))
        return self._plate[1]

    def _draw_cut(self, painter: QPainter) -> None:
        view = self._view
        viewing = view.viewing
        limit = self._affordable if view.moving else RESTING_SAMPLES
        values, labels = viewing.reslicers()
        if values is None:
            return
        key = self._key()
        if self._cut is None or self._cut[0] != key:
            raster = self.raster(limit // viewing.planes_of_slab())
            plate = values.sample(view.frame(), raster, viewing.slab)
            self._cut = (key, self._grey(plate), raster.step_mm * view.scale())
        _, image, coarse = self._cut
        size = QRectF(0, 0, image.width() * coarse, image.height() * coarse)
        painter.drawImage(size, image)
        self._draw_veil(painter)
        if labels is not None:
            # A sample a voxel, so that borders are smoothed like those along the voxels.
            raster = self.raster(limit // 2, float(view.grid().spacing_mm.min()))
            coarse = raster.step_mm * view.scale()
            found = outlines(self._names(labels, raster), viewing.structures)
            self._draw_structures(painter, found, QTransform.fromScale(coarse, coarse))

    def _names(self, labels: Reslicer, raster: Raster) -> NDArray[Any]:
        """Return labels sampled in the view's plane; again only where they changed."""
        frame, grid, stale = self._view.frame(), self._view.viewing.labels, self._stale
        key, self._stale = (frame, raster), []
        if self._sampled is None or self._sampled[0] != key or grid is None:
            self._sampled = (key, labels.sample(frame, raster))
            return self._sampled[1]
        plate = self._sampled[1]
        for low, high in stale:
            ends = np.stack([low - 1.0, high + 1.0])
            corners = ends[[*np.ndindex(2, 2, 2)], [0, 1, 2]]
            part = raster.part(frame.flat(grid.position_mm(corners)))
            if part is not None:
                rows, columns, smaller = part
                plate[rows, columns] = labels.sample(frame, smaller)
        return plate

    def _draw_veil(self, painter: QPainter) -> None:
        if self._view.veil is not None:
            self._view.veil.draw(painter, self._view)

    def _draw_structures(self, painter: QPainter, found: Outlines, transform: QTransform) -> None:
        """Fill and outline structures."""
        viewing = self._view.viewing
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = viewing.colours()
        outermost = {s.name for s in viewing.structures if not s.within}
        for name, path in found:
            if name not in colours:
                continue
            shade = QColor.fromRgbF(*colours[name])
            drawn = transform.map(path)
            inside = QColor(shade)
            inside.setAlphaF(viewing.fill * (0.35 if name in outermost else 1.0))
            painter.fillPath(drawn, inside)
            painter.strokePath(drawn, QPen(shade.lighter(125), 1.4))
