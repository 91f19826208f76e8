"""Tell two vessel trees apart where they touch: a random walk between their roots.

The vessels are cut into short pieces around their brightest places. Neighbouring pieces belong
together as far as the image stays bright from one to the other; a wall between two vessels that
merely touch shows as a dip. Wide pieces also show the brightness of their blood. The two are
weighed in one linear system (random walker with priors: Grady, CVPR 2005).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve
from skimage.segmentation import watershed

from organtwin.segmenting.frame import Flags, Floats

Numbers = NDArray[np.float64]
PRIOR = 0.3
TEXTURE_HU = 3.0


@dataclass(frozen=True)
class Pieces:
    """Vessel pieces 1..n: `number` (ni, nj, nk) int, their joins and how firm each is."""

    number: NDArray[np.int32]
    joins: NDArray[np.int64]
    firm: Numbers
    count: int


def parted(
    vessels: Flags,
    roots: tuple[Flags, Flags],
    ridge: Floats,
    *,
    wide: Flags,
    hu: Floats,
    noise: float,
) -> Flags:
    """Which vessel voxels belong to the first root.

    Args:
        vessels: (ni, nj, nk) bool.
        roots: voxels of the first and of the second tree's root.
        ridge: the image, lightly blurred, HU above tissue; noise is its sd.
        wide: vessel voxels far enough from the wall to show the blood's own brightness.
        hu: the image, not blurred.
    """
    pieces = _pieces(vessels, ridge, noise)
    fixed = np.full(pieces.count + 1, np.nan)
    for root, value in zip(roots, (1.0, 0.0), strict=True):
        fixed[np.unique(pieces.number[root & vessels])] = value
    fixed[0] = np.nan
    blood = _Blood.of(pieces, wide, hu)
    share = _walked(pieces, fixed, np.zeros((pieces.count + 1, 2)))
    for _ in range(3):
        share = _walked(pieces, fixed, blood.priors(share, noise))
    first: Flags = (share >= 0.5)[pieces.number] & vessels
    return first


def _pieces(vessels: Flags, ridge: Floats, noise: float) -> Pieces:
    peaks = (ridge == ndimage.maximum_filter(ridge, size=3)) & vessels
    markers, _ = ndimage.label(peaks, np.ones((3, 3, 3)))
    number = watershed(-ridge, markers, mask=vessels, connectivity=3).astype(np.int32)
    loose, extra = ndimage.label(vessels & (number == 0), np.ones((3, 3, 3)))
    count = int(markers.max()) + extra
    number[loose > 0] = loose[loose > 0] + markers.max()
    joins, saddle = _joins(number, ridge)
    top = np.asarray(ndimage.maximum(ridge, number, range(count + 1)))
    drop = np.minimum(top[joins[:, 0]], top[joins[:, 1]]) - saddle
    return Pieces(number, joins, np.exp(-np.square(drop / noise)) + 1e-4, count)


def _joins(number: NDArray[np.int32], ridge: Floats) -> tuple[NDArray[np.int64], Numbers]:
    """Pairs of pieces that share a face and the highest pass between them."""
    pairs, heights = [], []
    for axis in range(3):
        low = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        a, b = number[low], number[high]
        met = (a != b) & (a > 0) & (b > 0)
        pairs.append(np.stack([np.minimum(a[met], b[met]), np.maximum(a[met], b[met])], axis=1))
        heights.append(np.minimum(ridge[low][met], ridge[high][met]))
    joins, which = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    saddle = np.full(len(joins), -np.inf)
    np.maximum.at(saddle, which.ravel(), np.concatenate(heights).astype(np.float64))
    return joins.astype(np.int64), saddle


@dataclass(frozen=True)
class _Blood:
    """Mean HU and number of wide voxels of each piece, (n + 1,)."""

    mean: Numbers
    voxels: Numbers

    @staticmethod
    def of(pieces: Pieces, wide: Flags, hu: Floats) -> _Blood:
        numbers = pieces.number[wide]
        voxels = np.bincount(numbers, minlength=pieces.count + 1).astype(np.float64)
        total = np.bincount(numbers, hu[wide].astype(np.float64), minlength=pieces.count + 1)
        voxels[0] = 0.0
        return _Blood(total / np.maximum(voxels, 1.0), voxels)

    def priors(self, share: Numbers, noise: float) -> Numbers:
        """Weights (n + 1, 2) with which each piece's brightness speaks for either tree."""
        weights = np.zeros((len(share), 2))
        seen = self.voxels >= 3
        first, second = (
            np.average(self.mean, weights=self.voxels * side) if (self.voxels * side).any() else 0.0
            for side in ((share > 0.8) & seen, (share < 0.2) & seen)
        )
        if first == 0.0 or second == 0.0:
            return weights
        variance = TEXTURE_HU**2 + noise**2 / np.maximum(self.voxels, 1.0)
        likely = np.stack([-((self.mean - m) ** 2) / (2.0 * variance) for m in (first, second)], 1)
        likely = np.exp(likely - likely.max(axis=1, keepdims=True))
        weights[seen] = (PRIOR * likely / likely.sum(axis=1, keepdims=True))[seen]
        return weights


def _walked(pieces: Pieces, fixed: Numbers, priors: Numbers) -> Numbers:
    """Probability (n + 1,) that a walk from each piece ends at the first root."""
    size = pieces.count + 1
    a, b = pieces.joins.T
    links = sparse.coo_matrix((pieces.firm, (a, b)), shape=(size, size))
    links = links + links.T
    held = 1e-6 + priors.sum(axis=1)
    laplacian = sparse.diags(np.asarray(links.sum(axis=1)).ravel() + held) - links
    right = priors[:, 0] + 0.5e-6
    known = ~np.isnan(fixed)
    right = right - laplacian[:, known] @ fixed[known] if known.any() else right
    share = np.where(known, fixed, 0.5)
    free = ~known
    share[free] = spsolve(laplacian.tocsr()[free][:, free].tocsc(), right[free])
    return share
