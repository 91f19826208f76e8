"""From one answer to another that lies near: Newton's method that keeps its tangent.

A step with the tangent of the step before costs a fifth of one with its own, and near an answer it
is nearly as good; a tangent is made anew when a step was not worth it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from solvers.failures import NotConverged
from solvers.newton import Newton
from solvers.system import System

MOST_STEPS: Final = 12
_WORTH: Final = 0.3
"""A step that leaves more than this of the residual asks for a new tangent."""
_GROWTH: Final = 4.0
_LOOSEST: Final = 0.05


def solve_nearby(system: System, newton: Newton, *, reference: float, tolerance: float) -> None:
    """Solve from where the unknowns stand, an earlier answer of the same system.

    Args:
        reference: norm that `tolerance` is relative to.

    Raises:
        NotConverged: it is not near, and `Newton.solve` or load steps have to lead there.
    """
    residual = system.residual()
    norm, turned = system.norm(residual), system.turned_mm3()
    again = system.norm(system.mismatch()) == 0.0
    if not again:  # what the supports ask for is far from what the residual measures
        norm = np.inf
    for _ in range(MOST_STEPS):
        if norm <= tolerance * reference:
            return
        wanted = max(_LOOSEST, 0.3 * tolerance * reference / norm)
        step = newton.linear.direction(residual, wanted, again=again)
        system.move(system.state(), step, 1.0)
        newton.iterations += 1
        residual = system.residual()
        before, norm = norm, system.norm(residual)
        if not norm <= _GROWTH * before or system.turned_mm3() > turned:
            break
        again = norm <= _WORTH * before
    raise NotConverged("the answer is not near the last one")
