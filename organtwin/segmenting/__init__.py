"""Label the organ, its vessels and its tumours: one method a file, found by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.registry import chosen, registered
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.organs import Organ

Point = tuple[float, float, float]
MOST_POINTS = 10_000


@dataclass(frozen=True)
class Seeds:
    """What a person pointed at.

    Args:
        points: structure name ("liver", "tumour-1", "background") → points (x, y, z) in LPS mm.
        diameters_mm: structure name → approximate diameter in mm.

    Raises:
        BadArgument: a value is not a finite number, a diameter is not positive, or there are more
            than 10 000 points.
    """

    points: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    diameters_mm: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Freeze both mappings; refuse what no method could use."""
        points = {
            name: tuple(_point(p, name) for p in given) for name, given in self.points.items()
        }
        if sum(map(len, points.values())) > MOST_POINTS:
            raise BadArgument(f"more than {MOST_POINTS} seed points", where="seeds")
        diameters = {name: float(d) for name, d in self.diameters_mm.items()}
        for name, diameter in diameters.items():
            if not 0.0 < diameter < 1000.0:
                raise BadArgument(f"a diameter of {diameter} mm", where=f"seeds: {name}")
        object.__setattr__(self, "points", MappingProxyType(points))
        object.__setattr__(self, "diameters_mm", MappingProxyType(diameters))


def _point(point: Point, name: str) -> Point:
    try:
        x, y, z = (float(value) for value in point)
    except (TypeError, ValueError) as error:
        raise BadArgument(f"{point!r} is not a point", where=f"seeds: {name}") from error
    if not all(abs(value) < 1e5 for value in (x, y, z)):
        raise BadArgument(f"{point!r} is not a point in mm", where=f"seeds: {name}")
    return x, y, z


class Segment(Protocol):
    """What every method does."""

    def __call__(
        self, volume: Volume, organ: Organ, seeds: Seeds, labels: LabelMap | None, *, watch: Watch
    ) -> LabelMap:
        """Return labels on the volume's grid."""
        ...


@dataclass(frozen=True)
class Method:
    """A way to label an image.

    Args:
        name: as said on the command line ("liver-ct").
        title: one line for a person.
        kind: "automatic" needs no seeds; "seeded" does.
        segment: (volume, organ, seeds, labels so far or None, watch=watch) → labels on the volume's
            grid. Raises BadArgument for an image or seeds it cannot use, EmptyLabel when the
            structure is not to be found, Stopped when asked to stop.
    """

    name: str
    title: str
    kind: Literal["automatic", "seeded"]
    segment: Segment


def methods() -> Mapping[str, Method]:
    """Return every method by name."""
    import organtwin.segmenting as package

    return registered(package, "METHOD")


def method(name: str) -> Method:
    """Return one method; raises BadArgument naming the ones there are."""
    found: Method = chosen(methods(), name, "segmentation method")
    return found
