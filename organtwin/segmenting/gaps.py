"""Vessel pieces that noise cut off are joined again: least-cost paths across short gaps.

A path is cheap where the image is bright (Dijkstra over the image: `skimage.graph`). A gap is
closed when the piece is near enough, and when what lies on the way is itself brighter than tissue;
the way is then part of the vessel, one voxel wide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import MCP_Geometric

from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.morphology import Box

GAP_MM = 8.0
FEWEST = 12
DARK = 8.0
"""How many times the length a path counts where it is as dark as tissue."""
LIT = 0.5
"""How bright the way must be on the mean, of what makes a piece."""
ROUNDS = 3


def gaps_closed(
    tree: Flags,
    bright: Floats,
    *,
    level: float,
    where: Flags,
    spacing_mm: Spacing,
    gap_mm: float = GAP_MM,
) -> Flags:
    """Join loose pieces to the tree, (ni, nj, nk) bool.

    Args:
        tree: vessels joined already.
        bright: (ni, nj, nk) float32, how much brighter than tissue.
        level: what is above it is a piece.
        where: voxels that a vessel may take.
        gap_mm: longest way across a gap.
    """
    if not tree.any():
        return tree
    pieces = where & (bright > level)
    found = tree.copy()
    for _ in range(ROUNDS):
        number, _ = ndimage.label(pieces & ~found, np.ones((3, 3, 3)))
        sizes = np.bincount(number.ravel())
        before = int(found.sum())
        for piece, place in enumerate(ndimage.find_objects(number), start=1):
            if sizes[piece] >= FEWEST:
                box = _grown(place, gap_mm, spacing_mm)
                loose = number[box] == piece
                lit = bright[box] / level
                way = _way(loose, found[box], lit, allowed=where[box], spacing_mm=spacing_mm)
                if len(way) and _length_mm(way, spacing_mm) <= gap_mm:
                    found[box] |= loose
                    found[box][tuple(way.T)] = True
        if int(found.sum()) == before:
            break
    return found


def _way(
    piece: Flags, tree: Flags, bright: Floats, *, allowed: Flags, spacing_mm: Spacing
) -> NDArray[np.int64]:
    """Voxels (n, 3) from a piece to the tree, both ends too; none when it would lead through dark.

    Args:
        bright: 1 is bright enough for a piece.
    """
    if not tree.any():
        return np.empty((0, 3), np.int64)
    costs = np.where(allowed | tree, 1.0 + DARK * np.clip(1.0 - bright, 0.0, 1.0), np.inf)
    paths = MCP_Geometric(costs, sampling=spacing_mm)
    reached, _ = paths.find_costs(np.argwhere(piece))
    reached = np.where(tree, reached, np.inf)
    end = np.unravel_index(int(np.argmin(reached)), reached.shape)
    if not np.isfinite(reached[end]):
        return np.empty((0, 3), np.int64)
    way = np.array(paths.traceback(end), dtype=np.int64)
    between = bright[tuple(way[1:-1].T)]
    lit = between.size == 0 or between.mean() > LIT
    return way if lit else way[:0]


def _length_mm(way: NDArray[np.int64], spacing_mm: Spacing) -> float:
    return float(np.linalg.norm(np.diff(way, axis=0) * spacing_mm, axis=1).sum())


def _grown(place: tuple[slice, ...], margin_mm: float, spacing_mm: Spacing) -> Box:
    """A box of index slices with a margin."""
    i, j, k = (
        slice(max(0, s.start - int(margin_mm / mm) - 1), s.stop + int(margin_mm / mm) + 1)
        for s, mm in zip(place, spacing_mm, strict=True)
    )
    return i, j, k
