"""Rates added to the net growth for a while (a drug, an immune response), integrated exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
NOTHING: Final = 1e-16
"""An integral of a rate below this changes no density by more than rounding does."""
LITTLE: Final = 1e-8
"""A rate whose integral is below this is followed well enough without cuts."""


@dataclass(frozen=True)
class Rate:
    """``amount`` × exp(-``decay_per_day`` (t - ``day``)) from `day` to `until_day`.

    Args:
        amount: 1/day at `day`; negative kills.
        day, until_day: days from the start of the job.
        decay_per_day: 1/day, 0 for a constant rate.
        agent: the drug it comes from, which a clone may resist; "" when nothing resists it.
    """

    amount: float
    day: float
    until_day: float = math.inf
    decay_per_day: float = 0.0
    agent: str = ""

    def integral(self, start: float, end: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return its integral from `start` to each `end` (days): the logarithm of its effect."""
        first = np.clip(start, self.day, self.until_day) - self.day
        last = np.clip(end, self.day, self.until_day) - self.day
        if self.decay_per_day == 0.0:
            return np.asarray(self.amount * (last - first))
        decay = self.decay_per_day
        before = np.exp(-decay * first)
        return np.asarray(self.amount / decay * before * -np.expm1(-decay * (last - first)))

    def acts_in(self, span: tuple[float, float], least: float = NOTHING) -> bool:
        """Return whether its integral over `span` (days) is more than `least`."""
        if not (self.day < span[1] and self.until_day > span[0]):
            return False
        return bool(np.abs(self.integral(*span)) > least)


def exponent(
    rho_per_day: Any, span: tuple[float, float], ends: Any, rates: Iterable[Rate]
) -> NDArray[np.float64]:
    """Return the integral of rho and all `rates` from the span's start to each of `ends` (days)."""
    total = rho_per_day * (ends - span[0])
    for rate in rates:
        total = total + rate.integral(span[0], ends)
    return np.asarray(total)


def mean_of_exponential(x: Any) -> Any:
    """Return the mean of exp from 0 to x, (exp(x) - 1)/x, for a number or an array."""
    return np.where(x == 0.0, 1.0, np.expm1(x) / np.where(x == 0.0, 1.0, x))


def pieces(span: tuple[float, float], rates: Sequence[Rate]) -> NDArray[np.float64]:
    """Return days that cut `span` where `rates` change fast: each piece twice as long as the last.

    The first is no longer than the quickest rate takes to change by a factor e, or to kill so much;
    it is a power of 2, so that a slightly different rate has the same cuts and a slope is exact.
    """
    start, end = span
    quickest = max((_quickness(rate, span) for rate in rates), default=0.0)
    if quickest * (end - start) <= 1.0:
        return np.array([start, end])
    quickest = 2.0 ** math.ceil(math.log2(quickest))
    count = math.ceil(math.log2(quickest * (end - start)))
    cuts = start + (2.0 ** np.arange(count) - 0.5) / quickest
    return np.array([start, *cuts[cuts < end], end])


def _quickness(rate: Rate, span: tuple[float, float]) -> float:
    if not rate.acts_in(span, LITTLE):
        return 0.0
    decay = np.real(rate.decay_per_day)
    size = np.abs(rate.amount) * math.exp(-decay * max(span[0] - rate.day, 0.0))
    return float(decay + size) if decay else float(size)


def exponent_and_crowding(
    rho_per_day: Any, power: Any, span: tuple[float, float], rates: Sequence[Rate]
) -> tuple[Any, Any]:
    """Return (A, G) of the Bernoulli equation u' = (rho + a(t)) u - rho u^(1 + power) over `span`.

    Its solution is u0 exp(A) / (1 + G u0^power)^(1/power) with A the integral of rho + a over the
    span and G = power rho times the integral of exp(power A(t)): substitute u^-power, which obeys a
    linear equation (Bernoulli 1695). Both are in closed form while all rates are constant. While
    one decays, G is a scalar integral of a smooth function (rates neither start nor end inside a
    span), taken to rounding by 24-point Gauss-Legendre on `pieces`.

    Args:
        rho_per_day: one number, or (n,) at the nodes; complex for a complex step.
        power: one number, or (n,).
        span: days.
        rates: what is added to the net growth.
    """
    start, end = span
    active = [rate for rate in rates if rate.acts_in(span)]
    last = exponent(rho_per_day, span, np.float64(end), active)
    if all(rate.decay_per_day == 0.0 for rate in active):
        mean = mean_of_exponential(power * last)
        return last[()], (power * rho_per_day * (end - start) * mean)[()]
    days, weights = _quadrature(pieces(span, active))
    added = exponent(0.0, span, days, active)
    integral = _integral(rho_per_day, power, days - start, weights=weights, added=added)
    return last[()], power * rho_per_day * integral


def _quadrature(cuts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    half = 0.5 * np.diff(cuts)[:, None]
    return (cuts[:-1, None] + half * (_NODES + 1.0)).ravel(), (half * _WEIGHTS).ravel()


def _integral(rho: Any, power: Any, times: NDArray[np.float64], *, weights: Any, added: Any) -> Any:
    """The integral of exp(power (rho t + added(t))); a field of rho by its Chebyshev interpolant.

    It is an entire function of rho of exponential type power t, so that few points give rounding.
    """

    def at(one_rho: Any) -> Any:
        return np.exp(power * (one_rho[..., None] * times + added)) @ weights

    rho = np.asarray(rho)
    if np.ndim(power):
        return sum(
            w * np.exp(power * (rho * t + a)) for t, w, a in zip(times, weights, added, strict=True)
        )
    if rho.ndim == 0:
        return at(rho)
    low, high = float(rho.real.min()), float(rho.real.max())
    reach = abs(power) * times[-1] * 0.5 * (high - low)
    degree = next(n for n in range(1, 500) if (0.5 * reach) ** n < NOTHING * math.gamma(n + 1.0))
    half = 0.5 * (high - low) if high > low else 1.0
    middle = 0.5 * (high + low)
    x = np.polynomial.chebyshev.chebpts1(degree + 1)
    values = at(middle + half * x)
    fitted = np.linalg.solve(np.polynomial.chebyshev.chebvander(x, degree), values)
    return np.polynomial.chebyshev.chebval((rho - middle) / half, fitted)
