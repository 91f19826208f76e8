"""Values and equations of growth models for tests, written down a second time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

VALUES = {
    "diffusion_mm2_per_day": 0.1,
    "proliferation_per_day": 0.05,
    "saturation_power": 2.0,
    "border_mm": 1.5,
    "fewest_density": 1e-6,
    "allee_threshold": 0.1,
    "necrosis_per_day": 0.08,
    "nutrient_reach_mm": 1.0,
    "nutrient_uptake": 3.0,
}
D, RHO = VALUES["diffusion_mm2_per_day"], VALUES["proliferation_per_day"]


def values_for(model: Any, nodes: int = 0) -> dict[str, Any]:
    """One number a parameter; what is solved elsewhere at each of `nodes`, or as one number."""
    fields = {name: np.linspace(0.2, 0.9, nodes) if nodes else 0.6 for name in model.fields}
    return {parameter.name: VALUES[parameter.name] for parameter in model.parameters} | fields


def _two_species(u: Any) -> Any:
    died = 0.08 * 0.4 * u[0]
    return np.stack([RHO * 0.6 * u[0] * (1.0 - u[0] - u[1]) - died, died])


REACTIONS: dict[str, Callable[[Any], Any]] = {
    "fisher_kpp": lambda u: RHO * u * (1.0 - u),
    "logistic": lambda u: RHO * u * (1.0 - u),
    "fisher_power": lambda u: RHO * u * (1.0 - u**2),
    "gompertz": lambda u: -RHO * u * np.log(u),
    "allee": lambda u: RHO * u * (1.0 - u) * (u - 0.1),
    "two_species": _two_species,
}
"""u' without diffusion and treatment, with `VALUES` and a nutrient of 0.6."""
SPEEDS = {
    "fisher_kpp": 5.0 / math.sqrt(6.0) * math.sqrt(D * RHO),
    "fisher_power": 6.0 / math.sqrt(8.0) * math.sqrt(D * RHO),
    "allee": (0.5 - 0.1) * math.sqrt(2.0 * D * RHO),
}
"""Speed in mm/day of the models that have an exact front."""
