"""Links: which place of one visit is which of another, when that is known at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.case import Visit
from organtwin.core.errors import Missing
from organtwin.core.registration import Registration
from organtwin.core.volume import Volume

Map = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Link:
    """Maps places (..., 3) LPS mm of a first visit to a second and back.

    Args:
        there: first → second; `back` the other way. Each may raise BadArgument where the
            registration cannot be inverted.
        rotation: (3, 3), how directions turn on the way there (the rigid part).
        how: one line for the reader.
    """

    there: Map
    back: Map
    rotation: NDArray[np.float64]
    how: str

    def reversed(self) -> Link:
        """Return the link from the second to the first."""
        return Link(self.back, self.there, self.rotation.T, self.how)


def link(visits: Sequence[Visit], first: int, second: int, get: Callable[[str], Any]) -> Link:
    """Return the link between two visits of a case.

    Through the baseline frame where both are registered to it (the baseline is itself), else by
    patient coordinates where both images share a frame of reference (DICOM PS3.3 C.7.4.1).

    Raises:
        Missing: neither is known.
    """
    ways = [_registration(visits, number, get) for number in (first, second)]
    if ways[0] is not None and ways[1] is not None:
        return _through(ways[0], ways[1])
    one, other = (_volume(visits[number], get) for number in (first, second))
    if one.frame_uid and one.frame_uid == other.frame_uid:
        return Link(np.asarray, np.asarray, np.eye(3), "linked: same frame of reference")
    days = [
        f"day {visits[n].day:g}" for n, way in zip((first, second), ways, strict=True) if not way
    ]
    raise Missing(
        f"no registration of {' and '.join(days)}, no common frame of reference",
        where="comparing visits",
        advice="register it in Update to link the two",
    )


def _registration(
    visits: Sequence[Visit], number: int, get: Callable[[str], Any]
) -> Registration | None:
    if number == 0:
        return Registration.identity()
    name = visits[number].registration
    registration: Registration | None = get(name) if name else None
    return registration


def _volume(visit: Visit, get: Callable[[str], Any]) -> Volume:
    volume: Volume = get(visit.volume)
    return volume


def _through(first: Registration, second: Registration) -> Link:
    """First visit → baseline → second visit."""
    from organtwin.updating.mapping import to_baseline, to_visit

    def there(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return to_visit(second, to_baseline(first, points))

    def back(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return to_visit(first, to_baseline(second, points))

    turned = second.rigid[:3, :3] @ np.linalg.inv(first.rigid[:3, :3])
    left, _, right = np.linalg.svd(turned)
    worst = max(first.residual_mm, second.residual_mm)
    how = f"linked through the registration (residual {worst:.1f} mm)"
    return Link(there, back, left @ right, how)
