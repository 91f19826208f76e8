"""Gompertz' growth with diffusion, u' = D Δu - rho u ln u: the sparser, the faster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from solvers.contract import Parameter
from solvers.growth.fisher_kpp import fisher_front
from solvers.growth.model import DIFFUSION, UNSOURCED, Growth
from solvers.growth.rates import Rate, exponent, mean_of_exponential

SLOWING = Parameter(
    "proliferation_per_day",
    "1/day",
    1e-4,
    1.0,
    "at which growth slows: ln u falls by it; a density of 1/e grows so fast per cell",
    UNSOURCED,
)
FEWEST = Parameter(
    "fewest_density",
    "1",
    0.0,
    1e-2,
    "below it nothing grows; 0: growth without bound of what is next to nothing",
    "one cell per mm³ at 1e6 cells/mm³ (1e9 per gram at most: Del Monte 2009, 10.4161/cc.8.3.7608)",
    1e-6,
)


@dataclass(frozen=True)
class Gompertz(Growth):
    """Laird 1964, 10.1038/bjc.1964.55, with diffusion.

    Per cell growth has no bound as the density goes to 0, so that without `fewest_density` no front
    has a constant speed (with a Gaussian start its solution is Gaussian, and widens exponentially;
    benchmarks/growth_verification.py), and the rounding of a linear solve would grow to a tumour.
    Below `fewest_density`, where there is not a cell, nothing grows (a cut-off as of Brunet and
    Derrida 1997, 10.1103/PhysRevE.56.2597).
    """

    name: str = "gompertz"
    title: str = "Gompertz with diffusion: u' = D Δu - ρ u ln u"
    parameters: tuple[Parameter, ...] = (DIFFUSION, SLOWING, FEWEST)

    def profile(self, distance_mm: Any, visible: float, values: Mapping[str, Any]) -> Any:
        """Return the density (1) at the start, `visible` where the distance is 0.

        There is no exact front: the shape is Fisher-KPP's of the same √(D/ρ).
        """
        return fisher_front(distance_mm, visible, self.front_width_mm(values))

    def reacted(
        self,
        state: Any,
        values: Mapping[str, Any],
        span: tuple[float, float],
        rates: Sequence[Rate] = (),
    ) -> Any:
        """Return the state after u' = -ρ u ln u + a(t) u over `span` (days), exactly.

        y = ln u obeys y' = -ρ y + a(t), so that y ends at y0 exp(-ρ (end - start)) plus the
        integral of exp(-ρ (end - t)) a(t), in closed form for each rate. Below `fewest_density`
        at the start only a(t) acts. A density below zero is returned as it is.
        """
        rho = values[SLOWING.name]
        grows = np.real(state) > np.maximum(values[FEWEST.name], 0.0)
        faded = np.exp(-rho * (span[1] - span[0]))
        added = sum(_faded_integral(rate, rho, span) for rate in rates if rate.acts_in(span))
        grown = np.exp(np.log(np.where(grows, state, 1.0)) * faded + added)
        gain = np.exp(exponent(0.0, span, span[1], rates))
        return np.where(grows, grown, np.where(np.real(state) > 0.0, gain * state, state))


def _faded_integral(rate: Rate, rho: Any, span: tuple[float, float]) -> Any:
    """The integral over `span` of the rate times exp(-rho (end - t))."""
    first, last = max(span[0], rate.day), min(span[1], rate.until_day)
    length, decay = last - first, rate.decay_per_day
    at_first = rate.amount * np.exp(-decay * (first - rate.day))
    within = length * np.exp(-rho * length) * mean_of_exponential((rho - decay) * length)
    return at_first * within * np.exp(-rho * (span[1] - last))


GROWTH = Gompertz()
