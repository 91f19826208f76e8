"""Proliferating cells that want a nutrient, and what is left of those that miss it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from solvers.contract import Parameter
from solvers.growth.fisher_kpp import fisher_front
from solvers.growth.marching import marched
from solvers.growth.model import DIFFUSION, PROLIFERATION, UNSOURCED, Growth
from solvers.growth.rates import Rate

NECROSIS = Parameter(
    "necrosis_per_day",
    "1/day",
    0.0,
    1.0,
    "rate at which cells without any nutrient die and stay where they are",
    UNSOURCED,
)
REACH = Parameter(
    "nutrient_reach_mm",
    "mm",
    0.1,
    30.0,
    "how far nutrient diffuses from where it is supplied: √(its diffusion / its supply rate)",
    UNSOURCED,
)
UPTAKE = Parameter(
    "nutrient_uptake",
    "1",
    0.0,
    1000.0,
    "uptake by cells at density 1 over the supply rate: 1 halves the nutrient in a large tumour",
    UNSOURCED,
)


@dataclass(frozen=True)
class TwoSpecies(Growth):
    """Proliferating p and necrotic n with the nutrient s, 1 where nothing takes it up:

    p' = D Δp + ρ s p (1 - p - n) - λ (1 - s) p,  n' = λ (1 - s) p,
    reach² Δs = uptake p s - (1 - s), solved elsewhere and given as values["nutrient"].

    Swanson et al. 2011 (10.1158/0008-5472.CAN-11-1399, PMC3398690) without their hypoxic cells and
    vessels: starved cells die at once, and the supply of nutrient is even. Treatments kill p; what
    they kill is cleared, what starves is not.
    """

    name: str = "two_species"
    title: str = "Proliferating and necrotic: p' = D Δp + ρ s p (1 - p - n) - λ (1 - s) p"
    parameters: tuple[Parameter, ...] = (DIFFUSION, PROLIFERATION, NECROSIS, REACH, UPTAKE)
    species: tuple[str, ...] = ("proliferating", "necrotic")
    living: tuple[bool, ...] = (True, False)
    fields: tuple[str, ...] = ("nutrient",)
    beside: tuple[str, ...] = (DIFFUSION.name, REACH.name, UPTAKE.name)

    def spreads(self, values: Mapping[str, Any]) -> tuple[float, ...]:
        """Return that only proliferating cells spread."""
        del values
        return (1.0, 0.0)

    def profile(self, distance_mm: Any, visible: float, values: Mapping[str, Any]) -> Any:
        """Return the density (1) of p at the start, `visible` where the distance is 0; n is 0.

        There is no exact front: it is Fisher-KPP's, which this model's is while s is 1.
        """
        return fisher_front(distance_mm, visible, self.front_width_mm(values))

    def reacted(
        self,
        state: Any,
        values: Mapping[str, Any],
        span: tuple[float, float],
        rates: Sequence[Rate] = (),
    ) -> Any:
        """Return (p, n) after the reaction over `span` (days) with the nutrient held, to 1e-7."""
        nutrient = values["nutrient"]
        growth = values[PROLIFERATION.name] * nutrient
        starving = values[NECROSIS.name] * (1.0 - nutrient)

        def slope(u: Any) -> Any:
            died = starving * u[0]
            return np.stack([growth * u[0] * (1.0 - u[0] - u[1]) - died, died])

        quickest = float(np.max(np.real(growth)) + np.max(np.real(starving)))
        return marched(slope, state, span, rates, quickest=quickest, living=self.living)


GROWTH = TwoSpecies()
