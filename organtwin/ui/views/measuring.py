"""Measures drawn in a plane: distance, angle, region, in patient mm and the image's own values.

Pure numpy. Everything is computed from LPS mm through the affine, never from pixels. A region's
values are those of the original voxels whose centres lie inside it where its plane runs along the
voxels; in an oblique plane they are sampled linearly on a grid as fine as the shortest side of a
voxel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.ui.views.framing import Frame
from organtwin.ui.views.slicing import AXES, Canonical, Plane

Kind = Literal["ruler", "angle", "ellipse", "rectangle", "freehand"]
POINTS: Final[dict[Kind, int]] = {
    "ruler": 2,
    "angle": 3,
    "ellipse": 2,
    "rectangle": 2,
    "freehand": 0,
}
"""How many points make a measure; freehand takes any number from three."""
Point = tuple[float, float, float]
CORNERS: Final = 72
TOUCHING: Final = 1e-9
MOST_SAMPLES: Final = 4_000_000


@dataclass(frozen=True)
class Measure:
    """One measure, drawn in one plane of one image.

    Args:
        points_mm: LPS mm: ends of a ruler; end, apex, end of an angle; opposite corners of an
            ellipse's or rectangle's box; the corners of a freehand region.
        axes: rows: LPS unit vectors right, down, through of the frame it was drawn in.
        image: the id of the image it belongs to.
        oblique: the plane does not run along the voxels.
        number: tells measures apart.
    """

    kind: Kind
    points_mm: tuple[Point, ...]
    plane: Plane
    axes: tuple[Point, Point, Point]
    image: str
    oblique: bool = False
    number: int = 0

    @property
    def is_region(self) -> bool:
        """Whether it has values inside."""
        return self.kind in ("ellipse", "rectangle", "freehand")

    def frame(self) -> Frame:
        """Return a frame of its plane, its first point at the middle."""
        return Frame(np.array(self.axes).T, np.array(self.points_mm[0]), (1.0, 1.0))

    def flat(self) -> NDArray[np.float64]:
        """Return its points (n, 2) in mm to the right and down of the first."""
        result: NDArray[np.float64] = self.frame().flat(np.array(self.points_mm))[:, :2]
        return result


@dataclass(frozen=True)
class Values:
    """What a measure says; None where it does not apply.

    Args:
        count: voxels (or samples) inside.
        sd: standard deviation with n − 1, None for fewer than two.
        sampled_mm: distance of samples in an oblique plane, None where voxels were taken.
    """

    length_mm: float | None = None
    angle_deg: float | None = None
    area_mm2: float | None = None
    count: int = 0
    mean: float | None = None
    sd: float | None = None
    lowest: float | None = None
    highest: float | None = None
    sampled_mm: float | None = None


def measured(measure: Measure, grid: Canonical) -> Values:
    """Return what a measure says of an image."""
    points = np.array(measure.points_mm)
    if measure.kind == "ruler":
        return Values(length_mm=float(np.linalg.norm(points[1] - points[0])))
    if measure.kind == "angle":
        return Values(angle_deg=_angle_deg(points))
    inside, sampled = _inside_values(measure, grid)
    area = area_mm2(measure)
    if inside.size == 0:
        return Values(area_mm2=area, sampled_mm=sampled)
    values = inside.astype(np.float64)
    return Values(
        area_mm2=area,
        count=int(values.size),
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if values.size > 1 else None,
        lowest=float(values.min()),
        highest=float(values.max()),
        sampled_mm=sampled,
    )


def area_mm2(measure: Measure) -> float:
    """Return the area of a region as drawn, mm² (ellipse π a b; else by the corners)."""
    if measure.kind == "ellipse":
        corners = border_mm(replace(measure, kind="rectangle"))
        sides = np.linalg.norm(np.cross(corners[1] - corners[0], corners[2] - corners[1]))
        return float(np.pi / 4.0 * sides)
    corners = border_mm(measure)
    following = np.roll(corners, -1, axis=0)
    crossed = np.cross(corners - corners[0], following - corners[0]).sum(axis=0)
    return float(np.linalg.norm(crossed) / 2.0)


def border_mm(measure: Measure) -> NDArray[np.float64]:
    """Return the border (n, 3) LPS mm of a region, or the points of a line."""
    if measure.kind not in ("ellipse", "rectangle"):
        return np.array(measure.points_mm)
    (left, top), (right, bottom) = measure.flat()[:2]
    if measure.kind == "rectangle":
        flat = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    else:
        turn = np.linspace(0.0, 2.0 * np.pi, CORNERS, endpoint=False)
        flat = np.stack(
            (
                (left + right) / 2.0 + (right - left) / 2.0 * np.cos(turn),
                (top + bottom) / 2.0 + (bottom - top) / 2.0 * np.sin(turn),
            ),
            axis=-1,
        )
    return measure.frame().place_mm(np.column_stack((flat, np.zeros(len(flat)))))


def handles_mm(measure: Measure) -> NDArray[np.float64]:
    """Return where a measure can be taken hold of (n, 3) LPS mm."""
    if measure.kind in ("ellipse", "rectangle"):
        return border_mm(replace(measure, kind="rectangle"))
    return np.array(measure.points_mm)


def reshaped(measure: Measure, handle: int, to_mm: NDArray[np.float64]) -> Measure:
    """Return the measure with one handle put elsewhere in its plane."""
    points = list(measure.points_mm)
    place = measure.frame().flat(to_mm)
    place[2] = 0.0
    if measure.kind not in ("ellipse", "rectangle"):
        points[handle] = point(measure.frame().place_mm(place))
        return replace(measure, points_mm=tuple(points))
    (left, top), (right, bottom) = measure.flat()[:2]
    if handle in (0, 3):
        left = place[0]
    else:
        right = place[0]
    if handle in (0, 1):
        top = place[1]
    else:
        bottom = place[1]
    corners = [np.array([left, top, 0.0]), np.array([right, bottom, 0.0])]
    return replace(measure, points_mm=tuple(point(measure.frame().place_mm(c)) for c in corners))


def moved(measure: Measure, by_mm: NDArray[np.float64]) -> Measure:
    """Return the measure shifted by (3,) mm."""
    return replace(measure, points_mm=tuple(point(np.array(p) + by_mm) for p in measure.points_mm))


def point(place: NDArray[Any]) -> Point:
    """Return (3,) as a tuple."""
    x, y, z = (float(v) for v in place)
    return x, y, z


def _angle_deg(points: NDArray[np.float64]) -> float:
    first, second = points[0] - points[1], points[2] - points[1]
    across = np.linalg.norm(np.cross(first, second))
    return float(np.degrees(np.arctan2(across, first @ second)))


def _inside_values(measure: Measure, grid: Canonical) -> tuple[NDArray[Any], float | None]:
    if measure.oblique:
        return _samples(measure, grid)
    across, down, through = AXES[measure.plane]
    border = grid.index(border_mm(measure))
    number = round(float(border[:, through].mean()))
    if not 0 <= number < grid.array.shape[through]:
        return np.empty(0), None
    spans = []
    for axis in (across, down):
        first = max(int(np.ceil(border[:, axis].min() - TOUCHING)), 0)
        last = min(int(np.floor(border[:, axis].max() + TOUCHING)), grid.array.shape[axis] - 1)
        spans.append(np.arange(first, last + 1))
    index = np.zeros((len(spans[0]), len(spans[1]), 3))
    index[..., across], index[..., down] = np.meshgrid(*spans, indexing="ij")
    index[..., through] = number
    flat = measure.frame().flat(grid.position_mm(index))
    chosen = np.take(grid.array, number, axis=through)[np.ix_(*spans)]
    return chosen[_inside(measure, flat[..., 0], flat[..., 1])], None


def _samples(measure: Measure, grid: Canonical) -> tuple[NDArray[Any], float]:
    flat = measure.frame().flat(border_mm(measure))[:, :2]
    low, high = flat.min(axis=0), flat.max(axis=0)
    apart = float(grid.spacing_mm.min())
    apart = max(apart, float(np.sqrt(np.prod(high - low) / MOST_SAMPLES)))
    right, below = (np.arange(a + apart / 2.0, b, apart) for a, b in zip(low, high, strict=True))
    u, v = np.meshgrid(right, below, indexing="ij")
    taken = _inside(measure, u, v)
    places = np.column_stack((u[taken], v[taken], np.zeros(int(taken.sum()))))
    index = grid.index(measure.frame().place_mm(places))
    within = ((index >= -0.5) & (index <= np.array(grid.array.shape) - 0.5)).all(axis=1)
    values: NDArray[Any] = ndimage.map_coordinates(
        grid.array, index[within].T, output=np.float64, order=1, mode="nearest", prefilter=False
    )
    return values, apart


def _inside(measure: Measure, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which places (mm right, down of the first point) lie in a region; its border counts."""
    if measure.kind == "freehand":
        return _in_polygon(measure.flat(), u, v)
    first, last = measure.flat()[:2]
    middle, half = (first + last) / 2.0, np.maximum(np.abs(last - first) / 2.0, TOUCHING)
    a, b = (u - middle[0]) / half[0], (v - middle[1]) / half[1]
    if measure.kind == "ellipse":
        return np.asarray(a**2 + b**2 <= 1.0 + TOUCHING)
    return np.asarray((np.abs(a) <= 1.0 + TOUCHING) & (np.abs(b) <= 1.0 + TOUCHING))


def _in_polygon(
    corners: NDArray[np.float64], u: NDArray[np.float64], v: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Even-odd rule: a ray to the right crosses the border an odd number of times."""
    inside = np.zeros(u.shape, dtype=bool)
    for (a, b), (c, d) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if b == d:
            continue
        crosses = (b > v) != (d > v)
        inside ^= crosses & (u < a + (v - b) * (c - a) / (d - b))
    return inside
