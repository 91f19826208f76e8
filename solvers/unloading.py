"""The shape of an organ without the loads it was scanned under.

Fixed-point iteration on the nodes: X ← X - (X + u(X) - x), x as scanned, u(X) the displacement of
the shape X under the loads (Sellier 2011, J. Fluids Struct. 27, 1461-1470,
10.1016/j.jfluidstructs.2011.08.002), made faster by Anderson's mixing of the last few steps
(Walker & Ni 2011, 10.1137/10078356X). Where it does not arrive it goes by parts of the loads.
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
ON_THE_WAY_MM: Final = 0.5
"""What is good enough at a part of the loads."""
SMALLEST_STEP: Final = 1.0 / 16.0
MOST_ROUNDS: Final = 25
_REMEMBERED: Final = 5
_PARTS: Final = (1.0, 0.5, 0.25, 0.125)
_FLATTEST: Final = 0.05
"""Part of its volume in the scan that a cell must keep."""


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
    Arguments as of `Organ.solve`. The organ stays on the unloaded mesh until it is next solved.

    Raises:
        BadInput: as `Organ.solve`.
        NotConverged: a node is still farther off than that, or no such shape was found; the
            message says where, and at which part of the loads.
    """
    organ.prepare(values, settings)
    contact_mm = organ.contact_tolerance_mm(settings)
    shape, reached, step = organ.mesh.points_mm, 0.0, 1.0 / steps
    system = organ.fine.system
    while reached < 1.0:
        aim = reached + step if reached + step < 1.0 - 1e-9 else 1.0
        before = system.state()
        try:
            shape = _shape_at(organ, shape, aim, contact_mm=contact_mm)
        except NotConverged as error:
            system.restore(before)
            organ.reshape(shape)
            step *= 0.5
            if step < SMALLEST_STEP:
                raise NotConverged(f"without {aim:.2f} of the loads: {error}") from error
        else:
            reached = aim
            tell(reached)
    return organ.fine, shape


def _shape_at(organ: Organ, shape: Reals, part: float, *, contact_mm: float) -> Reals:
    """The shape without `part` of the loads, from one without less."""
    scanned, level, mixing = organ.mesh.points_mm, organ.fine, _Mixing()
    wanted_mm = TOLERANCE_MM if part == 1.0 else ON_THE_WAY_MM
    for _ in range(MOST_ROUNDS):
        level.settle(part)
        if part == 1.0:
            level.press(contact_mm)
        gap = shape + level.displacement_mm() - scanned
        distance = np.linalg.norm(gap, axis=1)
        worst = int(distance.argmax())
        if distance[worst] <= wanted_mm:
            return shape
        shape = _sound(organ, shape, mixing.next(shape, -gap))
        organ.reshape(shape)
    raise NotConverged(
        f"the shape is {distance[worst]:.3g} mm off at {_place(scanned[worst])} "
        f"after {MOST_ROUNDS} rounds, {wanted_mm} mm is wanted"
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


def _sound(organ: Organ, before: Reals, wanted: Reals) -> Reals:
    """Go from one shape to another as far as no cell turns inside out."""
    cells, given = organ.mesh.cells, organ.mesh.points_mm
    for part in _PARTS:
        shape = before + part * (wanted - before)
        edges = [p[cells[:, 1:]] - p[cells[:, :1]] for p in (shape, given)]
        kept, first = np.linalg.det(np.stack(edges))
        worst = int((kept / first).argmin())
        if kept[worst] / first[worst] > _FLATTEST:
            return shape
    raise NotConverged(
        f"a cell turns inside out at {_place(shape[cells[worst]].mean(axis=0))}: the loads "
        "are too large for tissue as soft as this"
    )


def _place(point: Reals) -> str:
    x, y, z = point
    return f"({x:.0f}, {y:.0f}, {z:.0f}) mm"
