"""Ground: what a tool works on: the labels, the image, and places on their grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.core.boxes import Box, whole
from organtwin.core.canvas import Canvas
from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume, spacing_of
from organtwin.editing.asking import Asked

Places = NDArray[np.int64]
"""(n,) int64: voxels of the whole grid, counted in Fortran order, ascending, none twice."""
NOWHERE: Places = np.zeros(0, dtype=np.int64)
ORTHOGONAL = 1e-6
"""Largest cosine between axes at right angles (positions in DICOM have about six digits)."""


@dataclass(frozen=True, eq=False)
class Ground:
    """The labels and the image under a gesture.

    Args:
        canvas: whose labels are edited; a tool only reads it.
        volume: the image on the same grid, None where its values do not matter.
    """

    canvas: Canvas
    volume: Volume | None = None

    def __post_init__(self) -> None:
        """Raise BadArgument when image and labels lie on different grids."""
        if self.volume is not None and self.volume.voxels.shape != self.shape:
            raise BadArgument("the labels do not lie on this image's grid", where="labels")

    @property
    def labels(self) -> LabelMap:
        """The labels as they stand."""
        return self.canvas.labels

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along i, j, k."""
        return self.labels.labels.shape

    @property
    def affine(self) -> NDArray[np.float64]:
        """(4, 4) float64, index → LPS mm."""
        return self.labels.affine

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between voxel centres along i, j, k."""
        return spacing_of(self.affine)

    @property
    def upright(self) -> bool:
        """Whether the grid's axes are at right angles (to each other, not to the patient)."""
        axes = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        return bool(np.abs(axes.T @ axes - np.eye(3)).max() < ORTHOGONAL)

    def values(self, where: Places) -> NDArray[np.float64]:
        """Return (n,) values of the image in its unit; raises BadArgument when there is none."""
        if self.volume is None:
            raise BadArgument("an image is needed for a range of values", where="low, high")
        line = self.volume.voxels.reshape(-1, order="F")
        return np.asarray(line[where], dtype=np.float64)

    def allowed(self, asked: Asked, where: Places) -> NDArray[np.bool_]:
        """Return at which places the structure to stay inside and the range let work be done."""
        allowed = np.ones(where.size, dtype=bool)
        if asked.inside:
            allowed &= self.canvas.held(asked.inside, where)
        if asked.ranged:
            values = self.values(where)
            allowed &= values >= (-np.inf if asked.low is None else asked.low)
            allowed &= values <= (np.inf if asked.high is None else asked.high)
        return allowed

    def box_around(self, name: str, margin_mm: float = 0.0) -> Box:
        """Return the box of a structure with a margin on the grid; raises EmptyLabel."""
        wanted = np.zeros(256, dtype=np.uint8)
        wanted[[s.label for s in self.labels.inside(name)]] = 1
        across = np.zeros(self.shape[:2], dtype=np.uint8)
        along = np.zeros(self.shape[2], dtype=bool)
        for k in range(self.shape[2]):
            plane = wanted[self.labels.labels[:, :, k]]
            if plane.any():
                across |= plane
                along[k] = True
        used = [across.any(axis=1), across.any(axis=0), along]
        for below in self.labels.beneath:
            if wanted[below.label]:
                for axis, part in zip(used, below.box, strict=True):
                    axis[part] = True
        if not along.any():
            raise EmptyLabel(f"{name} has no voxels", where=name, advice="paint it first")
        return self._widened([np.flatnonzero(axis) for axis in used], margin_mm)

    def _widened(self, used: list[NDArray[np.intp]], margin_mm: float) -> Box:
        margins = index_reach(self.affine, margin_mm)
        i, j, k = (
            slice(max(int(axis[0]) - m, 0), min(int(axis[-1]) + 1 + m, n))
            for axis, m, n in zip(used, margins, self.shape, strict=True)
        )
        return i, j, k

    def everywhere(self) -> Box:
        """Return the box of the grid."""
        return whole(self.shape)

    def places(self, mask: NDArray[np.bool_], box: Box) -> Places:
        """Return the voxels of a box that are set in `mask`, which has the box's shape."""
        ni, nj, _ = self.shape
        i0, j0, k0 = (axis.start for axis in box)
        parts = [NOWHERE]
        for k in range(mask.shape[2]):  # a plane at a time: indices take eight times the mask
            j, i = np.divmod(np.flatnonzero(mask[:, :, k].ravel(order="F")), mask.shape[0])
            parts.append((i + i0) + ni * ((j + j0) + nj * (k + k0)))
        where: Places = np.concatenate(parts)
        return where

    def index(self, where: Places) -> NDArray[np.int64]:
        """Return (n, 3) int64: i, j, k of places."""
        rest, i = np.divmod(where, self.shape[0])
        k, j = np.divmod(rest, self.shape[1])
        return np.stack([i, j, k], axis=-1)


def index_reach(affine: NDArray[np.float64], reach_mm: float) -> tuple[int, int, int]:
    """Return how many index steps along i, j, k a ball of a radius in mm reaches, rounded up.

    The extent of a unit ball along an index axis is the length of that row of the inverse affine.
    """
    rows = np.linalg.norm(np.linalg.inv(affine[:3, :3]), axis=1)
    i, j, k = (int(np.ceil(reach_mm * row)) for row in rows)
    return i, j, k
