"""Scribbles as a person may draw them, from the truth by a rule, for `segmentation.py`.

Six lines in all for one structure: in each of three slices one line inside and one around.

- Slices: of even draws one axial, one coronal and one sagittal, each between 35 and 65 % of the
  structure's extent; of odd draws three axial ones, near 25, 50 and 75 % (± 8).
- Inside: in the largest part of the structure in that slice, the path between the two farthest
  places of its core (deeper than 0.4 of the deepest) that keeps to the middle (cost 1 / depth). So
  do simulated scribbles in the literature, which follow the medial axis of an eroded mask (Lin et
  al. 2016, ScribbleSup; Wang et al. 2018, DeepIGeoS).
- Around: a contour at 6 to 14 mm outside, 60 to 100 % of its length from a place drawn at random,
  where it lies in the image. It says nothing of where organs are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import route_through_array
from skimage.measure import find_contours

from organtwin.core.volume import to_lps
from organtwin.segmenting import BACKGROUND, Seeds

Line = NDArray[np.float64]


def drawn(mask: NDArray[np.bool_], affine: NDArray[np.float64], name: str, *, draw: int) -> Seeds:
    """Return three lines in a structure and three around it.

    Args:
        mask: (ni, nj, nk), axes nearest to left, back, head in any direction.
        draw: which of the random choices.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    random = np.random.default_rng(draw)
    inside, outside = [], []
    for axis, share in _cuts(draw, random):
        others = tuple(a for a in range(3) if a != axis)
        held = np.flatnonzero(mask.any(axis=others))
        slice_ = int(held[0] + share * (held[-1] - held[0]))
        flat, flat_mm = np.take(mask, slice_, axis=axis), spacing[list(others)]
        outside_mm, length = random.uniform(6.0, 14.0), random.uniform(0.6, 1.0)
        found = _middle_line(flat, flat_mm), _around(flat, flat_mm, outside_mm, length, random)
        for lines, line in zip((inside, outside), found, strict=True):
            if line is not None and len(line) > 1:
                lines.append(np.insert(line, axis, slice_, axis=1))
    placed = {name: inside, BACKGROUND: outside}
    return Seeds(
        scribbles={
            n: tuple(tuple(map(tuple, to_lps(affine, line).tolist())) for line in lines)
            for n, lines in placed.items()
        }
    )


def _cuts(draw: int, random: np.random.Generator) -> list[tuple[int, float]]:
    if draw % 2 == 0:
        return [(axis, random.uniform(0.35, 0.65)) for axis in (2, 1, 0)]
    return [(2, share + random.uniform(-0.08, 0.08)) for share in (0.25, 0.5, 0.75)]


def _middle_line(flat: NDArray[np.bool_], flat_mm: NDArray[np.float64]) -> Line:
    part = _largest(flat)
    depth = ndimage.distance_transform_edt(np.pad(part, 1), sampling=flat_mm)[1:-1, 1:-1]
    core = _largest(depth >= 0.4 * depth.max())
    places = np.argwhere(core)
    mm = places * flat_mm
    first = int(np.argmax(((mm - mm.mean(axis=0)) ** 2).sum(axis=1)))
    last = int(np.argmax(((mm - mm[first]) ** 2).sum(axis=1)))
    cost = np.where(core, 1.0 / np.maximum(depth, 0.1), 1e4)
    return np.array(route_through_array(cost, places[last], places[first])[0], dtype=float)


def _around(
    flat: NDArray[np.bool_],
    flat_mm: NDArray[np.float64],
    outside_mm: float,
    share: float,
    random: np.random.Generator,
) -> Line | None:
    contours = find_contours(ndimage.distance_transform_edt(~flat, sampling=flat_mm), outside_mm)
    if not contours:
        return None
    line = max(contours, key=len)
    count = max(2, int(share * len(line)))
    closed = np.allclose(line[0], line[-1])
    start = int(random.integers(len(line) if closed else len(line) - count + 1))
    return line[(start + np.arange(count)) % len(line)]


def _largest(flat: NDArray[np.bool_]) -> NDArray[np.bool_]:
    parts, _ = ndimage.label(flat)
    return parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
