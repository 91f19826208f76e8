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

People draw otherwise too: `short` straight strokes, all `axial` with one long thick stroke and
coarse rings, several organs `together`, each what the others are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import route_through_array
from skimage.measure import find_contours

from organtwin.core.volume import to_lps
from organtwin.segmenting import BACKGROUND, Seeds

Line = NDArray[np.float64]
Mask = NDArray[np.bool_]


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


def short(mask: Mask, affine: Line, name: str, *, draw: int) -> Seeds:
    """Return three straight strokes of 10 to 25 mm in a structure and three of 20 to 40 around it.

    In the slices of `drawn`; those inside lie in its core, those around on the contour 6 to 14 mm
    outside, and touch it nowhere.
    """
    spacing, random = np.linalg.norm(affine[:3, :3], axis=0), np.random.default_rng(draw)
    inside, outside = [], []
    for axis, share in _cuts(draw, random):
        flat, flat_mm, slice_ = _slice(mask, spacing, axis, share)
        line = _middle_line(flat, flat_mm)
        stroke = _straight(line, flat_mm, random.uniform(10.0, 25.0), random)
        inside.append(np.insert(stroke[_in(flat, stroke)], axis, slice_, axis=1))
        around = _around(flat, flat_mm, random.uniform(6.0, 14.0), 1.0, random)
        if around is not None:
            stroke = _straight(around, flat_mm, random.uniform(20.0, 40.0), random)
            outside.append(np.insert(stroke[~_in(flat, stroke)], axis, slice_, axis=1))
    return _placed({name: inside, BACKGROUND: outside}, affine)


def axial(mask: Mask, affine: Line, name: str, *, draw: int) -> Seeds:
    """Return one long stroke, three slices thick, in the middle, and three coarse rings around.

    A ring is an octagon 10 to 25 mm outside, in an axial slice near 20, 50 and 80 % (± 8).
    """
    spacing, random = np.linalg.norm(affine[:3, :3], axis=0), np.random.default_rng(draw)
    inside, outside = [], []
    for share in (0.2, 0.5, 0.8):
        flat, flat_mm, slice_ = _slice(mask, spacing, 2, share + random.uniform(-0.08, 0.08))
        if share == 0.5:
            line = _middle_line(flat, flat_mm)
            for k in (slice_ - 1, slice_, slice_ + 1):
                held = line[_in(mask[:, :, k], line)]
                inside.append(np.insert(held, 2, k, axis=1))
        ring = _around(flat, flat_mm, random.uniform(10.0, 25.0), 1.0, random)
        if ring is not None:
            corners = ring[np.linspace(0, len(ring) - 1, 9).astype(int)]
            steps = np.linspace(0.0, 1.0, 20)[:, None]
            sides = np.concatenate([a + steps * (b - a) for a, b in pairwise(corners)])
            outside.append(np.insert(sides[~_in(flat, sides)], 2, slice_, axis=1))
    return _placed({name: inside, BACKGROUND: outside}, affine)


def together(masks: Mapping[str, Mask], affine: Line, *, draw: int) -> Seeds:
    """Return two lines in each of several structures, and one around each where none of them is."""
    placed: dict[str, list[Line]] = {BACKGROUND: []}
    every = np.any(list(masks.values()), axis=0)
    spacing, random = np.linalg.norm(affine[:3, :3], axis=0), np.random.default_rng(draw)
    for name, mask in masks.items():
        placed[name] = []
        for axis in (2, 1):
            flat, flat_mm, slice_ = _slice(mask, spacing, axis, random.uniform(0.35, 0.65))
            line = _middle_line(flat, flat_mm)
            placed[name].append(np.insert(line, axis, slice_, axis=1))
        around = _around(flat, flat_mm, random.uniform(6.0, 14.0), 0.8, random)
        if around is not None:
            free = around[~_in(np.take(every, slice_, axis=1), around)]
            placed[BACKGROUND].append(np.insert(free, 1, slice_, axis=1))
    return _placed(placed, affine)


def _placed(lines: Mapping[str, Sequence[Line]], affine: Line) -> Seeds:
    """Seeds of lines in voxels (n, 3), as the places they go through: they may have gaps."""
    points: dict[str, tuple[tuple[float, ...], ...]] = {}
    for name, drawn_ in lines.items():
        held = [to_lps(affine, line).tolist() for line in drawn_ if len(line)]
        points[name] = tuple(tuple(place) for line in held for place in line)
    return Seeds(points)


def _slice(mask: Mask, spacing: Line, axis: int, share: float) -> tuple[Mask, Line, int]:
    others = tuple(a for a in range(3) if a != axis)
    held = np.flatnonzero(mask.any(axis=others))
    slice_ = int(held[0] + share * (held[-1] - held[0]))
    return np.take(mask, slice_, axis=axis), spacing[list(others)], slice_


def _straight(line: Line, flat_mm: Line, length_mm: float, random: np.random.Generator) -> Line:
    """A straight stroke from a random place of a line to the one length_mm on, in 30 steps."""
    first = int(random.integers(len(line)))
    away = np.linalg.norm((line - line[first]) * flat_mm, axis=1)
    last = line[int(np.argmin(np.abs(away - length_mm)))]
    return line[first] + np.linspace(0.0, 1.0, 30)[:, None] * (last - line[first])


def _in(flat: Mask, line: Line) -> Mask:
    i, j = np.clip(np.rint(line).astype(int), 0, np.array(flat.shape) - 1).T
    return flat[i, j]


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
