"""One tumour's border around a place, in any modality: half way between it and its surroundings.

Three kinds are told by what lies at the place and in the rim of its ball: even (one side of the
surroundings' brightness throughout), ring-shaped (a rim on the other side of it than the core, or a
core like the surroundings: enhancing rim, necrosis), and what shows no contrast at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.morphology import blurred, closed, dilated, largest
from organtwin.segmenting.parenchyma import Parenchyma
from organtwin.segmenting.tumours import bordered, contrast_of

BEYOND_MM = 8.0
BLUR_MM = 1.5
CORE_SHARE = 0.2
RIM = (0.34, 0.5)
"""Distances from the middle, in diameters, between which a rim lies."""
BULGE = 0.55
"""Within so many diameters of its middle a tumour may lie outside the organ as labelled."""
LEAST_SDS = 2.0
BRIDGE_MM = 3.0
MAIN = 0.3
FAR = 3.0
"""Times the core's contrast: nothing so far past it is the tumour outside the organ."""


@dataclass(frozen=True)
class Lesion:
    """The image around a tumour, arrays (ni, nj, nk).

    Args:
        image: float32, any unit.
        organ: bool, the organ, or all where it is unknown.
        taken: bool, voxels of other tumours.
        away_mm, from_click_mm: float32, distance to the tumour's middle and to the place clicked.
        diameter_mm: longest diameter.
        reach_mm: how far from its middle the tumour may reach.
    """

    image: Floats
    organ: Flags
    taken: Flags
    away_mm: Floats
    from_click_mm: Floats
    diameter_mm: float
    reach_mm: float
    spacing_mm: Spacing


def outlined(lesion: Lesion) -> Flags | None:
    """Return the tumour's voxels, or None when nothing there differs from its surroundings."""
    even = blurred(lesion.image, BLUR_MM, lesion.spacing_mm)
    around = lesion.organ & ~lesion.taken & (lesion.away_mm > lesion.reach_mm + 2.0)
    around &= lesion.away_mm < 2.0 * lesion.reach_mm + BEYOND_MM
    if not around.any():
        return None
    level, spread = _main(even[around])
    core_mm = max(CORE_SHARE * lesion.diameter_mm, 1.1 * max(lesion.spacing_mm))
    core = (lesion.from_click_mm <= core_mm) & ~lesion.taken
    rim = _rim(lesion)
    if not core.any():
        return None
    contrast = float(np.median(even[core])) - level
    at_rim = float(np.median(even[rim])) - level if rim.any() else 0.0
    least = max(LEAST_SDS * spread, 1e-3)
    ring = abs(at_rim) > least and (abs(contrast) <= least or contrast * at_rim < 0.0)
    if not ring and abs(contrast) <= least:
        return None
    ball = lesion.away_mm <= lesion.reach_mm
    near = (ball & lesion.organ) | (lesion.away_mm <= BULGE * lesion.diameter_mm) | core
    past = _beyond(lesion, even, level=level, contrast=at_rim if ring else contrast)
    near &= ~lesion.taken & ~past
    if ring:
        image, mask = _filled(lesion, even, near, at_rim, level=level)
    else:
        image, mask = lesion.image, largest(near & ((even - level) / contrast > 0.5), core)
    if not mask.any():
        return None
    levels = np.full(image.shape, level, np.float32)
    tissue = Parenchyma(image, lesion.organ & ~lesion.taken | near, levels, lesion.spacing_mm)
    beside_fat = bool((dilated(mask, BLUR_MM, lesion.spacing_mm) & past).any())
    full = (at_rim if ring else contrast) if beside_fat else contrast_of(tissue, mask)
    found = bordered(Parenchyma(image, near, levels, lesion.spacing_mm), mask, contrast=full)
    return found if found.any() else None


def _beyond(lesion: Lesion, even: Floats, *, level: float, contrast: float) -> Flags:
    """What is outside the organ and past half way from the tumour to what lies there (fat, air).

    Fat beside a dark tumour is darker still, so that the tissue's level alone does not bound it.
    """
    known = not lesion.organ.all()
    outside = ~lesion.organ if known else np.ones_like(lesion.organ)
    share = (even - np.float32(level)) / np.float32(contrast if contrast else 1.0)
    around = outside & (lesion.away_mm > BULGE * lesion.diameter_mm)
    around &= lesion.away_mm < lesion.reach_mm + BEYOND_MM
    limit = FAR
    if known and around.any():
        there = float(np.median(share[around]))
        limit = min(FAR, 0.5 * (1.0 + there)) if there > 1.0 else FAR
    past: Flags = outside & (share > limit)
    return past


def _rim(lesion: Lesion) -> Flags:
    """The outer shell of the tumour's ball."""
    low, high = (share * lesion.diameter_mm for share in RIM)
    shell: Flags = (lesion.away_mm > low) & (lesion.away_mm <= high) & lesion.organ & ~lesion.taken
    return shell


def _filled(
    lesion: Lesion, even: Floats, near: Flags, at_rim: float, *, level: float
) -> tuple[Floats, Flags]:
    """A ring-shaped tumour: the image with its inside as bright as its rim, and both as a mask."""
    ring = near & ((even - level) / at_rim > 0.5)
    inside = lesion.away_mm <= RIM[0] * lesion.diameter_mm
    whole = closed(ring | (inside & near), BRIDGE_MM, lesion.spacing_mm) & near
    mask = largest(ndimage.binary_fill_holes(whole), inside)
    deep = mask & ~ndimage.binary_dilation(~mask, iterations=2) & ~ring
    image = np.where(deep | (inside & mask & ~ring), np.float32(level + at_rim), lesion.image)
    return image.astype(np.float32), mask


def _main(values: Floats) -> tuple[float, float]:
    """Level and robust sd of the main tissue around: the shortest interval with 30 % of the values.

    As the shortest half (Andrews et al. 1972), but up to 70 % of the values may belong to something
    else (vessels, fat, other organs) as long as they are spread wider. 30 % of a normal
    distribution lie within 0.385 sd of its middle.
    """
    ordered = np.sort(values[:: max(1, values.size // 20_000)])
    count = max(1, int(MAIN * ordered.size))
    widths = ordered[count:] - ordered[: ordered.size - count]
    first = int(np.argmin(widths)) if widths.size else 0
    inside = ordered[first : first + count + 1]
    return float(np.median(inside)), float(inside[-1] - inside[0]) / (2.0 * 0.385)
