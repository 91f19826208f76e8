"""A reaction that has no closed solution: Runge and Kutta's fourth order behind the treatments."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from solvers.growth.rates import Rate, pieces

LONGEST: Final = 0.1
"""Of a substep, over the time in which the reaction changes by a factor e. Measured over 10 of
those times against DOP853: error 1e-8 of the density at most for every model that marches."""
IN_A_PIECE: Final = 4
"""Substeps at least in each piece of a span that is cut where rates change fast."""
DEADEST: Final = -600.0


def marched(
    slope: Callable[[Any], Any],
    state: Any,
    span: tuple[float, float],
    rates: Sequence[Rate],
    *,
    quickest: float,
    living: Sequence[bool],
) -> Any:
    """Return the state after u' = slope(u) + a(t) u, the last for living species, over `span`.

    With e(t) = exp of the integral of a, w = u / e obeys w' = slope(e w) / e, which the classical
    Runge-Kutta method marches: what treatments kill is exact (Lawson 1967, 10.1137/0704033), and
    the time of each substep is cut where rates change fast (`pieces`).

    Args:
        slope: of a state; not negative where the state is not.
        state: (species, n) or, of one species, any shape; below zero it is returned as it is.
        quickest: 1/day, bounds what the reaction changes by per density.
        living: which species the rates act on.
    """
    below = np.where(np.real(state) < 0.0, state, 0.0)
    state = state - below
    active = [rate for rate in rates if rate.acts_in(span)]
    alive = np.array(living, float)[:, None] if len(living) > 1 else 1.0
    cuts = pieces(span, active)
    fewest = IN_A_PIECE if len(cuts) > 2 else 1
    for first, last in pairwise(cuts):
        count = max(fewest, math.ceil((last - first) * quickest / LONGEST - 1e-9))
        for start, end in pairwise(np.linspace(first, last, count + 1)):
            half, whole = (_effect(active, alive, start, to) for to in (0.5 * (start + end), end))
            state = _substep(slope, state, end - start, half=half, whole=whole)
    return state + below


def _effect(rates: Sequence[Rate], alive: Any, start: float, end: float) -> Any:
    """What treatments alone multiply the species by from start to end."""
    total: Any = sum(rate.integral(start, end) for rate in rates)
    return np.exp(np.where(np.real(total) > DEADEST, total, DEADEST) * alive)


def _substep(slope: Callable[[Any], Any], u: Any, days: float, *, half: Any, whole: Any) -> Any:
    first = slope(u)
    second = slope(half * (u + 0.5 * days * first)) / half
    third = slope(half * (u + 0.5 * days * second)) / half
    fourth = slope(whole * (u + days * third)) / whole
    return whole * (u + days / 6.0 * (first + 2.0 * second + 2.0 * third + fourth))
