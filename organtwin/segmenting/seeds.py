"""Seeds: what a person pointed at in an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core import names
from organtwin.core.errors import BadArgument

Point = tuple[float, float, float]
Line = tuple[Point, ...]
BACKGROUND: Final = names.BACKGROUND
"""What lies in none of the structures asked for."""
MOST_POINTS: Final = 100_000
FARTHEST_MM: Final = 1e5
FRAME: Final = "frame"


@dataclass(frozen=True)
class Seeds:
    """What a person pointed at; all places in LPS mm.

    Args:
        points: structure name ("liver", "tumour-1", "background") → points.
        scribbles: structure name → lines drawn inside it, each two points or more, straight from
            one to the next.
        diameters: structure name → the two ends of its longest diameter.
        diameters_mm: structure name → its longest diameter in mm; that of `diameters` where those
            are given.

    Raises:
        BadArgument: a value is not a finite number, a diameter is not in (0, 1000) mm, a scribble
            has no length, or there are more than 100 000 points.
    """

    points: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    diameters_mm: Mapping[str, float] = field(default_factory=dict)
    scribbles: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)
    diameters: Mapping[str, tuple[Point, Point]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Freeze the mappings; refuse what no method could use."""
        points = {name: _line(given, name) for name, given in self.points.items()}
        scribbles = {
            name: tuple(_scribble(one, name) for one in given)
            for name, given in self.scribbles.items()
        }
        ends = {name: _ends(given, name) for name, given in self.diameters.items()}
        drawn = {name: float(np.linalg.norm(np.subtract(*two))) for name, two in ends.items()}
        lengths = {name: float(d) for name, d in self.diameters_mm.items()} | drawn
        for name, length in lengths.items():
            if not 0.0 < length < 1000.0:
                raise BadArgument(f"a diameter of {length} mm", where=f"seeds: {name}")
        count = sum(map(len, points.values())) + sum(len(s) for g in scribbles.values() for s in g)
        if count > MOST_POINTS:
            raise BadArgument(f"more than {MOST_POINTS} seed points", where="seeds")
        object.__setattr__(self, "points", MappingProxyType(points))
        object.__setattr__(self, "diameters_mm", MappingProxyType(lengths))
        object.__setattr__(self, "scribbles", MappingProxyType(scribbles))
        object.__setattr__(self, "diameters", MappingProxyType(ends))

    @property
    def every_name(self) -> tuple[str, ...]:
        """Every structure that anything is said of."""
        return tuple(dict.fromkeys([*self.names, *self.diameters_mm]))

    @property
    def names(self) -> tuple[str, ...]:
        """Every structure with a point, a scribble or a diameter drawn, in order of naming."""
        given = (self.points, self.scribbles, self.diameters)
        return tuple(dict.fromkeys(name for one in given for name in one if one[name]))

    def places(self, name: str, step_mm: float) -> NDArray[np.float64]:
        """Return (n, 3) LPS mm: a structure's points and its scribbles and diameter, each sampled.

        Args:
            step_mm: at most so far apart along a line.
        """
        lines = [*self.scribbles.get(name, ())]
        lines += [self.diameters[name]] if name in self.diameters else []
        found = [np.array(self.points.get(name, ()), dtype=np.float64).reshape(-1, 3)]
        found += [_between(a, b, step_mm) for line in lines for a, b in pairwise(line)]
        return np.concatenate(found)


def seeds_of(plain: Mapping[str, Any], affine: NDArray[np.float64] | None = None) -> Seeds:
    """Return the Seeds that JSON values say.

    Args:
        plain: the fields of `Seeds`, and "frame" where places are not LPS mm: "ras" (mm, as NIfTI
            has them) or "index" (i, j, k of voxel centres, from 0).
        affine: (4, 4) float64, index → LPS mm, of the image; for "index".

    Raises:
        BadArgument: anything else.
    """
    require_fields(plain)
    known = [field.name for field in fields(Seeds)]
    try:
        seeds = Seeds(**{name: dict(plain[name]) for name in known if plain.get(name)})
    except (TypeError, ValueError, AttributeError) as error:
        raise BadArgument(f"these are no seeds ({error})", where="seeds") from error
    return _moved(seeds, _to_lps(plain.get(FRAME, "lps"), affine))


def require_fields(plain: Mapping[str, Any]) -> None:
    """Raise BadArgument for a field that seeds do not have."""
    known = (*(field.name for field in fields(Seeds)), FRAME)
    if unknown := [str(name) for name in plain if name not in known]:
        raise BadArgument(
            f"seeds hold no {', '.join(unknown)}",
            where="seeds",
            advice="they hold: " + ", ".join(known),
        )


def _to_lps(frame: object, affine: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return (4, 4) from the frame of seeds to LPS mm."""
    said = frame.lower() if isinstance(frame, str) else frame
    if said == "index" and affine is not None:
        return affine
    if said not in ("lps", "ras"):
        raise BadArgument(
            f"a frame {frame!r} is not known here", where="seeds", advice="use lps, ras or index"
        )
    return np.diag([-1.0, -1.0, 1.0, 1.0]) if said == "ras" else np.eye(4)


def _moved(seeds: Seeds, matrix: NDArray[np.float64]) -> Seeds:
    if np.array_equal(matrix, np.eye(4)):
        return seeds

    def line(points: Line) -> Line:
        moved = np.array(points).reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
        return tuple((x, y, z) for x, y, z in moved.tolist())

    ends = {name: line(two) for name, two in seeds.diameters.items()}
    return Seeds(
        {name: line(given) for name, given in seeds.points.items()},
        {name: d for name, d in seeds.diameters_mm.items() if name not in ends},
        {name: tuple(map(line, given)) for name, given in seeds.scribbles.items()},
        {name: (a, b) for name, (a, b) in ends.items()},
    )


def _between(a: Point, b: Point, step_mm: float) -> NDArray[np.float64]:
    first, last = np.array(a), np.array(b)
    count = max(2, int(np.ceil(np.linalg.norm(last - first) / step_mm)) + 1)
    points: NDArray[np.float64] = first + np.linspace(0.0, 1.0, count)[:, None] * (last - first)
    return points


def _scribble(given: Iterable[Point], name: str) -> Line:
    line = _line(given, name)
    if len(set(line)) < 2:
        raise BadArgument("a scribble has no length", where=f"seeds: {name}")
    return line


def _ends(given: Iterable[Point], name: str) -> tuple[Point, Point]:
    line = _line(given, name)
    if len(line) != 2:
        raise BadArgument(f"a diameter has 2 ends, not {len(line)}", where=f"seeds: {name}")
    return line[0], line[1]


def _line(given: Iterable[Point], name: str) -> Line:
    return tuple(_point(point, name) for point in given)


def _point(point: Point, name: str) -> Point:
    try:
        x, y, z = (float(value) for value in point)
    except (TypeError, ValueError) as error:
        raise BadArgument(f"{point!r} is not a point", where=f"seeds: {name}") from error
    if not all(abs(value) < FARTHEST_MM for value in (x, y, z)):
        raise BadArgument(f"{point!r} is not a point in mm", where=f"seeds: {name}")
    return x, y, z
