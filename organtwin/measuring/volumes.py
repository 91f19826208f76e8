"""Volume by two methods that can be wrong in different ways: counted voxels, enclosed surface."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.volume import voxel_ml_of
from organtwin.measuring.surfaces import box_of, shell_of

LARGEST_PERCENT: Final = 1.0
"""How far the two may differ before it is said: what a mesh of the structure may be off by, too."""
FEW_VOXELS: Final = 270
"""A ball of 4 voxels radius: how the grid lies changes the volume of a smaller one by 2 % and more
(standard deviation over all shifts, measured)."""
THIN_VOXELS: Final = 5.0


@dataclass(frozen=True)
class TwoVolumes:
    """A volume found twice.

    Args:
        voxels_ml: voxels times the volume of one.
        surface_ml: enclosed by the surface through its border (see `surfaces`).
        voxels: how many there are.
        cut: it reaches the end of the grid; what lies beyond is in neither.
        reason: why the two differ by more than 1 %, "" where they do not.
    """

    voxels_ml: float
    surface_ml: float
    voxels: int
    cut: bool
    reason: str = ""

    @property
    def difference_percent(self) -> float:
        """The surface's volume against that of the voxels."""
        return 100.0 * (self.surface_ml / self.voxels_ml - 1.0)

    @property
    def flag(self) -> str:
        """Both numbers and why they differ by more than 1 %; "" where they do not."""
        if not self.reason:
            return ""
        return (
            f"{self.voxels_ml:.4g} mL by voxels but {self.surface_ml:.4g} mL by surface "
            f"({self.difference_percent:+.2f} %): {self.reason}"
        )


def volume_of(mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> TwoVolumes:
    """Return the volume of a mask (ni, nj, nk) bool on a grid (4, 4), index → LPS mm.

    Raises:
        EmptyLabel: the mask has no voxels.
    """
    box = box_of(mask)
    count = int(np.count_nonzero(mask[box]))
    found = TwoVolumes(
        voxels_ml=count * voxel_ml_of(affine),
        surface_ml=shell_of(mask, affine).volume_ml,
        voxels=count,
        cut=any(c.start == 0 or c.stop == n for c, n in zip(box, mask.shape, strict=True)),
    )
    if abs(found.difference_percent) <= LARGEST_PERCENT:
        return found
    return replace(found, reason=_reason(count, mask[box]))


def _reason(count: int, mask: NDArray[np.bool_]) -> str:
    if count < FEW_VOXELS:
        return f"small, only {count} voxel{'s' * (count != 1)}"
    thick = _thickest_voxels(mask)
    if thick < THIN_VOXELS:
        return f"thin, nowhere more than {thick:.1f} voxels thick"
    return "rough, or with parts about one voxel thin"


def _thickest_voxels(mask: NDArray[np.bool_]) -> float:
    """Return the diameter in voxels of the largest ball inside: twice the deepest centre, less one.

    A centre in a layer one voxel thick is 1 from the nearest outside.
    """
    return 2.0 * float(ndimage.distance_transform_edt(np.pad(mask, 1)).max()) - 1.0
