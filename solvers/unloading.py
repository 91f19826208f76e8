"""The shape of an organ without the loads it was scanned under.

Fixed-point iteration on the nodes: X ← X - (X + u(X) - x), x as scanned, u(X) the displacement of
the shape X under the loads (Sellier 2011, J. Fluids Struct. 27, 1461-1470,
10.1016/j.jfluidstructs.2011.08.002), made faster by Anderson's mixing of the last few steps
(Walker & Ni 2011, 10.1137/10078356X).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.failures import NotConverged
from solvers.organ import Level, Organ, Values

Reals = NDArray[np.float64]
TOLERANCE_MM: Final = 0.01
MOST_ROUNDS: Final = 40
_REMEMBERED: Final = 5


def unloaded(
    organ: Organ,
    values: Values,
    settings: Mapping[str, Any],
    *,
    steps: int = 1,
    tell: Callable[[float], object] = float,
) -> tuple[Level, Reals]:
    """Return the solved level and (n, 3) the nodes in mm of the organ without its loads.

    The level's displacement leads from there to the mesh as it was given, to `TOLERANCE_MM`.
    Arguments as of `Organ.solve`. The organ is left on the unloaded mesh until `Organ.reshape`.

    Raises:
        NotConverged: a node is still farther off than that, or no such shape was found; the
            message says where.
    """
    scanned = organ.mesh.points_mm
    shape, mixing = scanned, _Mixing()
    level = organ.solve(values, settings, steps=steps, tell=lambda part: tell(0.5 * part))
    for round_ in range(MOST_ROUNDS):
        gap = shape + level.displacement_mm() - scanned
        distance = np.linalg.norm(gap, axis=1)
        worst = int(distance.argmax())
        if distance[worst] <= TOLERANCE_MM:
            return level, shape
        tell(0.5 + 0.5 * round_ / MOST_ROUNDS)
        shape = mixing.next(shape, -gap)
        _require_cells(organ, shape)
        organ.reshape(shape)
        level.resettle(steps)
    raise NotConverged(
        f"the shape without loads is {distance[worst]:.3g} mm off at {_place(scanned[worst])} "
        f"after {MOST_ROUNDS} rounds, {TOLERANCE_MM} mm is wanted"
    )


class _Mixing:
    """Anderson's mixing: the next guess from the last ones and their steps."""

    def __init__(self) -> None:
        self._shapes: list[Reals] = []
        self._steps: list[Reals] = []

    def next(self, shape: Reals, step: Reals) -> Reals:
        """Return the guess that follows `shape`, whose own step is `step`."""
        self._shapes = [*self._shapes[-_REMEMBERED:], shape.ravel()]
        self._steps = [*self._steps[-_REMEMBERED:], step.ravel()]
        guess = self._shapes[-1] + self._steps[-1]
        if len(self._steps) > 1:
            changes = np.diff(self._steps, axis=0).T
            part = np.linalg.lstsq(changes, self._steps[-1], rcond=1e-8)[0]
            guess = guess - (np.diff(self._shapes, axis=0).T + changes) @ part
        return guess.reshape(shape.shape)


def _require_cells(organ: Organ, shape: Reals) -> None:
    cells = organ.mesh.cells
    edges = [p[cells[:, 1:]] - p[cells[:, :1]] for p in (shape, organ.mesh.points_mm)]
    kept, before = np.linalg.det(np.stack(edges))
    worst = int((kept / before).argmin())
    if kept[worst] / before[worst] <= 0.0:
        place = _place(shape[cells[worst]].mean(axis=0))
        raise NotConverged(
            f"the shape without loads turns a cell inside out at {place}: "
            "the loads are too large for tissue as soft as this"
        )


def _place(point: Reals) -> str:
    x, y, z = point
    return f"({x:.0f}, {y:.0f}, {z:.0f}) mm"
