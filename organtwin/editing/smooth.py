"""Smooth a structure, or all of them together, over a distance in mm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.boxes import bounding
from organtwin.core.change import DRAWN
from organtwin.core.errors import EmptyLabel
from organtwin.core.volume import to_lps
from organtwin.editing.asking import Asked, Form
from organtwin.editing.ground import Ground, index_reach
from organtwin.editing.settling import Turn
from organtwin.editing.tool import Edit, Redrawn
from solvers.contract import Parameter

TAIL = 3.0
"""Standard deviations after which a Gaussian is cut off (0.3 % of it lies beyond)."""
FORM = Form(
    settings=(
        Parameter("by_mm", "mm", 0.1, 30.0, "radius, or standard deviation", "a choice", 2.0),
    ),
    choices={"how": ("median", "gaussian", "joint"), "volume": ("kept", "free")},
)


def draw(ground: Ground, asked: Asked) -> tuple[Turn, ...] | Redrawn:
    """Return what smoothing gains and loses.

    "median": a voxel belongs to the structure when most voxels within `by_mm` of it do;
    "gaussian": when the structure's Gaussian average, standard deviation `by_mm`, is above a level.
    "kept" takes the level at which the number of voxels stays (of those that have equally many
    neighbours, the ones with the larger Gaussian average first), "free" one half.
    "joint" gives every voxel the structure whose Gaussian average is largest, so that no gap opens
    between neighbours; whatever structure is named, all are smoothed, within the limits of `inside`
    where it is said and of the range, but voxels where structures overlap stay.

    Raises:
        EmptyLabel: the structure has no voxels.
    """
    by_mm = asked.numbers["by_mm"]
    if asked.choices["how"] == "joint":
        return _joint(ground, asked, by_mm)
    median = asked.choices["how"] == "median"
    margin_mm = by_mm if median else TAIL * by_mm
    box = ground.box_around(asked.structure, margin_mm)
    mask = ground.labels.mask(asked.structure, box)
    share: NDArray[np.floating] = _gaussian(ground, mask, by_mm)
    level = 0.5
    if median:
        counted, voxels = _in_ball(ground, mask, by_mm)
        share = (counted + 0.5 * share * (asked.choices["volume"] == "kept")) / voxels
    if asked.choices["volume"] == "kept":
        count = int(np.count_nonzero(mask))
        level = float(np.partition(share.ravel(order="K"), -count)[-count])
    after = share >= level if level > 0 else mask
    return (
        Turn(
            asked.structure,
            gains=ground.places(after & ~mask, box),
            loses=ground.places(mask & ~after, box),
        ),
    )


def _joint(ground: Ground, asked: Asked, by_mm: float) -> Redrawn:
    labels = ground.labels
    used = [s for s in labels.structures if labels.volume_ml(s.name) > 0]
    if not used:
        raise EmptyLabel("no structure has voxels", where="labels")
    box = bounding([ground.box_around(s.name, TAIL * by_mm) for s in used])
    old = labels.labels[box]
    best = np.zeros(old.shape, np.float32, order="F")
    after = np.zeros(old.shape, np.uint8, order="F")
    for label in (0, *(s.label for s in used)):
        share = _gaussian(ground, old == label, by_mm)
        after[share > best] = label
        best = np.maximum(best, share)
    where = ground.places(after != old, box)
    hidden = np.zeros(where.size, dtype=bool)
    for below in labels.beneath:
        hidden |= ground.canvas.hidden(below.label, where)
    limits = asked if asked.inside_said else replace(asked, inside="")
    where = where[~hidden & ground.allowed(limits, where)]
    i, j, k = (ground.index(where) - [axis.start for axis in box]).T
    sheets = {DRAWN: (where, old[i, j, k], after[i, j, k])} if where.size else {}
    return Redrawn((sheets,), labels.structures)


def _gaussian(ground: Ground, mask: NDArray[np.bool_], by_mm: float) -> NDArray[np.float32]:
    """Return the Gaussian average; the image goes on beyond its edge as it ends there."""
    sigma = [by_mm / step for step in ground.spacing_mm]
    result: NDArray[np.float32] = ndimage.gaussian_filter(
        mask.astype(np.float32), sigma, mode="nearest", truncate=TAIL
    )
    return result


def _in_ball(
    ground: Ground, mask: NDArray[np.bool_], radius_mm: float
) -> tuple[NDArray[np.float32], int]:
    """Return how many voxels of a ball around each voxel belong to a mask, and of how many."""
    from scipy import signal

    reach = index_reach(ground.affine, radius_mm)
    steps = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1)
    apart = np.linalg.norm(to_lps(ground.affine, steps) - ground.affine[:3, 3], axis=-1)
    ball = (apart <= radius_mm).astype(np.float32)
    padded = np.pad(mask.astype(np.float32), [(n, n) for n in reach], mode="edge")
    return np.rint(signal.fftconvolve(padded, ball, mode="valid")), int(ball.sum())


EDIT = Edit("smooth", "Smooth", draw, FORM)
