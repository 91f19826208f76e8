"""Vessels cut into short pieces around their brightest places, and which of these are one vessel.

Two pieces that share a face are one vessel the more surely, the less the image dips between them,
the more both run the same way and toward each other, and the wider the face is; a vessel that
crosses or lies alongside fails at least one of these. Pieces that continue each other straight
across a few more are one vessel too: so a vessel that passes through another stays whole. As every
piece hangs on some vessel, how likely a join is beside the others counts as much (`forest`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.segmentation import watershed

from organtwin.segmenting.forest import share_with
from organtwin.segmenting.frame import Flags, Floats, Spacing

Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]
FIRMEST = 2.0
"""Log-odds that pieces with a perfect join are one vessel: most faces are not contacts."""
LEAST = 0.05
"""Floor of each sign of a join: none of them is certain."""
AHEAD_MM = 12.0
AHEAD = 0.8
"""A piece up to so far on continues another when both run along the line between them (cosine)."""
STRAIGHT = 4.0
"""Log-odds that such pieces are one vessel when the image does not dip between them."""
SUREST = 4.0
"""Most that it costs to part pieces for want of a rival: 2 % of such joins are wrong."""
SAMPLES = 9


@dataclass(frozen=True)
class Lit:
    """Vessels in their image.

    Args:
        vessels: (ni, nj, nk) bool.
        ridge: (ni, nj, nk) float32, the image less the tissue's level.
        along: (n, 3) float32, the way each vessel voxel runs (`vesselness.Tubes`).
        noise: sd of the ridge image in plain tissue.
        spacing_mm: voxel size.
    """

    vessels: Flags
    ridge: Floats
    along: Floats
    noise: float
    spacing_mm: Spacing


@dataclass(frozen=True)
class Pieces:
    """Vessel pieces 1..count.

    Args:
        number: (ni, nj, nk) int32, the piece of each voxel.
        middle_mm: (count + 1, 3) middle of each.
        joins: (m, 2) pairs that may be one vessel.
        costs: (m,) what it costs to part them, about -log of the probability that they are apart.
        count: how many.
    """

    number: NDArray[np.int32]
    middle_mm: Numbers
    joins: Whole
    costs: Numbers
    count: int

    def at(self, where: Flags) -> Whole:
        """The pieces that some voxels belong to."""
        found = np.unique(self.number[where])
        return found[found > 0].astype(np.int64)


def pieces_of(lit: Lit) -> Pieces:
    """Cut vessels into pieces; what lies around one brightest place is one."""
    ridge, vessels = lit.ridge, lit.vessels
    everywhere = np.ones((3, 3, 3))
    peaks = (ridge == ndimage.maximum_filter(ridge, size=3)) & vessels
    markers, peak_count = ndimage.label(peaks, everywhere)
    number = watershed(-ridge, markers, mask=vessels, connectivity=3).astype(np.int32)
    loose, extra = ndimage.label(vessels & (number == 0), everywhere)
    number[loose > 0] = loose[loose > 0] + peak_count
    count = peak_count + extra
    joins, saddle, face_mm2 = _faces(number, ridge, lit.spacing_mm)
    top = np.asarray(ndimage.maximum(ridge, number, range(count + 1)))
    drop = np.minimum(top[joins[:, 0]], top[joins[:, 1]]) - saddle
    mm3 = np.bincount(number.ravel(), minlength=count + 1) * float(np.prod(lit.spacing_mm))
    side_mm2 = np.minimum(mm3[joins[:, 0]], mm3[joins[:, 1]]) ** (2.0 / 3.0)
    ways = _Ways.of(number, lit)
    log_odds = FIRMEST - drop / lit.noise
    parallel = np.abs((ways.way[joins[:, 0]] * ways.way[joins[:, 1]]).sum(axis=1))
    for sign in (parallel, ways.toward(joins), face_mm2 / np.maximum(side_mm2, 1e-6)):
        log_odds = log_odds + np.log(np.clip(sign, LEAST, 1.0))
    ahead, lowest = ways.ahead(lit)
    drop = np.maximum(np.minimum(top[ahead[:, 0]], top[ahead[:, 1]]) - lowest, 0.0)
    log_odds = np.append(log_odds, STRAIGHT - drop / lit.noise)
    both = np.concatenate([joins, ahead])
    return Pieces(number, ways.middle, both, _costs(both, log_odds, count), count)


def _costs(joins: Whole, log_odds: Numbers, count: int) -> Numbers:
    """What it costs to part pieces: the mean of a join's cost alone and beside the others."""
    alone = np.logaddexp(0.0, log_odds)
    apart = 1.0 - share_with(joins, log_odds, count + 1)
    beside = np.minimum(-np.log(np.maximum(apart, 1e-9)), SUREST)
    return 0.5 * (alone + beside)


def _faces(
    number: NDArray[np.int32], ridge: Floats, spacing_mm: Spacing
) -> tuple[Whole, Numbers, Numbers]:
    """Pairs of pieces that share faces, the highest pass between them and the area in mm²."""
    pairs, heights, areas = [], [], []
    for axis in range(3):
        low = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        a, b = number[low], number[high]
        met = (a != b) & (a > 0) & (b > 0)
        pairs.append(np.stack([np.minimum(a[met], b[met]), np.maximum(a[met], b[met])], axis=1))
        heights.append(np.minimum(ridge[low][met], ridge[high][met]))
        areas.append(np.full(int(met.sum()), np.prod(spacing_mm) / spacing_mm[axis]))
    joins, which = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    saddle = np.full(len(joins), -np.inf)
    np.maximum.at(saddle, which.ravel(), np.concatenate(heights).astype(np.float64))
    area = np.bincount(which.ravel(), np.concatenate(areas), minlength=len(joins))
    return joins.astype(np.int64), saddle, area


@dataclass(frozen=True)
class _Ways:
    """Middle of each piece (n, 3) mm and the way it runs, (n, 3) unit vectors."""

    middle: Numbers
    way: Numbers

    @staticmethod
    def of(number: NDArray[np.int32], lit: Lit) -> _Ways:
        count = int(number.max()) + 1
        where = np.nonzero(lit.vessels)
        numbers, weight = number[where], np.maximum(lit.ridge[where], 1e-3).astype(np.float64)
        total = np.maximum(np.bincount(numbers, weight, minlength=count), 1e-9)
        middle, spread = np.empty((count, 3)), np.empty((count, 3, 3))
        for a in range(3):
            middle[:, a] = np.bincount(numbers, weight * where[a], count) / total
            for b in range(3):
                ways = weight * lit.along[:, a] * lit.along[:, b]
                spread[:, a, b] = np.bincount(numbers, ways, minlength=count)
        return _Ways(middle * lit.spacing_mm, np.linalg.eigh(spread)[1][:, :, 2])

    def toward(self, pairs: Whole) -> Numbers:
        """Cosine between the line from one piece to another and their ways, the lesser one."""
        line = self.middle[pairs[:, 1]] - self.middle[pairs[:, 0]]
        line /= np.maximum(np.linalg.norm(line, axis=1, keepdims=True), 1e-9)
        one, other = (np.abs((self.way[pairs[:, n]] * line).sum(axis=1)) for n in (0, 1))
        return np.minimum(one, other)

    def ahead(self, lit: Lit) -> tuple[Whole, Numbers]:
        """Pairs (m, 2) of pieces that continue each other straight, inside the vessels.

        With the darkest place (m,) of the ridge on the line between them.
        """
        near = cKDTree(self.middle[1:]).query_pairs(AHEAD_MM, output_type="ndarray") + 1
        near = near[self.toward(near) > AHEAD] if len(near) else near.reshape(0, 2)
        start, end = self.middle[near[:, 0]], self.middle[near[:, 1]]
        shares = np.linspace(0.1, 0.9, SAMPLES)[:, None, None]
        places = (start + shares * (end - start)) / lit.spacing_mm
        i, j, k = np.moveaxis(np.rint(places).astype(np.int64), 2, 0)
        inside = lit.vessels[i, j, k].all(axis=0)
        lowest = lit.ridge[i, j, k].min(axis=0)[inside].astype(np.float64)
        return near[inside].astype(np.int64), lowest
