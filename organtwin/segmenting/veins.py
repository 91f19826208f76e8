"""Portal and hepatic veins: bright branches in the liver, told apart by where they come from.

Vessels are what is a third as bright as the widest ones and joined to a place that surely is one
(hysteresis), with gaps closed (`gaps`). They leave the organ only where both trees do: at the hilum
and at the vena cava (`roots`). `parting` follows both trees from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.filters import apply_hysteresis_threshold

from organtwin.segmenting.frame import Flags, Floats
from organtwin.segmenting.gaps import gaps_closed
from organtwin.segmenting.morphology import around, closed, dilated, without_specks
from organtwin.segmenting.parenchyma import Parenchyma
from organtwin.segmenting.parting import Lit, parted
from organtwin.segmenting.roots import TRUNK_DEPTH_MM, Trunks, hepatic_root, portal_root, trunks_at
from organtwin.segmenting.vesselness import tubes

CONTRAST_BLUR_MM = 0.7
BLUR_MM = 0.5
LOW, HIGH = 0.35, 0.6
"""Parts of the widest vessels' contrast: a thin vessel's edge, and a place that surely is one."""
HULL_MM = 8.0
"""Clefts of the organ up to twice as wide are bridged where vessels enter and leave."""
DOOR_MM = 25.0
STEM_MM = 30.0
"""How far outside the organ the trunk is followed."""
FEWEST = 20


@dataclass(frozen=True)
class Veins:
    """Both trees and all vessels, each (ni, nj, nk) bool.

    `apart` is False when one root was not found; then `portal` and `hepatic` are empty.
    """

    all: Flags
    portal: Flags
    hepatic: Flags
    apart: bool


@dataclass(frozen=True)
class Pointed:
    """Voxels (ni, nj, nk) bool that a person pointed at in either tree; empty where not."""

    portal: Flags
    hepatic: Flags


def veins_in(
    tissue: Parenchyma, not_vein: Flags, spine_i: float, *, pointed: Pointed | None = None
) -> Veins | None:
    """Find the veins; None without contrast (nothing four sd brighter than the tissue).

    Args:
        not_vein: voxels of tumours.
        spine_i: index i of the spine's middle in these arrays.
        pointed: roots said by a person, taken instead of those by anatomy.
    """
    contrast = contrast_of_veins(tissue, not_vein)
    if contrast is None:
        return None
    trunks = trunks_at(tissue, contrast, spine_i)
    where = _may_hold_veins(tissue, trunks) & ~not_vein
    residual = tissue.residual(BLUR_MM)
    vessels = _vessels(residual, where, tissue, contrast)
    if not vessels.any():
        return None
    portal = portal_root(vessels, trunks, tissue.spacing_mm)
    hepatic = hepatic_root(vessels, portal, trunks, tissue.organ, tissue.spacing_mm)
    if pointed is not None:
        portal = pointed.portal if pointed.portal.any() else portal & ~pointed.hepatic
        hepatic = pointed.hepatic if pointed.hepatic.any() else hepatic & ~pointed.portal
    if not (portal & vessels).any() or not (hepatic & vessels).any():
        nothing = np.zeros_like(vessels)
        return Veins(vessels, nothing, nothing, apart=False)
    first = _first(tissue, vessels, residual, (portal, hepatic))
    return Veins(vessels, first, vessels & ~first, apart=True)


def contrast_of_veins(tissue: Parenchyma, not_vein: Flags) -> float | None:
    """How much brighter than the tissue wide veins are; None when nothing is."""
    residual = tissue.residual(CONTRAST_BLUR_MM)
    noise = tissue.noise(residual)
    inside = tissue.organ & ~not_vein
    bright = residual[inside & (residual > 4.0 * noise)]
    if bright.size < 0.001 * inside.sum() or bright.size < 50:
        return None
    return float(np.percentile(bright, 90))


def _may_hold_veins(tissue: Parenchyma, trunks: Trunks) -> Flags:
    """The organ, its clefts near a trunk, and the trunks other than the cava close to it."""
    spacing = tissue.spacing_mm
    doors = trunks.cava | np.logical_or.reduce([np.zeros_like(trunks.cava), *trunks.others])
    if not doors.any():
        return tissue.organ
    cleft = closed(tissue.organ, HULL_MM, spacing) & dilated(doors, DOOR_MM, spacing)
    stems = [dilated(core, TRUNK_DEPTH_MM + 1.0, spacing) for core in trunks.others]
    stem = np.logical_or.reduce([np.zeros_like(doors), *stems])
    outside = cleft | (stem & dilated(tissue.organ, STEM_MM, spacing))
    return tissue.organ | (outside & ~trunks.cava)


def _vessels(residual: Floats, where: Flags, tissue: Parenchyma, contrast: float) -> Flags:
    noise = tissue.noise(residual)
    low, high = max(LOW * contrast, 1.8 * noise), max(HIGH * contrast, 3.5 * noise)
    lit = np.where(where, residual, np.float32(-1e3))
    vessels = without_specks(apply_hysteresis_threshold(lit, low, high), FEWEST)
    return gaps_closed(vessels, residual, level=low, where=where, spacing_mm=tissue.spacing_mm)


def _first(
    tissue: Parenchyma, vessels: Flags, residual: Floats, roots: tuple[Flags, Flags]
) -> Flags:
    """Which of the vessels belong to the first root."""
    box = around(vessels, 12.0, tissue.spacing_mm)
    part, inside = tissue.within(box), vessels[box]
    noise = tissue.noise(residual)
    bright = np.clip(part.hu - part.level, -10.0 * noise, 10.0 * noise)
    along = tubes(bright, inside, part.spacing_mm).along
    lit = Lit(inside, residual[box], along, noise, part.spacing_mm)
    first = np.zeros_like(vessels)
    first[box] = parted(lit, (roots[0][box], roots[1][box]))
    return first
