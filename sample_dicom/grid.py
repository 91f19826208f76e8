"""Regular grids in LPS mm and numbers sampled on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Grid:
    """Axis-aligned points origin_mm + index * spacing_mm, LPS mm, index (i, j, k)."""

    origin_mm: tuple[float, float, float]
    spacing_mm: tuple[float, float, float]
    shape: tuple[int, int, int]

    @staticmethod
    def around(
        low_mm: tuple[float, float, float],
        high_mm: tuple[float, float, float],
        spacing_mm: tuple[float, float, float],
    ) -> Grid:
        """The grid from low_mm that reaches at least high_mm."""
        counts = [
            int(np.ceil((h - lo) / s)) + 1
            for lo, h, s in zip(low_mm, high_mm, spacing_mm, strict=True)
        ]
        return Grid(low_mm, spacing_mm, (counts[0], counts[1], counts[2]))

    @property
    def voxel_ml(self) -> float:
        """Volume of one cell, mL."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    def axis(self, dimension: int) -> Floats:
        """Coordinates along one dimension, float32 (n,), mm."""
        steps = np.arange(self.shape[dimension], dtype=np.float64)
        line = self.origin_mm[dimension] + steps * self.spacing_mm[dimension]
        return line.astype(np.float32)

    def open_axes(self) -> tuple[Floats, Floats, Floats]:
        """Axes x (n,1,1), y (1,n,1), z (1,1,n) that broadcast to the grid, mm."""
        x, y, z = (self.axis(d) for d in range(3))
        return x[:, None, None], y[None, :, None], z[None, None, :]

    def points(self) -> Floats:
        """All points, float32 (3, ni, nj, nk), mm."""
        x, y, z = self.open_axes()
        return np.stack(np.broadcast_arrays(x, y, z)).astype(np.float32)

    def window(self, low_mm: Floats, high_mm: Floats) -> tuple[slice, slice, slice]:
        """Index slices that cover a box of LPS mm, clipped to the grid (may be empty)."""
        cuts = []
        for d in range(3):
            first = np.floor((low_mm[d] - self.origin_mm[d]) / self.spacing_mm[d])
            last = np.ceil((high_mm[d] - self.origin_mm[d]) / self.spacing_mm[d])
            start = int(np.clip(first, 0, self.shape[d]))
            cuts.append(slice(start, int(np.clip(last + 1, start, self.shape[d]))))
        return cuts[0], cuts[1], cuts[2]

    def part(self, window: tuple[slice, slice, slice]) -> Grid:
        """The sub-grid that a window cuts out."""
        starts = [w.start for w in window]
        counts = [w.stop - w.start for w in window]
        o, s = self.origin_mm, self.spacing_mm
        origin = tuple(o[d] + starts[d] * s[d] for d in range(3))
        return Grid((origin[0], origin[1], origin[2]), s, (counts[0], counts[1], counts[2]))


@dataclass(frozen=True)
class Field:
    """One number per point of a grid: values float32 (ni, nj, nk)."""

    grid: Grid
    values: Floats

    def at(self, points_mm: Floats, *, outside: float) -> Floats:
        """Trilinear values at points (3, ...), LPS mm; `outside` beyond the grid."""
        origin = np.asarray(self.grid.origin_mm, np.float32)
        spacing = np.asarray(self.grid.spacing_mm, np.float32)
        steps = (len(spacing),) + (1,) * (points_mm.ndim - 1)
        index = (points_mm - origin.reshape(steps)) / spacing.reshape(steps)
        found: Floats = ndimage.map_coordinates(
            self.values, index, order=1, mode="constant", cval=outside, output=np.float32
        )
        return found
