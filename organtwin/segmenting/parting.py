"""Tell two vessel trees apart where they touch: the cheapest cut between their roots.

The vessels are cut into short pieces, and joins between them that are likely cost much to cut
(`pieces`). Wide pieces also show the brightness of their blood, and all pieces which vessels they
lie among (`company`). What is cut is found at once as a minimum cut (Greig, Porteous and Seheult
1989: the most probable labels of a two-label Markov field), with blood and company measured anew
after each cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from organtwin.segmenting.company import Company
from organtwin.segmenting.frame import Flags, Spacing
from organtwin.segmenting.morphology import depth_mm
from organtwin.segmenting.pieces import Lit, Numbers, Pieces, Whole, pieces_of

WIDE_MM = 1.6
"""Voxels this deep in a vessel show its blood, not its wall."""
CLASSES_MM = (2.0, 2.7)
"""Depths between narrow, middle and wide pieces, whose blood is compared each among its like."""
TEXTURE = 0.3
"""Sd of blood within one tree, in sd of the image's noise: mixing and contrast flow."""
MOST_SAID = 4.0
"""Most that one piece's blood can say, as log-odds."""
LEAST_SEEN = 3
PACE = 0.1
"""Share of what the company says anew that counts: all of it at once would swing to and fro."""
ROUNDS = 50
CERTAIN = 1e3
STEPS = 1000.0


@dataclass(frozen=True)
class Parting:
    """Two trees told apart, kept so that what a person points at is answered quickly.

    Args:
        vessels: (ni, nj, nk) bool.
        pieces: what they are cut into.
        favour: (n,) log-odds of each piece for the first tree, by roots, blood and company.
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
        pieces = pieces_of(lit)
        first = pieces.at(roots[0] & lit.vessels)
        second = np.setdiff1d(pieces.at(roots[1] & lit.vessels), first)
        held = np.zeros(pieces.count + 1)
        held[first], held[second] = CERTAIN, -CERTAIN
        blood, company = _Blood.of(pieces, lit), Company.of(pieces)
        mine, favour, said = _cut(pieces, held), held, np.zeros_like(held)
        for _ in range(ROUNDS):
            said += PACE * (company.speaks_for(mine) - said)
            favour = held + blood.speaks_for(mine) + said
            mine = _cut(pieces, favour)
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
    held = pieces.costs
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
