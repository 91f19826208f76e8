"""Fisher-KPP: diffusion and logistic growth, u' = D Δu + rho u (1 - u)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from solvers.contract import Parameter
from solvers.growth.bernoulli import Bernoulli
from solvers.growth.model import DIFFUSION, PROLIFERATION


def fisher_front(distance_mm: Any, visible: float, width_mm: Any) -> Any:
    """Return the density (1) of Fisher-KPP's exact front, `visible` where the distance is 0.

    u = (1 + b exp(z/√6))⁻² with z the distance in √(D/ρ) and speed 5/√6 √(D ρ):
    Ablowitz & Zeppetella 1979, 10.1007/BF02462380 (checked by substitution in the tests).
    """
    shift = np.log(visible**-0.5 - 1.0)
    return (1.0 + np.exp(np.minimum(distance_mm / (width_mm * math.sqrt(6)) + shift, 300.0))) ** -2


@dataclass(frozen=True)
class FisherKpp(Bernoulli):
    """Fisher 1937, 10.1111/j.1469-1809.1937.tb02153.x; Kolmogorov, Petrovsky and Piskunov 1937."""

    name: str = "fisher_kpp"
    title: str = "Fisher-KPP: u' = D Δu + ρ u (1 - u)"
    parameters: tuple[Parameter, ...] = (DIFFUSION, PROLIFERATION)

    def profile(self, distance_mm: Any, visible: float, values: Mapping[str, Any]) -> Any:
        """Return the density (1) of the exact travelling front, `visible` at distance 0."""
        return fisher_front(distance_mm, visible, self.front_width_mm(values))


GROWTH = FisherKpp()
