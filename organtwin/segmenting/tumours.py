"""Tumours darker than the organ's tissue: compact dark cores, bordered at half-maximum."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from organtwin.segmenting.boundary import round_level, smoothed
from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.morphology import (
    around,
    depth_mm,
    dilated,
    largest,
    opened,
    without_specks,
)
from organtwin.segmenting.parenchyma import Parenchyma

SMALLEST_DIAMETER_MM = 6.0
LEAST_ROUND = 0.55
LEAST_ENCLOSED = 0.6
FATTY_HU = -20.0
BLUR_MM = 1.0
SEARCH_BLUR_MM = 1.5
MOST_TUMOURS = 99


def tumours_in(tissue: Parenchyma) -> list[Flags]:
    """Find dark tumours, largest first, each (ni, nj, nk) bool.

    A dark part is taken for a tumour when it is at least 6 mm across, about as deep as wide, not
    fatty, and has the organ on most of its surface; fissures, bile ducts and the gallbladder's bed
    fail one of these.
    """
    residual = tissue.residual(SEARCH_BLUR_MM)
    dark = tissue.organ & (residual < -3.5 * tissue.noise(residual))
    dark &= depth_mm(tissue.organ, tissue.spacing_mm) > 2.5
    dark = opened(dark, 1.5, tissue.spacing_mm)
    voxel = float(np.prod(tissue.spacing_mm))
    dark = without_specks(dark, 0.25 * ball_mm3(SMALLEST_DIAMETER_MM) / voxel)
    parts, count = ndimage.label(dark)
    found = [bordered(tissue, parts == number) for number in range(1, count + 1)]
    kept = [mask for mask in found if _is_tumour(mask, tissue)]
    return sorted(_apart(kept), key=lambda mask: -int(mask.sum()))[:MOST_TUMOURS]


def bordered(tissue: Parenchyma, core: Flags, *, reach_mm: float | None = None) -> Flags:
    """Grow or shrink a tumour's core to the half-maximum surface around it, (ni, nj, nk) bool.

    The half-way level between core and tissue is lowered to where a blur leaves the surface of a
    round body (`round_level`), so that small tumours keep their volume.
    """
    if not core.any():
        return core
    radius = radius_mm(core, tissue.spacing_mm)
    reach = reach_mm if reach_mm is not None else max(4.0, 0.5 * radius)
    box = around(core, 4.0 * reach, tissue.spacing_mm)
    part = Parenchyma(tissue.hu[box], tissue.organ[box], tissue.level[box], tissue.spacing_mm)
    mask = core[box]
    near = part.organ & dilated(mask, reach, part.spacing_mm)
    residual = part.residual(BLUR_MM)
    blur = math.sqrt(BLUR_MM**2 + float(np.mean(np.square(part.spacing_mm))) / 12.0)
    for _ in range(3):
        depth = depth_mm(mask, part.spacing_mm)
        deep = depth >= 0.5 * depth.max()
        contrast = float(np.mean(residual[deep]))
        level = contrast * round_level(radius_mm(mask, part.spacing_mm), blur)
        grown = near & (residual < level) if level < 0 else near & (residual > level)
        grown = largest(grown, mask)
        if not grown.any():
            break
        mask = smoothed(ndimage.binary_fill_holes(grown), BLUR_MM, part.spacing_mm) & near
    whole = np.zeros_like(core)
    whole[box] = largest(mask)
    return whole


def _is_tumour(mask: Flags, tissue: Parenchyma) -> bool:
    radius = radius_mm(mask, tissue.spacing_mm)
    if 2.0 * radius < SMALLEST_DIAMETER_MM:
        return False
    depth = depth_mm(mask, tissue.spacing_mm)
    rim = ndimage.binary_dilation(mask, iterations=2) & ~mask
    plain = tissue.organ & (tissue.hu > FATTY_HU)
    return bool(
        depth.max() >= LEAST_ROUND * radius
        and np.median(tissue.hu[mask]) > FATTY_HU
        and plain[rim].mean() >= LEAST_ENCLOSED
    )


def _apart(masks: list[Flags]) -> list[Flags]:
    """Merge masks that grew into each other."""
    if not masks:
        return []
    parts, count = ndimage.label(np.logical_or.reduce(masks))
    return [parts == number for number in range(1, count + 1)]


def ball_mm3(diameter_mm: float) -> float:
    """Volume of a ball, mm³."""
    return math.pi / 6.0 * diameter_mm**3


def radius_mm(mask: Flags, spacing_mm: Spacing) -> float:
    """Radius of the ball of equal volume, mm."""
    volume = float(mask.sum()) * float(np.prod(spacing_mm))
    return float((0.75 * volume / math.pi) ** (1.0 / 3.0))


__all__ = ["Floats", "ball_mm3", "bordered", "radius_mm", "tumours_in"]
