"""Vessel trees: their calibre everywhere, their trunks, and what a cut takes from the trunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from organtwin.comparing.surfaces import centres_mm
from organtwin.core.volume import spacing_of, voxel_ml_of

TOUCHING = np.ones((3, 3, 3), dtype=bool)
"""Voxels that share a corner are one vessel: thin branches run diagonally."""


@dataclass(frozen=True, eq=False)
class Tree:
    """One vessel structure.

    Args:
        voxels: (n, 3) int64 indices of its voxels in the anatomy's box.
        points_mm: (n, 3) float64 LPS mm, their centres.
        calibre_mm: (n,) float64, diameter of the largest ball inside the vessel that covers the
            voxel (local thickness).
        inscribed_mm: (n,) float64, diameter of the largest ball centred in the voxel.
        trunks: (p,) int64, one voxel (row of `voxels`) for each connected piece: its thickest.
        shape: of the box.
        voxel_ml: volume of one voxel.
    """

    name: str
    voxels: NDArray[np.int64]
    points_mm: NDArray[np.float64]
    calibre_mm: NDArray[np.float64]
    inscribed_mm: NDArray[np.float64]
    trunks: NDArray[np.int64]
    shape: tuple[int, ...]
    voxel_ml: float


@dataclass(frozen=True)
class TreeCut:
    """What a cut does to one tree.

    Args:
        crossings: number of places where the tree passes the border of the removed tissue.
        calibre_mm: largest diameter at a crossing, 0 without one.
        from_trunk_ml: volume of the tree no longer joined to a trunk that stays: the part removed
            and the part left behind without its trunk.
        left_without_trunk_ml: the part of it that stays in the patient.
        trunk_removed: the trunk of the largest piece lies in the removed tissue.
    """

    crossings: int
    calibre_mm: float
    from_trunk_ml: float
    left_without_trunk_ml: float
    trunk_removed: bool


def tree_of(name: str, mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> Tree:
    """Measure the vessel structure of a mask (ni, nj, nk) that has voxels.

    A radius is the distance from a voxel's centre to the nearest centre outside: for tubes of
    random direction and place, 0.0 ± 0.2 voxels off from 1 voxel of radius on (measured).
    """
    spacing = np.array(spacing_of(affine))
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    radius = depth[mask]
    points = centres_mm(mask, affine)
    pieces, count = ndimage.label(mask, TOUCHING)
    piece = pieces[mask]
    trunks = [
        int(np.flatnonzero(piece == p)[radius[piece == p].argmax()]) for p in range(1, count + 1)
    ]
    return Tree(
        name=name,
        voxels=np.argwhere(mask),
        points_mm=points,
        calibre_mm=2.0 * _covering_radius(points, radius),
        inscribed_mm=2.0 * radius,
        trunks=np.array(trunks, dtype=np.int64),
        shape=mask.shape,
        voxel_ml=voxel_ml_of(affine),
    )


def _covering_radius(
    points_mm: NDArray[np.float64], radius_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n,) the radius of the largest inscribed ball that covers each point."""
    covering = radius_mm.copy()
    if len(points_mm) == 0:
        return covering
    tree = cKDTree(points_mm)
    for start in range(0, len(points_mm), 4096):
        rows = slice(start, start + 4096)
        for own, covered in zip(
            radius_mm[rows], tree.query_ball_point(points_mm[rows], radius_mm[rows]), strict=True
        ):
            covering[covered] = np.maximum(covering[covered], own)
    return covering


def cut_tree(tree: Tree, removed: NDArray[np.bool_]) -> TreeCut:
    """Return what removing tissue does to a tree.

    Args:
        removed: (n,) bool, which of the tree's voxels lie in the removed tissue.
    """
    grid = np.zeros(tree.shape, dtype=np.uint8)
    grid[tuple(tree.voxels.T)] = np.where(removed, 2, 1)
    taken, stays = grid == 2, grid == 1
    border = (ndimage.binary_dilation(taken, TOUCHING) & stays) | (
        ndimage.binary_dilation(stays, TOUCHING) & taken
    )
    _, crossings = ndimage.label(border, TOUCHING)
    at_border = border[tuple(tree.voxels.T)]
    left, _ = ndimage.label(stays, TOUCHING)
    left_piece = left[tuple(tree.voxels.T)]
    fed = np.isin(left_piece, left_piece[tree.trunks[~removed[tree.trunks]]]) & ~removed
    main = tree.trunks[tree.inscribed_mm[tree.trunks].argmax()]
    return TreeCut(
        crossings=int(crossings),
        calibre_mm=float(tree.inscribed_mm[at_border].max()) if at_border.any() else 0.0,
        from_trunk_ml=float((~fed).sum()) * tree.voxel_ml,
        left_without_trunk_ml=float((~fed & ~removed).sum()) * tree.voxel_ml,
        trunk_removed=bool(removed[main]),
    )
