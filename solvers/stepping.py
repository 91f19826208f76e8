"""Load steps that adapt: as large as Newton's method bears, smaller where it does not arrive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from solvers.failures import NotConverged
from solvers.newton import TOLERANCE, Newton
from solvers.system import System

SMALLEST_STEP: Final = 1.0 / 64.0
ON_THE_WAY: Final = 1e-2
"""Relative residual at which a load step short of the full load is good enough to go on from."""
RELAXED_FROM: Final = 1.0 / 8.0
"""Step at which tissue may come to rest slowly: dearer than a larger step, not than many small."""
_EASY: Final = 5
"""Newton steps up to which the next load step may be twice as large."""


def loaded(
    system: System,
    newton: Newton,
    set_load: Callable[[float], None],
    *,
    steps: int,
    reference: float,
    tell: Callable[[float], object],
) -> None:
    """Bring the unknowns from rest to the full load.

    Args:
        set_load: sets loads and prescribed displacements to a part (0..1) of the full ones.
        steps: how many to begin with.
        reference: norm of the residual at rest under the full load.
        tell: is told the part reached.

    Raises:
        NotConverged: between which parts of the load it stopped, and why.
    """
    reached, step = 0.0, 1.0 / steps
    while reached < 1.0:
        aim = reached + step if reached + step < 1.0 - 1e-9 else 1.0
        before = system.state()
        set_load(aim)
        try:
            tolerance = TOLERANCE if aim == 1.0 else ON_THE_WAY
            taken = newton.solve(reference, tolerance, relaxing=step <= RELAXED_FROM)
        except NotConverged as error:
            system.restore(before)
            step = 0.5 * (aim - reached)
            if step < SMALLEST_STEP:
                where = f"between {reached:.3f} and {aim:.3f} of the load"
                raise NotConverged(f"{where}: {error}") from error
        else:
            reached = aim
            tell(reached)
            if taken <= _EASY:
                step *= 2.0
