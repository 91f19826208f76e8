"""Rates added to the net growth for a while (a chemotherapy course), integrated in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


@dataclass(frozen=True)
class Rate:
    """``amount`` × exp(-``decay_per_day`` (t - ``day``)) from `day` to `until_day`.

    Args:
        amount: 1/day at `day`; negative kills.
        day, until_day: days from the start of the job.
        decay_per_day: 1/day, 0 for a constant rate.
    """

    amount: float
    day: float
    until_day: float = math.inf
    decay_per_day: float = 0.0

    def integral(self, start: float, end: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return its integral from `start` to each `end` (days): the logarithm of its effect."""
        first = np.clip(start, self.day, self.until_day) - self.day
        last = np.clip(end, self.day, self.until_day) - self.day
        if self.decay_per_day == 0.0:
            return np.asarray(self.amount * (last - first))
        decay = self.decay_per_day
        before = math.exp(-decay * first)
        return np.asarray(self.amount / decay * before * -np.expm1(-decay * (last - first)))


def exponent(
    rho_per_day: float, span: tuple[float, float], ends: NDArray[np.float64], rates: Sequence[Rate]
) -> NDArray[np.float64]:
    """Return the integral of rho and all `rates` from the span's start to each of `ends` (days)."""
    total = rho_per_day * (ends - span[0])
    for rate in rates:
        total = total + rate.integral(span[0], ends)
    return total


def gain_and_crowding(
    rho_per_day: float, power: float, span: tuple[float, float], rates: Sequence[Rate]
) -> tuple[float, float]:
    """Return (E, G) of the Bernoulli equation u' = (rho + a(t)) u - rho u^(1 + power) over `span`.

    Its solution is u0 E / (1 + G u0^power)^(1/power) with E = exp A(end), A the integral of
    rho + a from the start, and G = power rho times the integral of exp(power A). A is in closed
    form. So is G without rates, (E^power - 1); with rates it is a scalar integral of a function
    that is smooth while no rate starts or ends inside the span, taken by 24-point Gauss-Legendre.
    """
    start, end = span
    last = float(exponent(rho_per_day, span, np.array([end]), rates)[0])
    if not any(rate.day < end and rate.until_day > start for rate in rates):
        return math.exp(last), math.expm1(power * last)
    days = start + (end - start) * 0.5 * (_NODES + 1.0)
    inside = np.exp(power * exponent(rho_per_day, span, days, rates))
    integral = 0.5 * (end - start) * float(_WEIGHTS @ inside)
    return math.exp(last), power * rho_per_day * integral
