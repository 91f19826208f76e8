"""The voxels that a brush drawn along a polyline touches, exactly, on any grid.

A ball drawn along a segment is a capsule and a disc is a flat one; both are convex, so that a row
of voxels along i meets them in one interval. Its ends solve a quadratic: |b + u i|² = r², b from
the segment's start to the row's voxel of i = 0, u the step along i, both in mm. What a row gets
does not depend on the box looked at (no sum is left to BLAS, whose order depends on the length), so
a stroke drawn piece by piece is the stroke drawn at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.volume import to_index
from organtwin.editing.asking import RADIUS_LIMIT_MM, Asked, Form
from organtwin.editing.ground import NOWHERE, Ground, Places
from solvers.contract import Parameter

FLAT: Final = 1e-12
TIE: Final = 1e-6
"""Part of a disc's thickness by which a voxel half-way between two planes belongs to the one."""
ROWS_AT_ONCE: Final = 1 << 13
ROW_LIMIT: Final = 1 << 27
"""Rows of voxels that the pieces of a stroke look at: about two minutes."""
Floats = NDArray[np.float64]
Interval = tuple[Floats, Floats]
"""First and last index i, not whole, of each row; first > last where there is none."""
BRUSH: Final = Form(
    "stroke",
    settings=(
        Parameter("radius_mm", "mm", 0.05, RADIUS_LIMIT_MM, "radius of the brush", "a choice", 5.0),
        Parameter(
            "thickness_mm", "mm", 0.0, RADIUS_LIMIT_MM,
            "thickness of a disc; never less than the voxels that its plane cuts", "a choice", 0.0,
        ),
    ),
    choices={"brush": ("sphere", "disc")},
)  # fmt: skip


def stroke(ground: Ground, asked: Asked) -> Places:
    """Return the voxels whose centres a brush reaches.

    A disc lies in the plane of `normal` through its point and holds every voxel that the plane
    cuts there: what a slice shows under the brush is what is painted.

    Raises:
        BadArgument: a disc without a normal, or so many points so large that it takes minutes.
    """
    normal = None
    if asked.choices["brush"] == "disc":
        normal = asked.normal
        if normal is None:
            raise BadArgument("a disc needs the normal of its plane", where="normal")
    brush = _Brush.of(ground.affine, asked.numbers, normal)
    points = asked.points_mm
    ends = np.stack([points[:-1], points[1:]]) if len(points) > 1 else points[[[0], [0]]]
    first, last = _boxes(ground, ends, brush)
    rows = (last - first)[:, 1:].prod(axis=1) * (last > first).all(axis=1)
    if rows.sum() > ROW_LIMIT:
        raise BadArgument(
            "this stroke has too many points for so large a brush", where="points, radius_mm"
        )
    parts = np.split(
        np.arange(len(rows)), np.flatnonzero(np.diff(rows.cumsum() // ROWS_AT_ONCE)) + 1
    )
    starts, stops = NOWHERE, NOWHERE
    for part in parts:
        found = _runs(ground, brush, ends[:, part], first=first[part], last=last[part])
        starts, stops = _merged(*map(np.append, (starts, stops), found))
    lengths = stops - starts
    before = np.cumsum(lengths) - lengths
    where: Places = np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))
    return where


@dataclass(frozen=True, eq=False)
class _Brush:
    """A ball, or a disc in the plane of a normal.

    Args:
        step: (3,) mm along i.
        reach: (3,) index steps along i, j, k to its edge.
        half_mm: half of a disc's thickness.
    """

    step: Floats
    reach: Floats
    radius_mm: float
    normal: Floats | None
    half_mm: float

    @classmethod
    def of(cls, affine: Floats, numbers: Mapping[str, float], normal: Floats | None) -> Self:
        """Return a brush on a grid."""
        axes, radius_mm = affine[:3, :3], numbers["radius_mm"]
        rows = np.linalg.inv(axes)
        if normal is None:
            return cls(axes[:, 0], radius_mm * np.linalg.norm(rows, axis=1), radius_mm, None, 0.0)
        half_mm = max(0.5 * float(np.abs(normal @ axes).sum()), 0.5 * numbers["thickness_mm"])
        through = np.abs(rows @ normal)
        beside = np.sqrt(np.maximum((rows**2).sum(axis=1) - through**2, 0.0))
        reach = radius_mm * beside + half_mm * (1 + TIE) * through
        return cls(axes[:, 0], reach, radius_mm, normal, half_mm)

    def rows(self, b: Floats, along: Floats, segment: NDArray[np.int64]) -> Interval:
        """Return where rows meet it.

        Everything is told by products of vectors, seen along the normal of a disc: its own part
        along that is taken off each.

        Args:
            b: (3, n) mm from the start of a row's segment to the row's voxel of i = 0.
            along: (3, s) mm from the start to the end of each segment.
            segment: (n,) the segment of each row.
        """
        u, n = self.step, np.zeros(3) if self.normal is None else self.normal
        un, bn, dn = float(u @ n), _dot(b, n), _dot(along, n)
        uu, bu, bb = float(u @ u) - un * un, _dot(b, u) - bn * un, _dot(b, b) - bn * bn
        length = np.sqrt(np.maximum(_dot(along, along) - dn * dn, 0.0))
        scale = np.where(length < FLAT, 0.0, 1.0 / np.maximum(length, FLAT))
        ue = ((_dot(along, u) - un * dn) * scale)[segment]
        be = _dot(b, (along * scale)[:, segment]) - bn * (dn * scale)[segment]
        ends, r2 = length[segment], self.radius_mm**2
        found = _hull(
            _quadratic(uu, bu, bb - r2),
            _quadratic(uu, bu - ends * ue, bb - 2.0 * ends * be + ends * ends - r2),
            _both(
                _quadratic(uu - ue * ue, bu - be * ue, bb - be * be - r2),
                _slab(ue, be, 0.0, ends),
            ),
        )
        if self.normal is None:
            return found
        edges = (-self.half_mm * (1 - TIE), self.half_mm * (1 + TIE))
        return _both(found, _slab(un, bn, *edges))


def _boxes(
    ground: Ground, ends_mm: Floats, brush: _Brush
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (n, 3) first and (n, 3) last index, not included, of each segment's box."""
    index, size = to_index(ground.affine, ends_mm), np.array(ground.shape)
    first = np.clip(np.floor(index.min(axis=0) - brush.reach), 0, size).astype(np.int64)
    last = np.clip(np.ceil(index.max(axis=0) + brush.reach) + 1, 0, size).astype(np.int64)
    return first, last


def _runs(
    ground: Ground,
    brush: _Brush,
    ends_mm: Floats,
    *,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
) -> tuple[Places, Places]:
    """Return where runs of voxels start and stop, counted in Fortran order, for some segments."""
    size = np.maximum(last - first, 0)
    rows = size[:, 1] * size[:, 2] * (size[:, 0] > 0)
    segment = np.repeat(np.arange(len(rows)), rows)
    number = np.arange(segment.size) - np.repeat(np.cumsum(rows) - rows, rows)
    j, k = (number % size[segment, 1]), (number // size[segment, 1])
    j, k = j + first[segment, 1], k + first[segment, 2]
    _, v, w, origin = ground.affine[:3].T
    start = (origin - ends_mm[0]).T
    b = np.stack([v[a] * j + w[a] * k + start[a, segment] for a in range(3)])
    low, high = brush.rows(b, (ends_mm[1] - ends_mm[0]).T, segment)
    ni, nj, _ = ground.shape
    low, high = np.maximum(np.ceil(low), 0), np.minimum(np.floor(high), ni - 1)
    there = low <= high
    base = ni * (j + nj * k)[there]
    return base + low[there].astype(np.int64), base + high[there].astype(np.int64) + 1


def _merged(starts: Places, stops: Places) -> tuple[Places, Places]:
    """Return the union of runs as runs that do not touch, ascending."""
    if not starts.size:
        return NOWHERE, NOWHERE
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(stops[order])
    fresh = np.append(True, starts[1:] > ends[:-1])
    return starts[fresh], ends[np.append(np.flatnonzero(fresh)[1:] - 1, -1)]


def _hull(*parts: Interval) -> Interval:
    """Return the smallest intervals around some, of which those that are none do not count."""
    there = [first <= last for first, last in parts]
    lows = [np.where(t, first, np.inf) for t, (first, _) in zip(there, parts, strict=True)]
    highs = [np.where(t, last, -np.inf) for t, (_, last) in zip(there, parts, strict=True)]
    return np.minimum.reduce(lows), np.maximum.reduce(highs)


def _quadratic(square: Floats | float, half: Floats, rest: Floats) -> Interval:
    """Return where square i² + 2 half i + rest ≤ 0; square is not negative."""
    flat = np.asarray(square) < FLAT
    under = half * half - square * rest
    met = np.where(flat, rest <= 0, under >= 0)
    over = 1.0 / np.where(flat, 1.0, square)
    reach = np.where(flat, np.inf, np.sqrt(np.maximum(under, 0.0)) * over)
    middle = np.where(flat, 0.0, -half * over)
    return np.where(met, middle - reach, np.inf), np.where(met, middle + reach, -np.inf)


def _slab(step: Floats | float, first: Floats, low: float, high: Floats | float) -> Interval:
    """Return where low ≤ first + step i ≤ high."""
    flat = np.abs(step) < FLAT
    over = 1.0 / np.where(flat, 1.0, step)
    one, other = (low - first) * over, (high - first) * over
    there = (first >= low) & (first <= high)
    inside, outside = np.where(there, -np.inf, np.inf), np.where(there, np.inf, -np.inf)
    return (
        np.where(flat, inside, np.minimum(one, other)),
        np.where(flat, outside, np.maximum(one, other)),
    )


def _both(one: Interval, other: Interval) -> Interval:
    return np.maximum(one[0], other[0]), np.minimum(one[1], other[1])


def _dot(one: Floats, other: Floats) -> Floats:
    result: Floats = one[0] * other[0] + one[1] * other[1] + one[2] * other[2]
    return result
