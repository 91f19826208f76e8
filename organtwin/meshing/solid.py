"""Solid: the part of a label map that is meshed, checked and cleaned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument, BadMesh, EmptyLabel, MisplacedLabel
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.core.organmesh import LeftOut
from organtwin.core.volume import spacing_of, to_index, voxel_ml_of
from organtwin.meshing.interfaces import nested_labels
from organtwin.meshing.pieces import Pieces, pieces_of
from organtwin.meshing.pinches import Pinches
from organtwin.meshing.places import place_of, place_of_largest
from organtwin.meshing.sizes import Sizes
from organtwin.meshing.surfaces import cropped

SMALLEST_VOXELS = 8
LARGEST_DROPPED = 0.05
SMALLEST_CONTACT = 0.10
HALF_A_VOXEL = 0.5


@dataclass(frozen=True, eq=False)
class Solid:
    """Regions to mesh.

    Args:
        regions: (ni, nj, nk) uint8, Fortran order, zero margin; the label of each voxel.
        affine: (4, 4) float64, index → LPS mm.
        structures: those with a region.
        left_out: what is labelled but in no region, or in that of another structure.
    """

    regions: NDArray[np.uint8]
    affine: NDArray[np.float64]
    structures: tuple[Structure, ...]
    left_out: tuple[LeftOut, ...] = ()

    @cached_property
    def pieces(self) -> Pieces:
        """The pieces of its voxels."""
        return pieces_of(self.regions)

    def wanted_mm3(self) -> dict[int, float]:
        """Return label → the volume of its voxels."""
        counts = np.bincount(self.regions.ravel(order="K"), minlength=256)
        voxel_mm3 = 1000.0 * voxel_ml_of(self.affine)
        return {int(n): float(counts[n]) * voxel_mm3 for n in np.flatnonzero(counts) if n > 0}

    def pinches(self, loose: frozenset[int] = frozenset()) -> Pinches:
        """Return what counts where a structure touches itself, but for those of loose labels."""
        return Pinches(
            inside for inside in nested_labels(self.structures).values() if inside[0] not in loose
        )

    def labels(self) -> LabelMap:
        """Return the regions as a label map."""
        return LabelMap(self.regions, self.affine, self.structures)


def solid_of(labels: LabelMap, sizes: Sizes) -> Solid:
    """Return what is to be meshed of a label map: all of it, or the organ alone.

    Raises:
        EmptyLabel: a structure has no voxels.
        Others as `organ_of`.
    """
    if sizes.organ_alone:
        return organ_of(labels, sizes)
    for structure in labels.structures:
        labels.require(structure.name)
    if not labels.structures:
        raise EmptyLabel("no structure has voxels", where="labels", advice="segment first")
    regions, affine = cropped(labels.labels, labels.affine)
    unnamed = np.setdiff1d(np.unique(regions), [0, *(s.label for s in labels.structures)])
    if len(unnamed):
        raise BadArgument(f"no structure has the label {unnamed[0]}", where="labels")
    counts = np.bincount(regions.ravel(order="K"), minlength=256)
    seen = tuple(
        s for s in labels.structures if counts[[i.label for i in labels.inside(s.name)]].any()
    )
    return Solid(regions, affine, seen, _hidden(labels, counts))


def _hidden(labels: LabelMap, counts: NDArray[np.int64]) -> tuple[LeftOut, ...]:
    """Return how much of each structure lies beneath others and is meshed as theirs."""
    found = []
    for structure in labels.structures:
        shown = float(counts[[s.label for s in labels.inside(structure.name)]].sum())
        hidden_ml = labels.volume_ml(structure.name) - shown * voxel_ml_of(labels.affine)
        if hidden_ml > HALF_A_VOXEL * voxel_ml_of(labels.affine):
            found.append(LeftOut(structure.name, hidden_ml, "beneath what is drawn over it"))
    return tuple(found)


def organ_of(labels: LabelMap, sizes: Sizes) -> Solid:
    """Return the one organ of a label map with its tumours and vessels.

    Vessels are kept where a ball of `Sizes.vessel_radius_mm` fits; the rest, and structures of kind
    "other" within the organ, become organ. Cavities become organ. Pieces cut off from the organ are
    left out when they are less than a twentieth of it.

    Raises:
        BadArgument: not exactly one outermost organ.
        EmptyLabel: a structure of the organ has no voxels.
        MisplacedLabel: a tumour lies outside the organ.
        BadMesh: a tumour has too few voxels to be a region; the organ is in pieces.
    """
    organ = _outermost(labels)
    nested = labels.inside(organ.name)
    _refuse_misplaced(labels, organ, nested)
    counts = np.bincount(labels.labels.ravel(order="K"), minlength=256)
    for structure in nested:
        if counts[structure.label] < SMALLEST_VOXELS:
            place = place_of(labels.labels == structure.label, labels.affine)
            _refuse_small(structure, int(counts[structure.label]), place)
    within = np.zeros(256, dtype=np.uint8)
    for structure in nested:
        within[structure.label] = organ.label if structure.kind == "other" else structure.label
    regions, affine = cropped(within[labels.labels], labels.affine)
    for tumour in (s for s in nested if s.kind == "tumour"):
        _refuse_detached(regions, tumour, affine)
    body = _one_piece(regions > 0, organ, affine)
    regions[~body] = 0
    regions[body & (regions == 0)] = organ.label
    kept = [s for s in nested if s.kind != "other"]
    for structure in kept[1:]:
        _simplify(regions, structure, organ, spacing_mm=spacing_of(affine), sizes=sizes)
    present = tuple(s for s in kept if (regions == s.label).any())
    lost = [s.name for s in kept if s.kind == "tumour" and s not in present]
    if lost:
        raise MisplacedLabel(f"{', '.join(lost)} lies outside {organ.name}", where="labels")
    out = _left_out(labels, regions, affine)
    return Solid(regions, affine, tuple(_reparented(present)), out)


def _left_out(
    labels: LabelMap, regions: NDArray[np.uint8], affine: NDArray[np.float64]
) -> tuple[LeftOut, ...]:
    """Return how much of each structure is not meshed as it, and where most of that is."""
    meshed = np.zeros_like(labels.labels)
    first = np.rint(to_index(labels.affine, affine[:3, 3])).astype(np.int64)
    low, high = np.maximum(first, 0), np.minimum(first + regions.shape, meshed.shape)
    there, here = (tuple(map(slice, low - start, high - start)) for start in (0, first))
    meshed[there] = regions[here]
    found = []
    for structure in labels.structures:
        inside = [s.label for s in labels.inside(structure.name)]
        missing = labels.mask(structure.name) & ~np.isin(meshed, inside)
        if structure.kind == "other":
            reason = "other structures are no part of an organ's mesh"
        elif structure.kind == "vessel":
            reason = "narrower than the vessel radius, or a small piece: joined to the organ"
        else:
            reason = "pieces apart from the largest, or too small"
        if missing.any():
            place = place_of_largest(missing, labels.affine)
            volume_ml = float(missing.sum()) * voxel_ml_of(labels.affine)
            found.append(LeftOut(structure.name, volume_ml, f"{reason} (most at {place})"))
    return tuple(found)


def _outermost(labels: LabelMap) -> Structure:
    names = {s.name for s in labels.structures}
    found = [s for s in labels.of_kind("organ") if s.within not in names]
    if len(found) != 1:
        raise BadArgument(
            f"a mesh needs one organ, not {len(found)}",
            where="labels",
            advice="segment the organ, and give other organs the kind 'other'",
        )
    labels.require(found[0].name)
    return found[0]


def _refuse_misplaced(labels: LabelMap, organ: Structure, nested: tuple[Structure, ...]) -> None:
    for tumour in labels.of_kind("tumour"):
        if tumour not in nested:
            raise MisplacedLabel(
                f"{tumour.name} is not within {organ.name}",
                where="labels",
                advice=f"say that it lies within {organ.name}, or make it a structure 'other'",
            )


def _refuse_small(structure: Structure, voxels: int, place: str) -> None:
    if voxels == 0 and structure.kind != "other":
        raise EmptyLabel(
            f"{structure.name} has no voxels",
            where="labels",
            advice="segment it again or remove it",
        )
    if structure.kind in ("organ", "tumour"):
        raise BadMesh(
            f"{structure.name} has {voxels} voxel{'s' if voxels > 1 else ''}; "
            f"a region of the mesh needs at least {SMALLEST_VOXELS}",
            where=f"labels, {place}",
            advice=f"segment {structure.name} again on a finer image, or remove it",
        )


def _refuse_detached(
    regions: NDArray[np.uint8], tumour: Structure, affine: NDArray[np.float64]
) -> None:
    """Raise MisplacedLabel unless a tenth of the tumour's faces touch other tissue of the organ."""
    box = ndimage.find_objects((regions == tumour.label).astype(np.uint8))[0]
    around = tuple(slice(max(b.start - 1, 0), b.stop + 1) for b in box)
    part = regions[around]
    mine = part == tumour.label
    faces = touching = 0
    for axis in range(3):
        for shift in (-1, 1):
            beside = np.roll(part, shift, axis=axis)[mine]
            faces += int((beside != tumour.label).sum())
            touching += int(((beside != tumour.label) & (beside > 0)).sum())
    if touching < SMALLEST_CONTACT * faces:
        raise MisplacedLabel(
            f"{tumour.name} lies outside the organ ({touching / faces:.0%} of its faces touch it)",
            where=f"labels, {place_of(regions == tumour.label, affine)}",
            advice=f"check {tumour.name} and the organ on the same slices",
        )


def _one_piece(
    mask: NDArray[np.bool_], organ: Structure, affine: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return the largest face-connected piece with its cavities filled."""
    pieces, count = ndimage.label(mask)
    if count > 1:
        volumes = np.bincount(pieces.ravel(order="K"))
        volumes[0] = 0
        largest = int(volumes.argmax())
        dropped = 1.0 - volumes[largest] / volumes.sum()
        if dropped > LARGEST_DROPPED:
            raise BadMesh(
                f"{organ.name} is in {count} pieces; {dropped:.0%} lie apart from the largest",
                where=f"labels, {place_of(mask & (pieces != largest), affine)}",
                advice="join or remove the pieces",
            )
        mask = pieces == largest
    outside, count = ndimage.label(~mask)
    if count > 1:
        mask = outside != outside[0, 0, 0]
    return mask


def _simplify(
    regions: NDArray[np.uint8],
    structure: Structure,
    organ: Structure,
    *,
    spacing_mm: tuple[float, float, float],
    sizes: Sizes,
) -> None:
    """Give the parts of a structure that are too thin or too small back to the organ, in place."""
    found = ndimage.find_objects((regions == structure.label).astype(np.uint8))
    if not found:
        return
    window = tuple(slice(max(b.start - 1, 0), b.stop + 1) for b in found[0])
    mine = regions[window] == structure.label
    kept = mine
    if structure.kind == "vessel" and sizes.vessel_radius_mm > 0:
        kept = mine & _opened(mine, spacing_mm, sizes.vessel_radius_mm)
    pieces, count = ndimage.label(kept)
    if count > 1:
        volumes = np.bincount(pieces.ravel(order="K")) * float(np.prod(spacing_mm))
        volumes[0] = 0.0
        smallest = max(SMALLEST_VOXELS * float(np.prod(spacing_mm)), _ball_mm3(structure, sizes))
        kept = kept & np.isin(
            pieces, np.flatnonzero(volumes >= min(smallest, float(volumes.max())))
        )
    regions[window][mine & ~kept] = organ.label


def _ball_mm3(structure: Structure, sizes: Sizes) -> float:
    """Smallest piece kept: a vessel's must hold two of its balls; any other, one smallest edge."""
    radius = sizes.vessel_radius_mm if structure.kind == "vessel" else sizes.smallest_edge_mm / 2
    return (2.0 if structure.kind == "vessel" else 1.0) * 4.0 / 3.0 * np.pi * radius**3


def _opened(
    mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float], radius_mm: float
) -> NDArray[np.bool_]:
    """Return the points of balls of a radius that fit inside (opening), by distance maps."""
    padded = np.pad(mask, 1)
    core = ndimage.distance_transform_edt(padded, sampling=spacing_mm) > radius_mm
    if not core.any():
        return np.zeros_like(mask)
    near: NDArray[np.bool_] = (
        ndimage.distance_transform_edt(~core, sampling=spacing_mm) <= radius_mm
    )
    return near[1:-1, 1:-1, 1:-1]


def _reparented(structures: tuple[Structure, ...]) -> list[Structure]:
    names = {s.name for s in structures}
    organ = structures[0]
    return [
        s
        if s is organ or s.within in names
        else Structure(s.name, s.label, s.kind, s.code, s.colour, organ.name)
        for s in structures
    ]
