"""Portal and hepatic veins: bright branches in the liver, told apart by where they come from.

Vessels are what is a third as bright as the widest ones and joined to a place that surely is one
(hysteresis), with gaps closed (`gaps`). They leave the organ only where both trees do: at the hilum
and at the vena cava (`roots`). `parting` follows both trees from there, and moves what a person
pointed at with the branch behind it. Beside tumours, where tissue and veins are darker, vessels are
looked for once more (`shade`); what is found only there goes to the nearest tree, as such places
would weld both trees together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold

from organtwin.core.errors import EmptyLabel
from organtwin.core.labelmap import CodedTerm, Structure
from organtwin.organs import Organ
from organtwin.segmenting.edges import EDGE, drawn_to_edges
from organtwin.segmenting.frame import Flags, Spacing
from organtwin.segmenting.gaps import GAP_MM, gaps_closed
from organtwin.segmenting.morphology import (
    Box,
    around,
    closed,
    depth_mm,
    dilated,
    without_specks,
)
from organtwin.segmenting.parenchyma import Parenchyma
from organtwin.segmenting.parting import Parting
from organtwin.segmenting.pieces import Lit
from organtwin.segmenting.roots import TRUNK_DEPTH_MM, Trunks, hepatic_root, portal_root, trunks_at
from organtwin.segmenting.shade import shaded
from organtwin.segmenting.vesselness import tubes

CONTRAST_BLUR_MM = 0.7
BLUR_MM = 0.5
LOW, HIGH = 0.35, 0.6
"""Parts of the widest vessels' contrast: a thin vessel's edge, and a place that surely is one."""
LEAST_LOW, LEAST_HIGH = 1.8, 3.5
"""Both are at least so many sd of the noise: 4 % and 0.02 % of plain tissue lie above."""
SNAP_MM = 3.0
HULL_MM = 8.0
"""Clefts of the organ up to twice as wide are bridged where vessels enter and leave."""
DOOR_MM = 25.0
STEM_MM = 30.0
"""How far outside the organ the trunk is followed: its stump, of about 80 mm (Gray's Anatomy)."""
FEWEST = 20
MIDDLE = 0.5
"""Deeper in a root than this share of its depth is its middle.

Unsourced: both trees may touch at a root's rim, where a point can be meant for either, and moves
only what it hits; one nearer to the axis than to the wall can be meant for this root alone.
"""
UNTOLD = Structure(
    "veins", 4, "vessel", CodedTerm("29092000", "SCT", "Vein"), (0.30, 0.44, 0.75), "liver"
)
"""Veins that could not be told apart."""


def with_untold(organ: Organ) -> Organ:
    """Return the organ with "veins" among its structures."""
    return replace(organ, structures=(*organ.structures, UNTOLD))


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
class Vessels:
    """All vessels of an organ before anybody pointed at any; kept, a further click is quick.

    Args:
        tissue: the organ in its image.
        all: (ni, nj, nk) bool, as followed.
        drawn: the same, with what is seen beside tumours, drawn to their edges (`edges`).
        portal, hepatic: where each tree begins by anatomy, empty when not found.
    """

    tissue: Parenchyma
    all: Flags
    drawn: Flags
    portal: Flags
    hepatic: Flags

    def told_apart(self, portal: Flags | None = None, hepatic: Flags | None = None) -> Veins:
        """Both trees, with what a person pointed at in either moved to it (`parting`).

        What was pointed at is also where a tree begins whose root was not found or is proven wrong:
        the other tree was pointed at in its middle.

        Args:
            portal, hepatic: voxels (ni, nj, nk) bool that a person pointed at.

        Raises:
            EmptyLabel: no vessel near any such place.
        """
        spacing = self.tissue.spacing_mm
        said = (
            pointed(self.all, portal, spacing, "portal-vein"),
            pointed(self.all, hepatic, spacing, "hepatic-vein"),
        )
        roots = (
            _root(self.portal, said[0], said[1], spacing),
            _root(self.hepatic, said[1], said[0], spacing),
        )
        if not roots[0].any() or not roots[1].any():
            nothing = np.zeros_like(self.all)
            return Veins(self.drawn, nothing, nothing, apart=False)
        by_anatomy = roots[0] is self.portal and roots[1] is self.hepatic
        parting = self._by_anatomy if by_anatomy else Parting.of(self._lit, self._boxed(roots))
        first = np.zeros_like(self.all)
        first[self._box] = parting.first(self._boxed(said))
        portal_too = first[tuple(self._nearest)]
        return Veins(self.drawn, self.drawn & portal_too, self.drawn & ~portal_too, apart=True)

    @cached_property
    def _nearest(self) -> NDArray[np.int32]:
        """Index (3, ni, nj, nk) of the vessel voxel nearest to each."""
        found: NDArray[np.int32] = ndimage.distance_transform_edt(
            ~self.all, self.tissue.spacing_mm, return_distances=False, return_indices=True
        )
        return found

    @cached_property
    def _by_anatomy(self) -> Parting:
        return Parting.of(self._lit, self._boxed((self.portal, self.hepatic)))

    @cached_property
    def _box(self) -> Box:
        return around(self.all, 12.0, self.tissue.spacing_mm)

    @cached_property
    def _lit(self) -> Lit:
        """The vessels in the image as it is.

        What lies between two vessels that touch is about a voxel wide, and any blur fills it.
        """
        part, inside = self.tissue.within(self._box), self.all[self._box]
        ridge = part.hu - part.level
        noise = self.tissue.noise(self.tissue.hu - self.tissue.level)
        along = tubes(np.clip(ridge, -10.0 * noise, 10.0 * noise), inside, part.spacing_mm).along
        return Lit(inside, ridge, along, noise, part.spacing_mm)

    def _boxed(self, two: tuple[Flags, Flags]) -> tuple[Flags, Flags]:
        return two[0][self._box], two[1][self._box]


def vessels_in(
    tissue: Parenchyma,
    not_vein: Flags,
    spine_i: float,
    *,
    share: float = LOW,
    gap_mm: float = GAP_MM,
) -> Vessels | None:
    """Find the vessels; None without contrast (nothing four sd brighter than the tissue).

    Args:
        not_vein: voxels of tumours.
        spine_i: index i of the spine's middle in these arrays.
        share: how bright a vein's edge is, of the contrast of the widest ones (1).
        gap_mm: longest gap that is closed.
    """
    contrast = contrast_of_veins(tissue, not_vein)
    if contrast is None:
        return None
    trunks = trunks_at(tissue, contrast, spine_i)
    where = _may_hold_veins(tissue, trunks) & ~not_vein
    vessels = _bright(tissue, where, contrast=contrast, share=share, gap_mm=gap_mm)
    if not vessels.any():
        return None
    spacing = tissue.spacing_mm
    portal = portal_root(vessels, trunks, spacing)
    hepatic = hepatic_root(vessels, portal, trunks, organ=tissue.organ, spacing_mm=spacing)
    seen, lit = vessels, tissue
    if not_vein.any():
        lit = shaded(tissue, not_vein)
        seen = vessels | _bright(lit, where, contrast=contrast, share=share, gap_mm=gap_mm)
    drawn = drawn_to_edges(
        seen,
        lit.residual(CONTRAST_BLUR_MM),
        ~(not_vein | trunks.cava),
        most=contrast,
        share=EDGE * share / LOW,
        spacing_mm=spacing,
    )
    return Vessels(tissue, vessels, drawn, portal, hepatic)


def pointed(vessels: Flags, places: Flags | None, spacing_mm: Spacing, name: str) -> Flags:
    """The vessel voxels nearest to what a person pointed at, no farther than 3 mm.

    Only the nearest: beside a crossing, a ball would hold places of both trees.
    """
    near = np.zeros_like(vessels)
    if places is None or not places.any():
        return near
    away, nearest = ndimage.distance_transform_edt(
        ~vessels, sampling=spacing_mm, return_indices=True
    )
    close = places & (away <= max(SNAP_MM, *spacing_mm))
    near[tuple(nearest[:, close])] = True
    if not near.any():
        raise EmptyLabel(
            f"there is no vessel where {name} was pointed at",
            where="seeds",
            advice="point at the middle of a bright branch inside the organ",
        )
    return near


def _root(anatomy: Flags, said: Flags, said_of_other: Flags, spacing_mm: Spacing) -> Flags:
    """Where a tree begins: by anatomy, unless that is nowhere or in the other tree's middle."""
    if not anatomy.any():
        return said
    hit = anatomy & said_of_other
    if not hit.any():
        return anatomy
    depth = depth_mm(anatomy, spacing_mm)
    return said if depth[hit].max() > MIDDLE * depth.max() else anatomy


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
    held: Flags = tissue.organ | (outside & ~trunks.cava)
    return held


def _bright(
    tissue: Parenchyma, where: Flags, *, contrast: float, share: float, gap_mm: float
) -> Flags:
    residual = tissue.residual(BLUR_MM)
    noise = tissue.noise(residual)
    low = max(share * contrast, LEAST_LOW * noise)
    high = max(HIGH * contrast, LEAST_HIGH * noise, low)
    lit = np.where(where, residual, np.float32(-np.inf))
    vessels = without_specks(apply_hysteresis_threshold(lit, low, high), FEWEST)
    return gaps_closed(
        vessels,
        residual,
        level=low,
        where=where,
        spacing_mm=tissue.spacing_mm,
        gap_mm=gap_mm,
    )
