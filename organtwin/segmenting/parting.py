"""Tell two vessel trees apart where they touch: the cheapest cut between their roots.

The vessels are cut into short pieces around their brightest places. Two pieces that share a face
are one vessel the more surely, the less the image dips between them, the more both run the same
way and toward each other, and the wider the face is; a vessel that crosses or lies alongside fails
at least one of these. Pieces that continue each other straight across a few more are one vessel
too: so a vessel that passes through another stays whole. Wide pieces also show the brightness of
their blood. What is cut is found at once as a minimum cut (Greig, Porteous and Seheult 1989: the
most probable labels of a two-label Markov field), with the brightness of both kinds of blood
measured anew after each cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow
from scipy.spatial import cKDTree
from skimage.segmentation import watershed

from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.morphology import depth_mm

Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]
FIRMEST = 2.0
"""Log-odds that pieces with a perfect join are one vessel: most faces are not contacts."""
LEAST = 0.05
"""Floor of each sign of a join: none of them is certain."""
WIDE_MM = 1.6
"""Voxels this deep in a vessel show its blood, not its wall."""
CLASSES_MM = (2.0, 2.7)
"""Depths between narrow, middle and wide pieces, whose blood is compared each among its like."""
TEXTURE = 0.3
"""Sd of blood within one tree, in sd of the image's noise: mixing and contrast flow."""
MOST_SAID = 4.0
"""Most that one piece's blood can say, as log-odds."""
LEAST_SEEN = 3
AHEAD_MM = 12.0
AHEAD = 0.8
"""A piece up to so far on continues another when both run along the line between them (cosine)."""
STRAIGHT = 4.0
"""Log-odds that such pieces are one vessel when the image does not dip between them."""
SAMPLES = 9
ROUNDS = 8
CERTAIN = 1e3
STEPS = 1000.0


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
    """Vessel pieces 1..count: `number` (ni, nj, nk) int32, pairs that share a face (m, 2), and
    the log-odds (m,) that both are one vessel.
    """

    number: NDArray[np.int32]
    joins: Whole
    firm: Numbers
    count: int

    def at(self, where: Flags) -> Whole:
        """The pieces that some voxels belong to."""
        found = np.unique(self.number[where])
        return found[found > 0].astype(np.int64)


@dataclass(frozen=True)
class Parting:
    """Two trees told apart, kept so that what a person points at is answered quickly.

    Args:
        vessels: (ni, nj, nk) bool.
        pieces: what they are cut into.
        favour: (n,) log-odds of each piece for the first tree, by the roots and by its blood.
        spacing_mm: voxel size.
    """

    vessels: Flags
    pieces: Pieces
    favour: Numbers
    spacing_mm: Spacing

    @staticmethod
    def of(lit: Lit, roots: tuple[Flags, Flags]) -> Parting:
        """Tell two trees apart by their roots.

        Args:
            roots: voxels of the first and of the second tree's root; the first has what both claim.
        """
        pieces = _pieces(lit)
        first = pieces.at(roots[0] & lit.vessels)
        second = np.setdiff1d(pieces.at(roots[1] & lit.vessels), first)
        held = np.zeros(pieces.count + 1)
        held[first], held[second] = CERTAIN, -CERTAIN
        blood = _Blood.of(pieces, lit)
        mine, favour = _cut(pieces, held), held
        for _ in range(ROUNDS):
            favour = held + blood.speaks_for(mine)
            again = _cut(pieces, favour)
            if np.array_equal(again, mine):
                break
            mine = again
        return Parting(lit.vessels, pieces, favour, lit.spacing_mm)

    def first(self, pointed: tuple[Flags, Flags] | None = None) -> Flags:
        """Which vessel voxels belong to the first tree, (ni, nj, nk) bool.

        Pieces that a person pointed at are moved to their tree, and with them what the cheapest cut
        takes along: the branch behind the place where it was joined wrongly. A piece that was
        pointed at in both trees is shared out by what is nearer.

        Args:
            pointed: voxels that a person says belong to the first and to the second tree.
        """
        nothing = np.zeros_like(self.vessels)
        mine, theirs = pointed or (nothing, nothing)
        number, favour = self.pieces.number, self.favour.copy()
        ours, others = (self.pieces.at(said & self.vessels) for said in (mine, theirs))
        favour[ours], favour[others] = CERTAIN, -CERTAIN
        sides = _cut(self.pieces, favour)
        sides[0] = False
        found: Flags = sides[number]
        shared = np.isin(number, np.intersect1d(ours, others))
        if shared.any():
            near, far = (depth_mm(~(s & shared), self.spacing_mm) for s in (mine, theirs))
            found[shared] = (near <= far)[shared]
        return found


def _pieces(lit: Lit) -> Pieces:
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
    return Pieces(number, np.concatenate([joins, ahead]), log_odds, count)


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


@dataclass(frozen=True)
class _Blood:
    """Mean brightness, sd of that mean, and class of width (0, 1, 2; -1 unseen) of each piece."""

    mean: Numbers
    sd: Numbers
    width: Whole

    @staticmethod
    def of(pieces: Pieces, lit: Lit) -> _Blood:
        depth = depth_mm(lit.vessels, lit.spacing_mm)
        deep = lit.vessels & (depth > WIDE_MM)
        numbers = pieces.number[deep]
        voxels = np.bincount(numbers, minlength=pieces.count + 1)
        total = np.bincount(numbers, lit.ridge[deep], minlength=pieces.count + 1)
        deepest = np.asarray(ndimage.maximum(depth, pieces.number, range(pieces.count + 1)))
        width = np.where(voxels >= LEAST_SEEN, np.digitize(deepest, CLASSES_MM), -1)
        width[0] = -1
        voxels = np.maximum(voxels, 1)
        sd = lit.noise * np.sqrt(TEXTURE**2 + 1.0 / voxels)
        return _Blood(total / voxels, sd, width.astype(np.int64))

    def speaks_for(self, mine: Flags) -> Numbers:
        """Log-odds (n,) that each piece's blood is that of the pieces that are `mine`."""
        said = np.zeros(len(self.mean))
        for width in range(len(CLASSES_MM) + 1):
            seen = self.width == width
            ours, theirs = seen & mine, seen & ~mine
            if ours.any() and theirs.any():
                a, b = (np.average(self.mean[s], weights=self.sd[s] ** -2) for s in (ours, theirs))
                away = (self.mean - b) ** 2 - (self.mean - a) ** 2
                said[seen] = (away / (2.0 * self.sd**2))[seen]
        return np.clip(said, -MOST_SAID, MOST_SAID)


def _cut(pieces: Pieces, favour: Numbers) -> Flags:
    """Pieces (n,) on the first tree's side of the cheapest cut; favour: log-odds for it."""
    size = pieces.count + 1
    source, sink = size, size + 1
    numbers = np.arange(size)
    a, b = pieces.joins.T
    held = np.logaddexp(0.0, pieces.firm)
    for_first, for_second = favour > 0.0, favour < 0.0
    rows = [a, b, np.full(int(for_first.sum()), source), numbers[for_second]]
    columns = [b, a, numbers[for_first], np.full(int(for_second.sum()), sink)]
    costs = np.concatenate([held, held, favour[for_first], -favour[for_second]])
    entries = (np.rint(costs * STEPS).astype(np.int32), (_line(rows), _line(columns)))
    network = sparse.coo_matrix(entries, shape=(size + 2, size + 2)).tocsr()
    left = network - maximum_flow(network, source, sink).flow
    left.data = np.maximum(left.data, 0)
    left.eliminate_zeros()
    reached = np.zeros(size + 2, bool)
    reached[breadth_first_order(left, source, return_predecessors=False)] = True
    return reached[:size]


def _line(parts: list[Whole]) -> Whole:
    return np.concatenate(parts).astype(np.int64)
