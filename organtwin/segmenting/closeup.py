"""An organ seen close: its part of the image in patient axes, on voxels of about 1.2 mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.core.volume import Volume, to_index
from organtwin.segmenting.boundary import signed_mm
from organtwin.segmenting.coarse import (
    Factors,
    block_mean,
    coarse_spacing,
    factors_for,
    refined,
)
from organtwin.segmenting.frame import Flags, Floats, Frame, Spacing, frame_of
from organtwin.segmenting.morphology import Box, around

FINE_MM = 1.2
MARGIN_MM = 25.0


@dataclass(frozen=True)
class Grid:
    """The image on voxels of about 1.2 mm, never finer than its own.

    Args:
        volume: the image as it came.
        frame: how its axes lie in the patient.
        factors: its voxels in one of this grid.
        image: (ni, nj, nk) float32 block means, axes L, P, S.
        spacing_mm: of this grid.
    """

    volume: Volume
    frame: Frame
    factors: Factors
    image: Floats
    spacing_mm: Spacing

    @staticmethod
    def of(volume: Volume) -> Grid:
        """Return the grid of an image."""
        frame = frame_of(volume.affine)
        factors = factors_for(frame.spacing_mm, FINE_MM)
        image = block_mean(np.ascontiguousarray(frame.turned(volume.voxels)), factors)
        return Grid(volume, frame, factors, image, coarse_spacing(frame.spacing_mm, factors))

    def around(self, mask: Flags) -> Box:
        """The box of a mask on this grid with a margin of 25 mm."""
        return around(mask, MARGIN_MM, self.spacing_mm)

    def on(self, mask: Flags) -> Flags:
        """A mask on the volume's own voxels, here: at least half of each block."""
        turned = np.ascontiguousarray(self.frame.turned(mask))
        return turned if self.factors == (1, 1, 1) else block_mean(turned, self.factors) >= 0.5

    def back(self, mask: Flags, box: Box) -> Flags:
        """A mask in a box of this grid, on the volume's own voxels and axes."""
        whole = np.zeros(self.image.shape, bool)
        whole[box] = mask
        if self.factors != (1, 1, 1):
            i, j, k = (float(f) for f in self.factors)
            turned = tuple(self.volume.voxels.shape[axis] for axis in self.frame.order)
            whole = refined(signed_mm(whole, (i, j, k)), self.factors, turned) < 0.0
        return self.frame.back(whole)

    def voxels(self, places_mm: NDArray[np.float64], box: Box) -> Flags:
        """Voxels of a box that hold points (n, 3) LPS mm; points outside it hold none."""
        shape = self.volume.voxels.shape
        index = np.rint(to_index(self.volume.affine, places_mm)).astype(np.int64)
        index = index[((index >= 0) & (index < shape)).all(axis=1)]
        inside = np.zeros(self.image[box].shape, bool)
        for i, j, k in index.tolist():
            place = self.frame.place((i, j, k), shape)
            here = [
                n // f - (s.start or 0) for n, f, s in zip(place, self.factors, box, strict=True)
            ]
            if all(0 <= n < size for n, size in zip(here, inside.shape, strict=True)):
                inside[tuple(here)] = True
        return inside
