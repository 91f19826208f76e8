"""The image's values inside a structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.volume import spacing_of
from organtwin.measuring.surfaces import box_of


@dataclass(frozen=True)
class Statistics:
    """What the voxels of a structure say, in the image's unit.

    Args:
        unit: "HU" for CT, "1" where arbitrary.
        count: voxels looked at.
        sd: standard deviation with n − 1, None for a single voxel.
        low, high: 5th and 95th percentile (linear between order statistics).
        inset_mm: how far from the border voxels were left out.
        left_out: voxels whose value is no finite number.
    """

    unit: str
    count: int
    mean: float
    sd: float | None
    median: float
    low: float
    high: float
    least: float
    most: float
    inset_mm: float = 0.0
    left_out: int = 0


def statistics_of(
    voxels: NDArray[Any],
    mask: NDArray[np.bool_],
    affine: NDArray[np.float64],
    *,
    unit: str,
    inset_mm: float = 0.0,
) -> Statistics:
    """Return the statistics of an image (ni, nj, nk) where a mask of its shape is set.

    Args:
        affine: (4, 4), index → LPS mm.
        inset_mm: voxels whose centre lies this near, or nearer, to the centre of one outside are
            left out (what several tissues share); 0 takes all. Axes are taken as orthogonal.

    Raises:
        EmptyLabel: no voxel, none that deep, or none with a finite value.
        BadArgument: the grids differ, or a negative inset.
    """
    if voxels.shape != mask.shape:
        raise BadArgument("the image and the labels lie on different grids", where="statistics")
    if not inset_mm >= 0.0:
        raise BadArgument(f"an inset of {inset_mm:g} mm", where="statistics", advice="0 or more")
    box = box_of(mask)
    chosen = mask[box]
    if inset_mm > 0.0:
        chosen = _inner(chosen, spacing_of(affine), inset_mm)
    values = voxels[box][chosen].astype(np.float64)
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        raise EmptyLabel(
            f"no voxel with a value lies more than {inset_mm:g} mm inside",
            where="statistics",
            advice="choose a smaller inset",
        )
    low, median, high = np.percentile(finite, (5.0, 50.0, 95.0))
    return Statistics(
        unit=unit,
        count=len(finite),
        mean=float(finite.mean()),
        sd=float(finite.std(ddof=1)) if len(finite) > 1 else None,
        median=float(median),
        low=float(low),
        high=float(high),
        least=float(finite.min()),
        most=float(finite.max()),
        inset_mm=inset_mm,
        left_out=len(values) - len(finite),
    )


def _inner(
    mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float], inset_mm: float
) -> NDArray[np.bool_]:
    deep = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing_mm)
    result: NDArray[np.bool_] = deep[1:-1, 1:-1, 1:-1] > inset_mm
    return result
