"""Derivatives of a reaction, transposed: closed forms are checked against these complex steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from solvers.growth.rates import Rate

STEP: Final = 1e-40
"""Of the complex step: its square vanishes beside 1, so that the derivative has no other error.
Squire and Trapp 1998, 10.1137/S003614459631241X."""


class Slopes(NamedTuple):
    """The slope of a scalar J before a reaction, from its slope after it.

    Args:
        state: (species, n) dJ per density before.
        values: name → (n,) dJ per change of that parameter (or nodal field) at each node alone; a
            parameter that is one number has the sum of them.
        rates: for each rate dJ per change of its amount and of its decay per day.
    """

    state: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]]
    rates: tuple[tuple[float, float], ...]


def pulled_by_complex_step(
    reacted: Callable[..., Any],
    state: NDArray[np.float64],
    values: Mapping[str, Any],
    names: Sequence[str],
    *,
    span: tuple[float, float],
    rates: Sequence[Rate],
    slope: NDArray[np.float64],
) -> Slopes:
    """Return the slopes of any reaction in which each node is by itself.

    Args:
        reacted: of a `Growth`; analytic, and at home with complex numbers.
        state: (species, n) before the reaction.
        values: parameter → one number or (n,).
        names: those of `values` that the reaction depends on.
        span, rates: as `reacted` takes them.
        slope: (species, n) dJ per density after the reaction.
    """

    def moved(density: Any, of: Mapping[str, Any], added: Sequence[Rate]) -> Any:
        return (slope * reacted(density, of, span, added).imag).sum(axis=0) / STEP

    def nudged(row: int) -> Any:
        return state + 1j * STEP * (np.arange(len(state)) == row)[:, None]

    still = state.astype(np.complex128)
    before = np.array([moved(nudged(row), values, rates) for row in range(len(state))])
    by_value = {
        name: moved(still, {**values, name: values[name] + 1j * STEP}, rates) for name in names
    }
    by_rate = rate_slopes(lambda changed: moved(still, values, changed), rates, span)
    return Slopes(before, by_value, by_rate)


def rate_slopes(
    moved: Callable[[Sequence[Rate]], Any], rates: Sequence[Rate], span: tuple[float, float]
) -> tuple[tuple[float, float], ...]:
    """Return for each rate the slopes by its amount and its decay.

    Args:
        moved: `rates`, one of them moved by a complex step → (n,) the slope of J at each node.
        rates: what is added to the net growth.
        span: days.
    """

    def slopes(k: int, rate: Rate) -> tuple[float, float]:
        def by(nudged: Rate) -> float:
            return float(np.sum(moved([*rates[:k], nudged, *rates[k + 1 :]])))

        step: Any = 1j * STEP
        by_amount = by(replace(rate, amount=rate.amount + step))
        if not rate.decay_per_day:
            return by_amount, 0.0
        return by_amount, by(replace(rate, decay_per_day=rate.decay_per_day + step))

    return tuple(
        slopes(k, rate) if rate.acts_in(span) else (0.0, 0.0) for k, rate in enumerate(rates)
    )
