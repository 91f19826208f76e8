"""From one answer to another that lies near: Newton's method that keeps its tangent, and learns.

A step with the tangent of the step before costs a fifth of one with its own. What it gets wrong is
learnt from the steps themselves (Broyden's good update), so that steps are worth as much far from
where the tangent was made; one is made anew where that gets there sooner. Between half the load and
all of it that halved the time.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from solvers.failures import NotConverged
from solvers.newton import Newton
from solvers.system import System

Reals = NDArray[np.float64]
MOST_STEPS: Final = 14
_TANGENT: Final = 5
"""A new tangent costs as much as so many steps with a kept one."""
_FRESH: Final = 0.05
"""What a step with a new tangent leaves of the residual, about."""
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
    steps: list[Reals] = []
    for _ in range(MOST_STEPS):
        if norm <= tolerance * reference:
            return
        wanted = max(_LOOSEST, 0.3 * tolerance * reference / norm)
        steps = steps if again else []
        steps.append(_learnt(newton.linear.direction(residual, wanted, again=again), steps, system))
        system.move(system.state(), steps[-1], 1.0)
        newton.iterations += 1
        residual = system.residual()
        before, norm = norm, system.norm(residual)
        if not norm <= _GROWTH * before or system.turned_mm3() > turned:
            break
        again = not _slow(norm / (tolerance * reference), norm / before)
    raise NotConverged("the answer is not near the last one")


def _slow(left: float, rate: float) -> bool:
    """Whether, at this rate of residuals, a new tangent gets sooner from `left` to one."""
    if rate >= 1.0:
        return True
    decay = -math.log(max(rate, _FRESH))
    return math.log(left) * (1.0 / decay + 1.0 / math.log(_FRESH)) > _TANGENT


def _learnt(step: Reals, before: list[Reals], system: System) -> Reals:
    """Return a step of the kept tangent as Broyden's update would have it.

    The inverse's update needs the steps alone, each of them whole: Kelley 1995,
    10.1137/1.9781611970944, section 7.3.
    """
    for one, following in pairwise(before):
        step = step + following * (system.dot(one, step) / system.dot(one, one))
    if not before:
        return step
    last = before[-1]
    return step / (1.0 - system.dot(last, step) / system.dot(last, last))
