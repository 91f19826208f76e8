"""Keeping: whether a mesh holds all pieces of structures, each whole, apart and with its volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.core.labelmap import Structure
from organtwin.core.organmesh import TOO_SMALL, LeftOut, OrganMesh
from organtwin.core.volume import to_index, voxel_ml_of
from organtwin.meshing.pieces import Match, Pieces, homes_of, matched, parts_of
from organtwin.meshing.places import place_of

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Kept:
    """What became of the pieces of structures.

    Args:
        left_out: per structure the pieces that no part of the mesh holds, nor one they touch.
        missed: per structure and kind a sentence with the number and one place.
        worst_percent: label → the error in volume of that piece which has the largest.
    """

    left_out: tuple[LeftOut, ...]
    missed: tuple[str, ...]
    worst_percent: Mapping[int, float]


def kept(mesh: OrganMesh, pieces: Pieces, affine: NDArray[np.float64]) -> Kept:
    """Return what became of the pieces of the voxels that a mesh was made of.

    Args:
        affine: (4, 4) index of voxels → LPS mm.
    """
    middles = to_index(affine, mesh.points[mesh.tetrahedra].mean(axis=1))
    parts = parts_of(mesh.tetrahedra, mesh.regions)
    volumes = mesh.volumes_mm3() / (1000.0 * voxel_ml_of(affine))
    match = matched(pieces, homes_of(pieces, np.ones(3), middles, mesh.regions), parts, volumes)
    shared = match.piece[np.isin(match.part, match.joined(pieces))]
    lost = match.lost()
    lost = lost[~np.isin(pieces.touching[lost], pieces.touching[match.piece])]
    fates = {"lost": lost, "broken": match.broken(), "joined to others": np.unique(shared)}
    sizes = np.bincount(parts, volumes, match.parts + 1)
    left_out, missed, worst = [], [], {}
    for structure in mesh.structures:
        all_of = np.flatnonzero(pieces.labels == structure.label)
        for fate, chosen in fates.items():
            mine = np.intersect1d(chosen, all_of)
            if len(mine):
                place = place_of(pieces.mask(mine[pieces.voxels[mine].argmax()]), affine)
                missed.append(_sentence(structure, fate, len(mine), of=len(all_of), place=place))
        lost = np.intersect1d(fates["lost"], all_of)
        if len(lost):
            place = place_of(pieces.mask(lost[pieces.voxels[lost].argmax()]), affine)
            volume_ml = float(pieces.voxels[lost].sum()) * voxel_ml_of(affine)
            reason = f"{TOO_SMALL} (the largest at {place})"
            left_out.append(LeftOut(structure.name, volume_ml, reason))
        worst[structure.label] = _worst_percent(match, pieces, sizes, all_of)
    return Kept(tuple(left_out), tuple(missed), worst)


def _sentence(structure: Structure, fate: str, count: int, *, of: int, place: str) -> str:
    many = f"{count} of its {of} pieces are" if of > 1 else "it is"
    return f"{structure.name}: {many} {fate} (the largest at {place})"


def _worst_percent(match: Match, pieces: Pieces, sizes: NDArray[np.float64], chosen: Ints) -> float:
    """Return the largest error in volume of pieces, those that are joined taken together."""
    of_piece, of_part = match.groups()
    count = max(int(of_piece.max()), int(of_part.max())) + 1
    wanted, there = (
        np.bincount(of_piece, pieces.voxels, count),
        np.bincount(of_part, sizes, count),
    )
    groups = np.unique(of_piece[chosen])
    groups = groups[groups > 0]
    errors = 100.0 * (there[groups] / wanted[groups] - 1.0)
    return float(errors[np.abs(errors).argmax()]) if len(groups) else 0.0
