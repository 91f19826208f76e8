"""Drawn: a cutting surface through lines drawn by hand over slices or over the organ in 3D."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from organtwin.core.directions import position
from organtwin.core.errors import BadArgument
from organtwin.meshing.warping import Distance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WHERE: Final = "cut"
STEP_MM: Final = 1.5
"""How far apart the places of the surface are."""
FIELD_MM: Final = 2.0
CLOSE: Final = 4.0
BESIDE: Final = 4.0
"""Outside the lines corners may be so many times as far apart: there nothing bends."""
DENSE: Final = 400
MOST_LINES: Final = 200
MOST_POINTS: Final = 2_000
SAME_MM: Final = 0.01
BEFORE_EYE: Final = 0.9


@dataclass(frozen=True)
class Drawing:
    """Lines drawn by hand, all seen in one direction.

    Args:
        lines_mm: each (n, 3) LPS mm, at least two points; at least one line.
        along: (3,) LPS, the direction in which one looked at them.
        eye_mm: (3,) LPS mm where one looked from in perspective; None: from infinitely far.
        other_side: the specimen is what lies to the left of the first line as it was drawn, seen in
            that direction; else what lies to its right.
    """

    lines_mm: tuple[Floats, ...]
    along: Floats
    eye_mm: Floats | None = None
    other_side: bool = False

    @classmethod
    def of(
        cls,
        lines_mm: Sequence[Sequence[Sequence[float]]],
        along: Sequence[float],
        eye_mm: Sequence[float] = (),
        *,
        other_side: bool = False,
    ) -> Drawing:
        """Return a drawing of numbers that come from elsewhere.

        Raises:
            BadArgument: not that many numbers, not finite, or too many; or a line of one place.
        """
        if not 1 <= len(lines_mm) <= MOST_LINES:
            raise BadArgument(f"a drawn cut has 1 to {MOST_LINES} lines", where=WHERE)
        lines = tuple(_distinct(_numbers(line, f"line {n + 1}")) for n, line in enumerate(lines_mm))
        direction = _numbers([along], "the direction of sight")[0]
        length = float(np.linalg.norm(direction))
        if not length > 1e-9:
            raise BadArgument("the direction of sight has no length", where=WHERE)
        eye = _numbers([eye_mm], "the eye")[0] if len(eye_mm) else None
        return cls(lines, direction / length, eye, other_side)

    def rays(self, places: Floats) -> Floats:
        """Return (n, 3) the direction in which places (n, 3) are seen, of length 1 along sight."""
        if self.eye_mm is None:
            return np.broadcast_to(self.along, places.shape)
        away = places - self.eye_mm
        depth = away @ self.along
        if depth.min() < SAME_MM:
            raise BadArgument("a line lies behind the eye", where=WHERE)
        result: Floats = away / depth[:, None]
        return result


@dataclass(frozen=True, eq=False)
class Drawn:
    """The surface through a drawing, by places on it.

    Args:
        grid: (r, c, 3) LPS mm, along the lines and from near to far.
        normals: (r, c, 3), of length 1, away from the specimen.
    """

    grid: Floats
    normals: Floats

    def triangles(self) -> Ints:
        """Return (f, 3) two for each four neighbours of the grid, indices into its places."""
        rows, columns = self.grid.shape[:2]
        number = np.arange(rows * columns).reshape(rows, columns)
        a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
        halves = (np.stack([a, b, c], axis=-1), np.stack([a, c, d], axis=-1))
        return np.concatenate([half.reshape(-1, 3) for half in halves])

    def knife(self, body: Floats, step_mm: float = FIELD_MM) -> Distance:
        """Return the surface as a signed distance around a body (n, 3) LPS mm.

        The height over the plane through the nearest place of the surface, every `step_mm`, and
        linear in between: with 2 mm on a bend of 30 mm radius that is less than 0.05 mm off.
        """
        low = body.min(axis=0) - 2.0 * step_mm
        shape = np.ceil((body.max(axis=0) - low) / step_mm).astype(int) + 3
        field = self._field(low, shape, step_mm)

        def distance(places: Floats) -> Floats:
            where = (places - low) / step_mm
            inside = np.clip(where, 0.0, shape - 1.0)
            beyond = step_mm * np.linalg.norm(where - inside, axis=1)
            values: Floats = ndimage.map_coordinates(field, inside.T, order=1)
            return values + np.copysign(beyond, values)

        return distance

    def _field(self, low: Floats, shape: Ints, step_mm: float) -> Floats:
        """Return (ni, nj, nk) heights on a grid: near the surface from the nearest place, else
        from one about as near.
        """
        places, normals = self.grid.reshape(-1, 3), self.normals.reshape(-1, 3)
        cell = np.rint((places - low) / step_mm).astype(int)
        inside = np.flatnonzero(((cell >= 0) & (cell < shape)).all(axis=1))
        if not len(inside):
            raise BadArgument("the cut leaves all of the mesh on one side", where=WHERE)
        owner = np.full(tuple(shape), -1)
        owner[tuple(cell[inside].T)] = inside
        near = ndimage.distance_transform_edt(
            owner < 0, return_distances=False, return_indices=True
        )
        nearest = owner[tuple(near)].ravel()
        corners = low + step_mm * np.indices(tuple(shape)).reshape(3, -1).T
        field: Floats = np.einsum("ij,ij->i", corners - places[nearest], normals[nearest])
        close = np.abs(field) < CLOSE * step_mm
        _, nearest = cKDTree(places).query(corners[close])
        field[close] = np.einsum("ij,ij->i", corners[close] - places[nearest], normals[nearest])
        result: Floats = field.reshape(shape)
        return result


def drawn(drawing: Drawing, body: Floats) -> Drawn:
    """Return the smooth surface through all lines of a drawing, that goes on beyond a body.

    Through the points of a line goes a natural cubic spline (centripetal, Lee 1989), straight on at
    both ends; across lines, in the order of sight, one through places that lie as far along each
    line; before the first line and behind the last the surface goes on in the direction of sight.

    Args:
        body: (n, 3) LPS mm, the points of what is to be cut.

    Raises:
        BadArgument: a line crosses itself where the body is, two lines lie at one depth, a line
            lies behind the eye.
    """
    low, high = body.min(axis=0), body.max(axis=0)
    middle, radius = (low + high) / 2.0, float(np.linalg.norm(high - low)) / 2.0
    longest = max(_lengths(line)[-1] for line in drawing.lines_mm)
    count = int(np.clip(longest / STEP_MM, 16, 400)) + 1
    rows = [_curve(line, count, (middle, radius)) for line in _ordered(drawing)]
    for row in rows:
        _refuse_crossing(row, drawing.along, middle, radius)
    grid = np.stack(rows) if len(rows) == 1 else _across(np.stack(rows), drawing.along)
    grid = np.concatenate([
        _beyond(grid[0], drawing, -1.0, (middle, radius))[::-1], grid,
        _beyond(grid[-1], drawing, 1.0, (middle, radius)),
    ])  # fmt: skip
    return Drawn(grid, _normals(grid, turned=drawing.other_side))


def _ordered(drawing: Drawing) -> list[Floats]:
    """Return the lines from near to far, all drawn the way of the first drawn."""
    first = drawing.lines_mm[0]
    turned = [first]
    for line in drawing.lines_mm[1:]:
        same = np.linalg.norm(line[0] - first[0]) + np.linalg.norm(line[-1] - first[-1])
        opposite = np.linalg.norm(line[0] - first[-1]) + np.linalg.norm(line[-1] - first[0])
        turned.append(line if same <= opposite else line[::-1])
    depths = np.array([float(line.mean(axis=0) @ drawing.along) for line in turned])
    order = np.argsort(depths)
    if (np.diff(depths[order]) < SAME_MM).any():
        raise BadArgument(
            "two lines of the drawn cut lie at the same depth",
            where=WHERE,
            advice="draw one line in each slice",
        )
    return [turned[number] for number in order]


def _curve(line: Floats, count: int, ball: tuple[Floats, float]) -> Floats:
    """Return (count + more, 3) evenly along the spline through a line, straight on at its ends."""
    knots = np.concatenate([[0.0], np.cumsum(np.sqrt(np.diff(_lengths(line))))])
    spline = CubicSpline(knots, line, bc_type="natural")
    dense = np.asarray(spline(np.linspace(0.0, knots[-1], DENSE)))
    lengths = _lengths(dense)
    even = np.linspace(0.0, lengths[-1], count)
    inner = np.stack([np.interp(even, lengths, dense[:, axis]) for axis in range(3)], axis=1)
    ends = [np.asarray(spline(at, 1)) for at in (0.0, knots[-1])]
    before = _straight(inner[0], -ends[0], ball)
    after = _straight(inner[-1], ends[1], ball)
    return np.concatenate([before[::-1], inner, after])


def _straight(start: Floats, direction: Floats, ball: tuple[Floats, float]) -> Floats:
    """Return places straight on from one, as many for any start, that end outside a ball."""
    unit = direction / max(float(np.linalg.norm(direction)), 1e-12)
    reach = float(np.linalg.norm(start - ball[0])) + ball[1]
    return start + unit * np.linspace(0.0, reach, _many(ball[1]))[1:, None]


def _across(rows: Floats, along: Floats) -> Floats:
    """Return (r, c, 3): curves between lines (n, c, 3), by splines over their depths."""
    depths = (rows @ along).mean(axis=1)
    between = [
        np.linspace(low, high, max(2, int((high - low) / STEP_MM) + 1))[:-1]
        for low, high in pairwise(depths)
    ]
    spline = CubicSpline(depths, rows, axis=0, bc_type="natural")
    return np.asarray(spline(np.concatenate([*between, depths[-1:]])))


def _beyond(row: Floats, drawing: Drawing, sign: float, ball: tuple[Floats, float]) -> Floats:
    """Return (k, c, 3) a curve moved on in the direction of sight, or against it."""
    reach = float(np.linalg.norm(row - ball[0], axis=1).min()) + 2.0 * ball[1]
    if drawing.eye_mm is not None and sign < 0.0:
        reach = min(reach, BEFORE_EYE * float(((row - drawing.eye_mm) @ drawing.along).min()))
    moves = sign * np.linspace(0.0, reach, _many(ball[1]))[1:]
    result: Floats = row + moves[:, None, None] * drawing.rays(row)
    return result


def _many(radius: float) -> int:
    return int(np.clip(2.0 * radius / (BESIDE * STEP_MM), 4, 40)) + 1


def _refuse_crossing(row: Floats, along: Floats, middle: Floats, radius: float) -> None:
    """Raise BadArgument where a curve crosses itself, as it is seen, inside a ball."""
    first = np.cross(along, np.eye(3)[int(np.argmin(np.abs(along)))])
    axes = np.stack([first, np.cross(along, first)], axis=1)
    flat = (row - middle) @ axes / np.linalg.norm(first)
    start, way = flat[:-1, None], np.diff(flat, axis=0)[:, None]
    gap = start.swapaxes(0, 1) - start
    slope = _turn(way, way.swapaxes(0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        here, there = _turn(gap, way.swapaxes(0, 1)) / slope, _turn(gap, way) / slope
    number = np.arange(len(way))
    apart = number[None, :] - number[:, None] > 1
    crossed = apart & (here >= 0.0) & (here <= 1.0) & (there >= 0.0) & (there <= 1.0)
    for one in np.argwhere(crossed)[:, 0]:
        if np.linalg.norm(flat[one]) < radius:
            raise BadArgument(
                "the drawn line, or its end drawn straight on, crosses itself at "
                + position(row[one].tolist()),
                where=WHERE,
                advice="draw both ends out of the organ, away from each other",
            )


def _turn(a: Floats, b: Floats) -> Floats:
    result: Floats = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return result


def _normals(grid: Floats, *, turned: bool) -> Floats:
    """Return (r, c, 3) normals of length 1, to the left of lines as they are seen."""
    found = np.cross(np.gradient(grid, axis=1), np.gradient(grid, axis=0))
    found /= np.maximum(np.linalg.norm(found, axis=2, keepdims=True), 1e-12)
    return -found if turned else found


def _lengths(line: Floats) -> Floats:
    """Return (n,) how far along a line its points lie, mm."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _distinct(line: Floats) -> Floats:
    """Return a line without points that repeat the one before; raises BadArgument."""
    new = np.linalg.norm(np.diff(line, axis=0), axis=1) > SAME_MM
    kept: Floats = line[np.concatenate([[True], new])]
    if len(kept) < 2:
        raise BadArgument("a line needs two places", where=WHERE, advice="draw it longer")
    return kept


def _numbers(rows: Sequence[Sequence[float]], what: str) -> Floats:
    """Return (n, 3) finite numbers; raises BadArgument."""
    try:
        found = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadArgument(f"{what} is no places of three numbers", where=WHERE) from error
    if found.ndim != 2 or found.shape[1] != 3 or not np.isfinite(found).all():
        raise BadArgument(f"{what} is no places of three finite numbers", where=WHERE)
    if len(found) > MOST_POINTS:
        raise BadArgument(f"{what} has more than {MOST_POINTS} places", where=WHERE)
    return found
