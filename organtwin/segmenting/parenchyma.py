"""What the organ's own tissue looks like, place by place: the level all else is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.morphology import Box, blurred, local_mean

REACH_MM = 20.0


@dataclass(frozen=True)
class Parenchyma:
    """An organ in its image, without vessels and tumours.

    Args:
        hu: (ni, nj, nk) float32 HU.
        organ: the whole organ.
        level: (ni, nj, nk) float32 HU of plain tissue near each voxel.
        spacing_mm: voxel size.
    """

    hu: Floats
    organ: Flags
    level: Floats
    spacing_mm: Spacing

    def within(self, box: Box) -> Parenchyma:
        """The part of it in a box."""
        return Parenchyma(self.hu[box], self.organ[box], self.level[box], self.spacing_mm)

    def residual(self, sigma_mm: float) -> Floats:
        """The image blurred by sigma_mm less the level, HU."""
        found: Floats = blurred(self.hu, sigma_mm, self.spacing_mm) - self.level
        return found

    def noise(self, residual: Floats) -> float:
        """Robust sd of a residual in the organ: 1.4826 times its median absolute deviation."""
        values = residual[self.organ]
        return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def parenchyma_of(hu: Floats, organ: Flags, spacing_mm: Spacing) -> Parenchyma:
    """Measure the level of plain tissue: what lies within two sd of its own mean."""
    even = blurred(hu, 1.5, spacing_mm)
    level: Floats = np.full(hu.shape, np.median(even[organ]), np.float32)
    for _ in range(2):
        away = even - level
        sd = 1.4826 * float(np.median(np.abs(away[organ])))
        level = local_mean(even, organ & (np.abs(away) < 2.0 * sd), REACH_MM, spacing_mm)
    return Parenchyma(hu, organ, level, spacing_mm)
