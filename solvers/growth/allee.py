"""Growth that needs company (strong Allee effect), u' = D Δu + rho u (1 - u)(u - a)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from solvers.contract import Parameter
from solvers.growth.marching import marched
from solvers.growth.model import DIFFUSION, UNSOURCED, Growth
from solvers.growth.rates import Rate

PACE = Parameter(
    "proliferation_per_day",
    "1/day",
    1e-4,
    1.0,
    "pace of growth: per cell it is at most (1 - a)²/4 of it",
    UNSOURCED,
)
THRESHOLD = Parameter(
    "allee_threshold",
    "1",
    0.0,
    0.5,
    "density a below which a tumour dies out; from 1/2 on a front retreats",
    UNSOURCED,
)


@dataclass(frozen=True)
class Allee(Growth):
    """Allee effect with diffusion: Lewis and Kareiva 1993, 10.1006/tpbi.1993.1007.

    Of tumour cells: Johnson et al. 2019, 10.1371/journal.pbio.3000399.
    """

    name: str = "allee"
    title: str = "Allee effect: u' = D Δu + ρ u (1 - u)(u - a)"
    parameters: tuple[Parameter, ...] = (DIFFUSION, PACE, THRESHOLD)

    def profile(self, distance_mm: Any, visible: float, values: Mapping[str, Any]) -> Any:
        """Return the density (1) of the exact front, `visible` where the distance is 0.

        u = (1 + b exp(z/√2))⁻¹ with z the distance in √(D/ρ) and speed √(2 D ρ) (1/2 - a):
        McKean 1970, 10.1016/0001-8708(70)90023-X (checked by substitution in the tests).
        """
        shift = np.log(1.0 / visible - 1.0)
        width = self.front_width_mm(values)
        return 1.0 / (1.0 + np.exp(np.minimum(distance_mm / (width * math.sqrt(2)) + shift, 300.0)))

    def reacted(
        self,
        state: Any,
        values: Mapping[str, Any],
        span: tuple[float, float],
        rates: Sequence[Rate] = (),
    ) -> Any:
        """Return the state after u' = ρ u (1 - u)(u - a) + a(t) u over `span` (days), to 1e-7."""
        rho, threshold = values[PACE.name], values[THRESHOLD.name]

        def slope(u: Any) -> Any:
            return rho * u * (1.0 - u) * (u - threshold)

        quickest = float(np.max(np.real(rho)))
        return marched(slope, state, span, rates, quickest=quickest, living=self.living)


GROWTH = Allee()
