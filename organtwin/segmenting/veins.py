"""Portal and hepatic veins: bright branches in the liver, told apart by where they come from.

Hepatic veins open into the vena cava, the long bright tube beside the spine that touches the
liver; the portal vein is the widest bright trunk elsewhere. `parting` follows both from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold

from organtwin.segmenting.frame import Flags
from organtwin.segmenting.morphology import (
    closed,
    depth_mm,
    dilated,
    eroded,
    without_specks,
)
from organtwin.segmenting.parenchyma import Parenchyma
from organtwin.segmenting.parting import parted

BLUR_MM = 0.7
LOW, HIGH = 0.35, 0.6
TRUNK_BLUR_MM = 2.0
TRUNK_DEPTH_MM = 5.0
TRUNK_ML = 0.3
NEAR_SPINE_MM = 50.0
WIDE_MM = 1.6
RIDGE_BLUR_MM = 0.5


@dataclass(frozen=True)
class Veins:
    """Both trees, each (ni, nj, nk) bool; `apart` is False when one root was not found.

    Then `portal` holds all of them and `hepatic` is empty.
    """

    portal: Flags
    hepatic: Flags
    apart: bool


def veins_in(tissue: Parenchyma, not_vein: Flags, spine_i: float) -> Veins | None:
    """Find the veins; None without contrast (nothing four sd brighter than the tissue).

    Args:
        not_vein: voxels of tumours.
        spine_i: index i of the spine's middle in these arrays.
    """
    residual = tissue.residual(BLUR_MM)
    noise = tissue.noise(residual)
    inside = tissue.organ & ~not_vein
    bright = residual[inside & (residual > 4.0 * noise)]
    if bright.size < 0.001 * inside.sum() or bright.size < 50:
        return None
    contrast = float(np.percentile(bright, 90))
    low, high = max(LOW * contrast, 2.0 * noise), max(HIGH * contrast, 4.0 * noise)
    vessels = apply_hysteresis_threshold(np.where(inside, residual, np.float32(-1e3)), low, high)
    vessels = without_specks(vessels, 20)
    roots = _roots(tissue, vessels, contrast, spine_i)
    if roots is None:
        return Veins(vessels, np.zeros_like(vessels), apart=False)
    wide = depth_mm(vessels, tissue.spacing_mm) > WIDE_MM
    outlet, stem = roots
    ridge = tissue.residual(RIDGE_BLUR_MM)
    portal = parted(
        vessels, (stem, outlet), ridge, wide=wide, hu=tissue.hu, noise=tissue.noise(ridge)
    )
    return Veins(portal, vessels & ~portal, apart=True)


def _roots(
    tissue: Parenchyma, vessels: Flags, contrast: float, spine_i: float
) -> tuple[Flags, Flags] | None:
    """Where the hepatic veins and where the portal vein enter: voxels of `vessels`."""
    spacing = tissue.spacing_mm
    trunks = _trunks(tissue, contrast)
    by_spine = [part for part in trunks if _beside(part, spine_i, spacing[0])]
    if not by_spine:
        return None
    cava = max(by_spine, key=lambda part: int(part.any(axis=(0, 1)).sum()))
    stems = [
        stem
        for part in trunks
        if part is not cava and (stem := vessels & dilated(part, TRUNK_DEPTH_MM, spacing)).any()
    ]
    portal = _lowest(stems) if stems else _widest_away(vessels, cava, tissue)
    outlet = vessels & dilated(cava, TRUNK_DEPTH_MM + 4.0, spacing) & ~portal
    middle = int(np.median(np.nonzero(portal)[2])) if portal.any() else 0
    outlet[:, :, :middle] = False
    return (outlet, portal) if outlet.any() and portal.any() else None


def _lowest(stems: list[Flags]) -> Flags:
    """The stem nearest to the feet among the big ones: the porta lies below the hepatic veins."""
    sizes = [int(stem.sum()) for stem in stems]
    big = [stem for stem, size in zip(stems, sizes, strict=True) if size >= 0.4 * max(sizes)]
    return min(big, key=lambda stem: float(np.mean(np.nonzero(stem)[2])))


def _trunks(tissue: Parenchyma, contrast: float) -> list[Flags]:
    """Cores of bright tubes over 5 mm in radius that touch the organ or lie in it."""
    spacing = tissue.spacing_mm
    smooth = tissue.residual(TRUNK_BLUR_MM)
    wide = dilated(tissue.organ, 20.0, spacing) & (smooth > 0.25 * contrast)
    parts, count = ndimage.label(eroded(closed(wide, 2.0, spacing), TRUNK_DEPTH_MM, spacing))
    sizes = np.bincount(parts.ravel(), minlength=count + 1) * np.prod(spacing) / 1000.0
    near = np.unique(parts[dilated(tissue.organ, TRUNK_DEPTH_MM + 3.0, spacing)])
    return [parts == number for number in near if number and sizes[number] > TRUNK_ML]


def _beside(part: Flags, spine_i: float, step_mm: float) -> bool:
    middle = float(np.mean(np.nonzero(part)[0]))
    return abs(middle - spine_i) * step_mm < NEAR_SPINE_MM


def _widest_away(vessels: Flags, cava: Flags, tissue: Parenchyma) -> Flags:
    """The widest place of the vessels more than 30 mm from the vena cava's core."""
    away = vessels & ~dilated(cava, 30.0, tissue.spacing_mm)
    depth = np.where(away, depth_mm(vessels, tissue.spacing_mm), np.float32(0))
    widest: Flags = away & (depth >= 0.9 * depth.max())
    return widest
