"""Fisher-KPP with Richards' saturation, u' = D Δu + rho u (1 - u^q): q above 1 crowds later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from solvers.contract import Parameter
from solvers.growth.bernoulli import Bernoulli
from solvers.growth.model import DIFFUSION, PROLIFERATION, UNSOURCED

POWER = Parameter(
    "saturation_power",
    "1",
    0.25,
    4.0,
    "1 is Fisher-KPP; larger: growth slows only near the full density",
    UNSOURCED,
    1.0,
)


@dataclass(frozen=True)
class FisherPower(Bernoulli):
    """Richards 1959 growth (10.1093/jxb/10.2.290) with diffusion."""

    name: str = "fisher_power"
    title: str = "Fisher-KPP with Richards' saturation: u' = D Δu + ρ u (1 - u^q)"
    parameters: tuple[Parameter, ...] = (DIFFUSION, PROLIFERATION, POWER)
    power_name: str = POWER.name

    def profile(self, distance_mm: Any, visible: float, values: Mapping[str, Any]) -> Any:
        """Return the density (1) of the exact front, `visible` where the distance is 0.

        u = (1 + b exp(q z / √(2 (q + 2))))^(-2/q) with z the distance in √(D/ρ) and speed
        (q + 4)/√(2 (q + 2)) √(D ρ): checked by substitution in the tests, q = 1 is
        Ablowitz & Zeppetella 1979.
        """
        q = values[POWER.name]
        width = self.front_width_mm(values)
        shift = np.log(visible ** (-q / 2.0) - 1.0)
        exponent = distance_mm / width * q / np.sqrt(2.0 * (q + 2.0)) + shift
        return (1.0 + np.exp(np.minimum(exponent, 300.0))) ** (-2.0 / q)


GROWTH = FisherPower()
