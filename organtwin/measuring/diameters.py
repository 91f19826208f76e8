"""Longest diameters by RECIST 1.1 (Eisenhauer et al. 2009, Eur. J. Cancer 45:228,
10.1016/j.ejca.2008.10.026), on the outline of the voxels.

The outline runs half-way between the centres of a voxel inside and its neighbour outside; a
diameter is the distance of two corners of its convex hull. Everything is computed in mm through the
affine, so oblique and skewed grids are measured as they lie.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from organtwin.core.volume import spacing_of, to_lps
from organtwin.measuring.surfaces import box_of

SMALLEST_MM: Final = 10.0
"""Of a measurable lesion on CT and MR (measurability at baseline)."""
THIN_SLICE_MM: Final = 5.0
"""With thicker slices a measurable lesion is twice the slice (the same; its appendix II)."""
NODE_TARGET_MM: Final = 15.0
NODE_NORMAL_MM: Final = 10.0
"""Short axis of a node that may be a target, and below which it is normal (the same)."""
CLEARLY_THICKER: Final = 1.2
TOUCHING: Final = ndimage.generate_binary_structure(2, 2)
CORNERS_AT_ONCE: Final = 2048
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Line:
    """A straight line between two places.

    Args:
        start_mm, end_mm: LPS mm.
    """

    start_mm: Point
    end_mm: Point

    @property
    def length_mm(self) -> float:
        """Its length."""
        return float(np.linalg.norm(np.subtract(self.end_mm, self.start_mm)))


@dataclass(frozen=True)
class Diameters:
    """How long a structure is.

    Args:
        long_axis: the longest diameter within any one slice of the plane of acquisition.
        short_axis: the longest diameter across it, in the same piece of the same slice.
        longest: the longest diameter in any direction.
        across: the axis of the grid (0, 1, 2) that the slices are stacked along.
        slice_number: index along it of the slice of `long_axis`.
        slice_mm: distance of the slices.
        pieces: in how many pieces that slice shows the structure; one of them is measured.
    """

    long_axis: Line
    short_axis: Line
    longest: Line
    across: int
    slice_number: int
    slice_mm: float
    pieces: int

    @property
    def smallest_mm(self) -> float:
        """The least longest diameter that is measurable with these slices."""
        thick = self.slice_mm > THIN_SLICE_MM
        return max(SMALLEST_MM, 2.0 * self.slice_mm) if thick else SMALLEST_MM

    @property
    def measurable(self) -> bool:
        """Whether a lesion (no node) of this size may be a target."""
        return self.long_axis.length_mm >= self.smallest_mm

    @property
    def as_lesion(self) -> str:
        """What RECIST 1.1 says of a lesion of this size."""
        if self.measurable:
            return "measurable"
        slices = f"slices of {self.slice_mm:.1f} mm"
        return f"not measurable: under {self.smallest_mm:g} mm with {slices}"

    @property
    def as_node(self) -> str:
        """What RECIST 1.1 says of a lymph node of this size."""
        short = self.short_axis.length_mm
        if short >= NODE_TARGET_MM:
            return "pathological, may be a target"
        return "pathological, no target" if short >= NODE_NORMAL_MM else "normal size"


def diameters_of(
    mask: NDArray[np.bool_], affine: NDArray[np.float64], *, across: int | None = None
) -> Diameters:
    """Return the diameters of a mask (ni, nj, nk) bool on a grid (4, 4), index → LPS mm.

    Args:
        across: the axis that slices were stacked along; None for `stacked_along`.

    Raises:
        EmptyLabel: the mask has no voxels.
    """
    box = box_of(mask)
    low = np.array([cut.start for cut in box], dtype=np.float64)
    axis = stacked_along(affine) if across is None else across
    cropped = mask[box]
    pieces = [
        (line, hull, number, count)
        for number, plane in enumerate(np.moveaxis(cropped, axis, 0))
        for line, hull, count in _measured(plane, affine, axis)
    ]
    line, hull, number, count = max(pieces, key=lambda piece: piece[0].length_mm)
    step = np.array(affine[:3, axis]) * number + affine[:3, :3] @ low
    return Diameters(
        long_axis=_moved(line, step),
        short_axis=_moved(_across(hull, line), step),
        longest=_longest_of(cropped, low, affine),
        across=axis,
        slice_number=number + int(low[axis]),
        slice_mm=_slice_mm(affine, axis),
        pieces=count,
    )


def stacked_along(affine: NDArray[np.float64]) -> int:
    """Return the axis that slices were most probably stacked along: files do not say.

    The one with clearly the largest step, else the one nearest to the axis of the body.
    """
    spacing = np.array(spacing_of(affine))
    order = np.argsort(spacing)
    if spacing[order[2]] > CLEARLY_THICKER * spacing[order[1]]:
        return int(order[2])
    return int(np.argmax(np.abs(affine[2, :3]) / spacing))


def _slice_mm(affine: NDArray[np.float64], axis: int) -> float:
    """Return the distance of neighbouring planes across an axis, along their normal."""
    first, second = (affine[:3, n] for n in range(3) if n != axis)
    normal = np.cross(first, second)
    return float(abs(affine[:3, axis] @ normal) / np.linalg.norm(normal))


def _flat(affine: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return (2, 2): steps along the two axes of a slice as mm in an orthonormal frame of it."""
    steps = np.delete(affine[:3, :3], axis, axis=1)
    return np.linalg.qr(steps)[1]


def _measured(
    plane: NDArray[np.bool_], affine: NDArray[np.float64], axis: int
) -> Iterator[tuple[Line, NDArray[np.float64], int]]:
    """Yield the longest line and the hull's corners of each piece of a slice, and their number.

    In LPS mm as if the slice began at the first voxel of the grid; pieces touch at corners.
    """
    labelled, count = ndimage.label(plane, TOUCHING)
    for number, cut in enumerate(ndimage.find_objects(labelled), start=1):
        outline = _outline(labelled[cut] == number) + [c.start for c in cut]
        hull = outline[ConvexHull(outline @ _flat(affine, axis).T).vertices]
        corners = to_lps(affine, np.insert(hull, axis, 0.0, axis=1))
        yield _longest(corners), corners, count


def _moved(line: Line, step_mm: NDArray[np.float64]) -> Line:
    return Line(_point(line.start_mm + step_mm), _point(line.end_mm + step_mm))


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (n, d): outermost border points of a mask of d axes along each line of each axis.

    Half-way between the outermost voxel and the one outside. Their hull is that of the outline.
    """
    found = []
    for axis in range(mask.ndim):
        line = np.moveaxis(mask, axis, -1)
        places = np.argwhere(line.any(axis=-1)).astype(np.float64)
        kept = line[line.any(axis=-1)]
        first = kept.argmax(axis=-1) - 0.5
        last = kept.shape[-1] - kept[..., ::-1].argmax(axis=-1) - 0.5
        found += [np.insert(places, axis, ends, axis=1) for ends in (first, last)]
    return np.concatenate(found)


def _longest(corners: NDArray[np.float64]) -> Line:
    """Return the longest line between two of (n, 3) places."""
    best, ends = -1.0, (0, 0)
    for start in range(0, len(corners), CORNERS_AT_ONCE):
        far = cdist(corners[start : start + CORNERS_AT_ONCE], corners)
        row, column = np.unravel_index(int(far.argmax()), far.shape)
        if far[row, column] > best:
            best, ends = float(far[row, column]), (start + int(row), int(column))
    return Line(_point(corners[ends[0]]), _point(corners[ends[1]]))


def _longest_of(
    mask: NDArray[np.bool_], low: NDArray[np.float64], affine: NDArray[np.float64]
) -> Line:
    """Return the longest line between two border points of a mask whose first voxel is `low`.

    A corner of the hull is one of the flat hull of its own level too: most points need no more.
    """
    outline = _outline(mask)
    order = np.argsort(outline[:, 2], kind="stable")
    levels = np.split(outline[order], np.flatnonzero(np.diff(outline[order, 2])) + 1)
    corners = np.concatenate([_corners(level) for level in levels])
    places = to_lps(affine, corners + low)
    return _longest(places[ConvexHull(places).vertices])


def _corners(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the corners (m, 3) of the flat hull of points (n, 3) of one level."""
    flat = level[:, :2]
    if len(level) < 8 or np.linalg.matrix_rank(flat - flat[0]) < 2:
        return level
    kept: NDArray[np.float64] = level[ConvexHull(flat).vertices]
    return kept


def _across(corners: NDArray[np.float64], line: Line) -> Line:
    """Return the longest chord across a line, of the flat convex polygon with these corners.

    The chord's length is linear between corners, so the longest one starts at a corner.
    """
    start = np.array(line.start_mm)
    along = (np.array(line.end_mm) - start) / line.length_mm
    far = corners - start
    height = far @ along
    sides = far - height[:, None] * along
    across = sides[int(np.argmax(np.linalg.norm(sides, axis=1)))]
    across = across / np.linalg.norm(across)
    place = np.column_stack((height, sides @ across))
    low, high = _widths(place)
    best = int(np.argmax(high - low))
    at = start + height[best] * along
    return Line(_point(at + low[best] * across), _point(at + high[best] * across))


def _widths(polygon: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (n,) lowest and (n,) highest second coordinate of a convex polygon at each corner."""
    heights = polygon[:, 0]
    low, high = np.full(len(heights), np.inf), np.full(len(heights), -np.inf)
    for (a, b), (c, d) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        there = (heights >= min(a, c)) & (heights <= max(a, c))
        part = np.full(len(heights), 0.0) if a == c else (heights - a) / (c - a)
        value = b + part * (d - b)
        low[there] = np.minimum(low[there], np.minimum(value[there], d if a == c else np.inf))
        high[there] = np.maximum(high[there], np.maximum(value[there], d if a == c else -np.inf))
    return low, high


def _point(place: Sequence[float] | NDArray[np.float64]) -> Point:
    x, y, z = (float(v) for v in place)
    return x, y, z
