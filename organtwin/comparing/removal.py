"""The tissue a scenario removes or destroys: its border, and its share of every voxel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.actions import Effect
from organtwin.comparing.anatomy import Anatomy
from organtwin.comparing.surfaces import box_around
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import CodedTerm, LabelMap, Structure
from organtwin.core.volume import spacing_of, to_lps

Distance = Callable[[NDArray[np.float64]], NDArray[np.float64]]

GRID_MM = 2.0
"""Spacing the distance map handed to a solver is coarsened to (a plane loses nothing by it)."""
GRID_PAD_MM = 12.0
REMOVED = Structure(
    "removed",
    250,
    "other",
    CodedTerm("removed", "99ORGANTWIN", "Removed tissue"),
    (0.55, 0.55, 0.55),
)


@dataclass(frozen=True, eq=False)
class Removal:
    """Tissue removed or destroyed.

    Args:
        distance_mm: points (n, 3) LPS mm → (n,) signed distance to its border, negative inside;
            where several actions remove tissue, of their union (inside it, a lower bound).
        contact: "cut" or "zone"; "cut" when there are both.
        fraction: (ni, nj, nk) float32 on the anatomy's box, share of each voxel of the organ that
            is removed, 0..1; zero outside the organ.
    """

    distance_mm: Distance
    contact: str
    fraction: NDArray[np.float32]


def union_distance(effects: Sequence[Effect]) -> Distance | None:
    """Return the signed distance to all that is removed, None when nothing is."""
    borders = [e.signed_distance_mm for e in effects if e.signed_distance_mm is not None]
    if not borders:
        return None

    def nearest(points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = np.minimum.reduce([border(points_mm) for border in borders])
        return result

    return nearest


def removal_of(effects: Sequence[Effect], anatomy: Anatomy) -> Removal | None:
    """Return the tissue removed from an organ, None when nothing is."""
    distance = union_distance(effects)
    if distance is None:
        return None
    return Removal(
        distance,
        "cut" if any(e.contact == "cut" for e in effects) else "zone",
        _fraction(distance, anatomy),
    )


def _fraction(distance: Distance, anatomy: Anatomy) -> NDArray[np.float32]:
    """Return the share of each voxel removed, on the anatomy's box.

    A distance changes by no more than the way gone, so only voxels near the border are asked.
    """
    spacing = np.array(spacing_of(anatomy.affine))
    voxels = np.argwhere(anatomy.mask)
    coarse, owner = np.unique(voxels // 4, axis=0, return_inverse=True)
    rough = distance(to_lps(anatomy.affine, coarse * 4 + 1.5))[owner.reshape(-1)]
    reach = 2.0 * float(np.linalg.norm(spacing))
    near = np.abs(rough) < reach + float(np.linalg.norm(spacing)) * 2.0
    share = (rough < 0.0).astype(np.float32)
    points = to_lps(anatomy.affine, voxels[near])
    share[near] = _share(distance, points, anatomy.affine)
    fraction = np.zeros(anatomy.mask.shape, dtype=np.float32, order="F")
    fraction[anatomy.mask] = share
    return fraction


def _share(
    distance: Distance, points_mm: NDArray[np.float64], affine: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n,) the share removed of voxels centred at points (n, 3).

    Voxels that the border passes are asked in eight parts: a flat ramp across a whole voxel would
    make a ball of 15 mm about 1 % too large at 2 mm voxels.
    """
    exact = distance(points_mm)
    share = (exact < 0.0).astype(np.float64)
    passed = np.abs(exact) < 0.6 * float(np.linalg.norm(affine[:3, :3], axis=0).sum())
    corners = np.stack(np.meshgrid(*[(-0.25, 0.25)] * 3), axis=-1).reshape(-1, 3)
    parts = points_mm[passed, None, :] + corners @ affine[:3, :3].T
    flat = parts.reshape(-1, 3)
    at_parts = distance(flat)
    width = _width_mm(distance, flat, at_parts, affine * 0.5)
    ramp = np.clip(0.5 - at_parts / width, 0.0, 1.0)
    share[passed] = ramp.reshape(-1, len(corners)).mean(axis=1)
    return share


def _width_mm(
    distance: Distance,
    points_mm: NDArray[np.float64],
    at_points: NDArray[np.float64],
    affine: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return (n,) mm: extent along the border's normal of a box with the affine's edges."""
    width = np.zeros(len(points_mm))
    for axis in range(3):
        step = affine[:3, axis]
        width += np.abs(distance(points_mm + step) - at_points)
    return np.maximum(width, 0.25 * float(np.linalg.norm(affine[:3, :3], axis=0).min()))


def removed_distance(
    effects: Sequence[Effect], labels: LabelMap, *, organ: str = "liver"
) -> tuple[NDArray[np.float32], NDArray[np.float64]] | None:
    """Return the removed tissue's signed distance on a grid about the organ, for a growth solver.

    Returns:
        grid (ni, nj, nk) float32 mm, negative inside the removed tissue, and its affine (4, 4)
        float64, index → LPS mm; None when nothing is removed. Sampled at voxels of the labels'
        grid, every so many that the spacing stays within `GRID_MM`, from 12 mm outside the organ.

    Raises:
        BadArgument: tissue is removed on different days; a job knows one removal.
    """
    distance = union_distance(effects)
    if distance is None:
        return None
    days = {event.day for e in effects for event in e.events if event.kind == "remove_region"}
    if len(days) > 1:
        raise BadArgument(
            "tissue is removed on different days",
            where=", ".join(f"day {day:g}" for day in sorted(days)),
            advice="make two scenarios, the second from the first one's outcome",
        )
    spacing = np.array(spacing_of(labels.affine))
    step = np.maximum(np.floor(GRID_MM / spacing + 1e-6), 1.0)
    box = box_around(labels.require(organ), 0)
    pad = np.ceil(GRID_PAD_MM / spacing)
    start = np.array([cut.start for cut in box]) - pad
    stop = np.array([cut.stop for cut in box]) + pad
    counts = np.ceil((stop - start) / step).astype(int)
    affine = np.array(labels.affine)
    affine[:3, :3] = labels.affine[:3, :3] * step
    affine[:3, 3] = to_lps(labels.affine, start)
    index = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), axis=-1)
    grid = distance(to_lps(affine, index.reshape(-1, 3))).reshape(tuple(counts))
    return np.asfortranarray(grid, dtype=np.float32), affine


def removed_labels(
    effects: Sequence[Effect], labels: LabelMap, *, organ: str = "liver"
) -> LabelMap | None:
    """Return a LabelMap with one structure, "removed": the organ's tissue that is taken away.

    On the labels' grid, by voxel centres; None when nothing is removed or destroyed.
    """
    distance = union_distance(effects)
    if distance is None:
        return None
    mask = labels.require(organ)
    painted = np.zeros(mask.shape, dtype=np.uint8, order="F")
    inside = distance(to_lps(labels.affine, np.argwhere(mask))) < 0.0
    painted[mask] = np.where(inside, REMOVED.label, 0)
    return LabelMap(painted, labels.affine, (REMOVED,))
