"""Fisher-KPP: diffusion and logistic growth, u' = D Δu + rho u (1 - u)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from solvers.contract import Parameter
from solvers.growth.rates import Rate, gain_and_crowding

DIFFUSION = Parameter(
    "diffusion_mm2_per_day",
    "mm²/day",
    1e-4,
    10.0,
    "how fast tumour cells spread into the tissue",
    "unsourced, set your own",
)
PROLIFERATION = Parameter(
    "proliferation_per_day",
    "1/day",
    1e-4,
    1.0,
    "net growth of a sparse tumour: ln 2 over its doubling time",
    "unsourced, set your own",
)


@dataclass(frozen=True)
class FisherKpp:
    """Fisher 1937; Kolmogorov, Petrovsky and Piskunov 1937."""

    name: str = "fisher_kpp"
    title: str = "Fisher-KPP: u' = D Δu + ρ u (1 - u)"
    parameters: tuple[Parameter, ...] = (DIFFUSION, PROLIFERATION)

    def diffusion(self, values: Mapping[str, float]) -> float:
        """Return D in mm²/day."""
        return values[DIFFUSION.name]

    def front_width_mm(self, values: Mapping[str, float]) -> float:
        """Return √(D/ρ) in mm."""
        return math.sqrt(values[DIFFUSION.name] / values[PROLIFERATION.name])

    def profile(self, distance_mm: Any, visible: float, values: Mapping[str, float]) -> Any:
        """Return the density (1) of the exact front, `visible` where the distance is 0.

        u = (1 + b exp(z/√6))⁻² with z the distance in √(D/ρ) and speed 5/√6 √(D ρ):
        Ablowitz & Zeppetella 1979, 10.1007/BF02462380 (checked by substitution in the tests).
        """
        width = self.front_width_mm(values)
        shift = math.log(visible**-0.5 - 1.0)
        return (1.0 + np.exp(np.minimum(distance_mm / (width * math.sqrt(6)) + shift, 300.0))) ** -2

    def reacted(
        self,
        density: Any,
        values: Mapping[str, float],
        span: tuple[float, float],
        rates: Sequence[Rate] = (),
    ) -> Any:
        """Return the density after u' = (ρ + a(t)) u - ρ u² over `span` (days), exactly.

        Below zero, where the model says nothing and only rounding of a steep front can lead,
        nothing grows: a negative density is returned as it is.
        """
        gain, crowding = gain_and_crowding(values[PROLIFERATION.name], 1.0, span, rates)
        above = np.maximum(density, 0.0)
        return gain * above / (1.0 + crowding * above) + np.minimum(density, 0.0)


GROWTH = FisherKpp()
