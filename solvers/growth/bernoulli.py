"""Reactions u' = (rho + a(t)) u - rho u^(1 + q), solved and differentiated in closed form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.growth.model import PROLIFERATION, Growth
from solvers.growth.rates import Rate, exponent_and_crowding
from solvers.growth.slopes import STEP, Slopes, rate_slopes


class Bernoulli(Growth):
    """A model whose reaction is Bernoulli's equation with the power q of `power_name`, or 1."""

    power_name: str = ""

    def power(self, values: Mapping[str, Any]) -> Any:
        """Return q (1), how late growth slows."""
        return values[self.power_name] if self.power_name else 1.0

    def reacted(
        self,
        state: Any,
        values: Mapping[str, Any],
        span: tuple[float, float],
        rates: Sequence[Rate] = (),
    ) -> Any:
        """Return the state after u' = (ρ + a(t)) u - ρ u^(1 + q) over `span` (days), exactly.

        A density below zero, where the model says nothing and only rounding of a steep front can
        lead, is returned as it is.
        """
        q = self.power(values)
        grown, crowding = exponent_and_crowding(values[PROLIFERATION.name], q, span, rates)
        gain = np.exp(grown)
        if not np.any(np.real(state) < 0.0):
            return gain * (state / _slowed(crowding, state, q))
        above = np.where(np.real(state) < 0.0, 0.0, state)
        return gain * (above / _slowed(crowding, above, q)) + (state - above)

    def pulled(
        self,
        state: NDArray[np.float64],
        values: Mapping[str, Any],
        span: tuple[float, float],
        rates: Sequence[Rate] = (),
        *,
        slope: NDArray[np.float64],
    ) -> Slopes:
        """Return the slopes before the reaction, in closed form.

        With A and G of `exponent_and_crowding` and b = 1 + G u^q the result is v = u e^A b^(-1/q);
        so dv/du = e^A b^(-1/q - 1), dv/dA = v, dv/dG = -v u^q / (q b) and, G held,
        dv/dq = v (ln b / q² - G u^q ln u / (q b)). A and G are scalars while ρ is one: their own
        slopes are complex steps of those.
        """
        rho, q = values[PROLIFERATION.name], self.power(values)
        grown, crowding = exponent_and_crowding(rho, q, span, rates)
        alive = state[0] >= 0.0
        weight = slope[0] if alive.all() else np.where(alive, slope[0], 0.0)
        u = np.maximum(state[0], 0.0)
        powered = u if _is_one(q) else u**q
        left = 1.0 / (1.0 + crowding * powered)
        gain = np.exp(grown) * (left if _is_one(q) else left ** (1.0 / q))
        onto_a = weight * (u * gain)
        onto_g = onto_a * (powered * left) / -q

        def through(rho: Any, q: Any, rates: Sequence[Rate]) -> Any:
            a, g = (np.imag(each) / STEP for each in exponent_and_crowding(rho, q, span, rates))
            return onto_a * a + onto_g * g

        by_value = {PROLIFERATION.name: through(rho + 1j * STEP, q, rates)}
        if self.power_name:
            logarithm = np.log(np.where(u > 0.0, u, 1.0))
            held = -np.log(left) / q**2 - crowding * powered * logarithm * left / q
            by_value[self.power_name] = onto_a * held + through(rho, q + 1j * STEP, rates)
        by_rate = rate_slopes(lambda changed: through(rho, q, changed), rates, span)
        return Slopes((weight * (gain * left) + (slope[0] - weight))[None], by_value, by_rate)


def _slowed(crowding: Any, density: Any, q: Any) -> Any:
    if _is_one(q):
        return 1.0 + crowding * density
    return (1.0 + crowding * density**q) ** (1.0 / q)


def _is_one(q: Any) -> bool:
    return bool(np.ndim(q) == 0 and q == 1.0)
