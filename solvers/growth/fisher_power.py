"""Fisher-KPP with Richards' saturation, u' = D Δu + rho u (1 - u^q): q above 1 crowds later."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from solvers.contract import Parameter
from solvers.growth.fisher_kpp import DIFFUSION, PROLIFERATION
from solvers.growth.rates import Rate, gain_and_crowding

POWER = Parameter(
    "saturation_power",
    "1",
    0.25,
    4.0,
    "1 is Fisher-KPP; larger: growth slows only near the full density",
    "unsourced, set your own",
    1.0,
)


@dataclass(frozen=True)
class FisherPower:
    """Richards 1959 growth (10.1093/jxb/10.2.290) with diffusion."""

    name: str = "fisher_power"
    title: str = "Fisher-KPP with Richards' saturation: u' = D Δu + ρ u (1 - u^q)"
    parameters: tuple[Parameter, ...] = (DIFFUSION, PROLIFERATION, POWER)

    def diffusion(self, values: Mapping[str, float]) -> float:
        """Return D in mm²/day."""
        return values[DIFFUSION.name]

    def front_width_mm(self, values: Mapping[str, float]) -> float:
        """Return √(D/ρ) in mm."""
        return math.sqrt(values[DIFFUSION.name] / values[PROLIFERATION.name])

    def profile(self, distance_mm: Any, visible: float, values: Mapping[str, float]) -> Any:
        """Return the density (1) of the exact front, `visible` where the distance is 0.

        u = (1 + b exp(q z / √(2 (q + 2))))^(-2/q) with z the distance in √(D/ρ) and speed
        (q + 4)/√(2 (q + 2)) √(D ρ): checked by substitution in the tests, q = 1 is
        Ablowitz & Zeppetella 1979.
        """
        q = values[POWER.name]
        width = self.front_width_mm(values)
        shift = math.log(visible ** (-q / 2.0) - 1.0)
        exponent = distance_mm / width * q / math.sqrt(2.0 * (q + 2.0)) + shift
        return (1.0 + np.exp(np.minimum(exponent, 300.0))) ** (-2.0 / q)

    def reacted(
        self,
        density: Any,
        values: Mapping[str, float],
        span: tuple[float, float],
        rates: Sequence[Rate] = (),
    ) -> Any:
        """Return the density after u' = (ρ + a(t)) u - ρ u^(1+q) over `span` (days), exactly.

        A negative density, outside the model, is returned as it is.
        """
        q = values[POWER.name]
        gain, crowding = gain_and_crowding(values[PROLIFERATION.name], q, span, rates)
        above = np.maximum(density, 0.0)
        return gain * above / (1.0 + crowding * above**q) ** (1.0 / q) + np.minimum(density, 0.0)


GROWTH = FisherPower()
