"""Blend: the image of another visit, sampled into a view's plane, laid over its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from scipy import ndimage

from organtwin.core.errors import OrganTwinError
from organtwin.core.volume import Volume, to_index
from organtwin.ui.views.framing import Frame
from organtwin.ui.views.greys import veil_image
from organtwin.ui.views.linking import Link
from organtwin.ui.views.reslicing import Raster

if TYPE_CHECKING:
    from organtwin.ui.views.slice_view import SliceView

LATTICE: Final = 8
"""The link is followed at every 8th sample and taken as linear between: it is smooth."""
MOVING_SAMPLES: Final = 40_000
RESTING_SAMPLES: Final = 400_000


@dataclass(eq=False)
class Blend:
    """One other visit's image over the views of the first.

    Args:
        window: centre and width for the other image, in its own unit.
        opacity: 0 shows the first image only, 1 the other only.
        swipe: the part of the width right of which the other image lies; None for everywhere.
    """

    volume: Volume
    link: Link
    window: tuple[float, float]
    opacity: float = 0.5
    swipe: float | None = None
    _kept: dict[int, tuple[Any, QImage]] = field(default_factory=dict)

    def key(self) -> tuple[Any, ...]:
        """Return what its look depends on."""
        return (id(self), self.window, self.opacity, self.swipe)

    def draw(self, painter: QPainter, view: SliceView) -> None:
        """Draw the other image over what the view shows."""
        raster = view.picture.raster(MOVING_SAMPLES if view.moving else RESTING_SAMPLES)
        key = (view.plane, view.frame(), raster, self.window)
        kept = self._kept.get(id(view))
        if kept is None or kept[0] != key:
            kept = (key, self._image(view.frame(), raster))
            self._kept[id(view)] = kept
        columns, rows = raster.size
        coarse = raster.step_mm * view.scale()
        painter.save()
        if self.swipe is not None:
            x = self.swipe * view.width()
            painter.setClipRect(QRectF(x, 0.0, view.width() - x, view.height()))
        painter.setOpacity(self.opacity if self.swipe is None else 1.0)
        painter.drawImage(QRectF(0, 0, columns * coarse, rows * coarse), kept[1])
        painter.restore()
        if self.swipe is not None:
            painter.setPen(QPen(QColor("#ffd479"), 1.5))
            painter.drawLine(round(x), 0, round(x), view.height())

    def _image(self, frame: Frame, raster: Raster) -> QImage:
        values, inside = sampled(self.volume, self.link, frame, raster)
        return veil_image(values, self.window, inside, inverted=self.volume.inverted)


def sampled(
    volume: Volume, link: Link, frame: Frame, raster: Raster
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return values (rows, columns) of another visit in a plane, and where it has any.

    Trilinear in the other visit's own voxels, at the places the link leads to.
    """
    columns, rows = raster.size
    shape = np.array(volume.voxels.shape)
    try:
        index = _followed(volume, link, frame, raster)
    except OrganTwinError:
        return np.zeros((rows, columns), np.float32), np.zeros((rows, columns), dtype=bool)
    inside = ((index >= -0.5) & (index <= shape - 0.5)).all(axis=-1)
    values = np.zeros((rows, columns), np.float32)
    values[inside] = ndimage.map_coordinates(
        volume.voxels, index[inside].T, output=np.float32, order=1, mode="nearest", prefilter=False
    )
    return values, inside


def _followed(volume: Volume, link: Link, frame: Frame, raster: Raster) -> NDArray[np.float64]:
    """Return the other image's continuous index (rows, columns, 3) of each sample."""
    columns, rows = raster.size
    u, right = _nodes(columns)
    v, down = _nodes(rows)
    flat = np.empty((len(v), len(u), 3))
    flat[..., 0] = raster.left_mm + raster.step_mm * u
    flat[..., 1] = (raster.top_mm + raster.step_mm * v)[:, None]
    flat[..., 2] = raster.depth_mm
    found = to_index(volume.affine, link.there(frame.place_mm(flat)))
    result: NDArray[np.float64] = np.einsum("rv,vuc,su->rsc", down, found, right, optimize=True)
    return result


def _nodes(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes over 0..count-1 and (count, nodes) the weights of linear interpolation."""
    nodes = np.linspace(0.0, count - 1.0, max(2, -(-count // LATTICE) + 1))
    apart = nodes[1] - nodes[0]
    away = np.abs(np.arange(count)[:, None] - nodes[None, :]) / apart
    return nodes, np.maximum(0.0, 1.0 - away)
