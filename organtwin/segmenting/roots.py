"""Where two venous trees enter the liver, by anatomy (axes L, P, S).

Hepatic veins open into the vena cava, the long bright tube beside the spine that touches the
liver, close under the diaphragm; the portal vein enters below that, at the hilum, as the widest
bright trunk that is not the vena cava.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from organtwin.segmenting.frame import Flags, Spacing
from organtwin.segmenting.morphology import around, closed, depth_mm, dilated, eroded, largest
from organtwin.segmenting.parenchyma import Parenchyma

TRUNK_BLUR_MM = 1.0
TRUNK_DEPTH_MM = 4.0
"""Cores at least this deep: the vena cava is 15 to 25 mm wide, the portal vein 10 to 16 mm."""
CAVA_DEPTH_MM = 7.0
TRUNK_ML = 0.3
NEAR_SPINE_MM = 50.0
BESIDE_MM = 35.0
OPENING_MM = 3.0
UPPER = 1.0 / 3.0
"""Hepatic veins open above this share of the way from the porta to the liver's top."""
AWAY_MM = 30.0


@dataclass(frozen=True)
class Trunks:
    """Wide bright tubes at the organ, each (ni, nj, nk) bool.

    Args:
        cava: the vena cava, empty when it was not found.
        others: cores of the rest.
    """

    cava: Flags
    others: tuple[Flags, ...]


def trunks_at(tissue: Parenchyma, contrast: float, spine_i: float) -> Trunks:
    """Find bright tubes over 5 mm in radius that touch the organ or lie in it.

    Args:
        contrast: how much brighter than the tissue wide vessels are.
        spine_i: index i of the spine's middle in these arrays.
    """
    spacing = tissue.spacing_mm
    box = around(tissue.organ, BESIDE_MM + 5.0, spacing)
    part = tissue.within(box)
    wide = dilated(part.organ, BESIDE_MM, spacing)
    wide &= part.residual(TRUNK_BLUR_MM) > 0.25 * contrast
    wide = closed(wide, 2.0, spacing)
    parts, count = ndimage.label(eroded(wide, TRUNK_DEPTH_MM, spacing))
    sizes = np.bincount(parts.ravel(), minlength=count + 1) * np.prod(spacing) / 1000.0
    near = np.unique(parts[dilated(part.organ, TRUNK_DEPTH_MM + 3.0, spacing)])
    cores = [_whole(parts == n, box, tissue) for n in near if n and sizes[n] > TRUNK_ML]
    beside = [core for core in cores if _beside(core, spine_i, spacing[0])]
    if not beside:
        return Trunks(np.zeros_like(tissue.organ), tuple(cores))
    longest = max(beside, key=lambda core: int(core.any(axis=(0, 1)).sum()))
    cava = _tube(longest, spacing)
    kept = tuple(core for core in cores if core is not longest)
    return Trunks(cava, kept or _joined_to_cava(longest & ~cava, spacing))


def _joined_to_cava(off_cava: Flags, spacing_mm: Spacing) -> tuple[Flags, ...]:
    """Trunks whose cores hang together with that of the vena cava, as in a late phase."""
    parts, count = ndimage.label(off_cava)
    sizes = np.bincount(parts.ravel(), minlength=count + 1) * np.prod(spacing_mm) / 1000.0
    return tuple(parts == n for n in range(1, count + 1) if sizes[n] > TRUNK_ML)


def _tube(core: Flags, spacing_mm: Spacing) -> Flags:
    """The vena cava around its core, without the veins that open into it.

    What is as deep at the same height and apart from it is another trunk that joins it.
    """
    deep = eroded(core, CAVA_DEPTH_MM - TRUNK_DEPTH_MM, spacing_mm)
    widest = largest(deep)
    deep &= widest | ~widest.any(axis=(0, 1))
    if deep.sum() < 0.25 * core.sum():
        return dilated(core, TRUNK_DEPTH_MM, spacing_mm)
    return dilated(deep, CAVA_DEPTH_MM, spacing_mm)


def _whole(part: Flags, box: tuple[slice, slice, slice], tissue: Parenchyma) -> Flags:
    whole = np.zeros(tissue.organ.shape, bool)
    whole[box] = part
    return whole


def _beside(part: Flags, spine_i: float, step_mm: float) -> bool:
    middle = float(np.mean(np.nonzero(part)[0]))
    return abs(middle - spine_i) * step_mm < NEAR_SPINE_MM


def portal_root(vessels: Flags, trunks: Trunks, spacing_mm: Spacing) -> Flags:
    """The lowest big trunk among the vessels; without one their widest place off the cava."""
    stems = [vessels & dilated(core, TRUNK_DEPTH_MM, spacing_mm) for core in trunks.others]
    sizes = [int(stem.sum()) for stem in stems]
    if not stems or max(sizes) == 0:
        return _widest_away(vessels, trunks.cava, spacing_mm)
    big = [stem for stem, size in zip(stems, sizes, strict=True) if size >= 0.4 * max(sizes)]
    return min(big, key=lambda stem: float(np.mean(np.nonzero(stem)[2])))


def hepatic_root(
    vessels: Flags, portal: Flags, trunks: Trunks, *, organ: Flags, spacing_mm: Spacing
) -> Flags:
    """Where vessels open into the vena cava, above the porta; empty when nowhere."""
    if not trunks.cava.any() or not portal.any():
        return np.zeros_like(vessels)
    opening = vessels & dilated(trunks.cava, OPENING_MM, spacing_mm) & ~portal
    porta = float(np.median(np.nonzero(portal)[2]))
    top = float(np.flatnonzero(organ.any(axis=(0, 1)))[-1])
    opening[:, :, : int(porta + UPPER * max(top - porta, 0.0))] = False
    return opening


def _widest_away(vessels: Flags, cava: Flags, spacing_mm: Spacing) -> Flags:
    """The widest place of the vessels more than 30 mm from the vena cava."""
    away = vessels & ~dilated(cava, AWAY_MM, spacing_mm) if cava.any() else vessels
    depth = np.where(away, depth_mm(vessels, spacing_mm), np.float32(0))
    widest: Flags = away & (depth >= 0.9 * depth.max())
    return widest
