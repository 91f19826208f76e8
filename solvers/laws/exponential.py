"""Exponential tissue: stiffens as it is stretched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ufl

from solvers.contract import Parameter
from solvers.kinematics import first_invariant
from solvers.laws import POISSON_RATIO, SHEAR_MODULUS, Hyperelastic

STIFFENING = Parameter(
    "stiffening",
    "1",
    0.01,
    30.0,
    "how fast it stiffens: the shear modulus grows by exp(b (Ī₁ - 3))",
    "unsourced, set your own",
    1.0,
)


@dataclass(frozen=True)
class Exponential(Hyperelastic):
    """W = μ/(2b) (exp(b (Ī₁ - 3)) - 1): Demiray 1972, 10.1016/0021-9290(72)90047-4."""

    name: str = "exponential"
    title: str = "Exponential (Demiray): W = μ/(2b) (exp(b (Ī₁ - 3)) - 1)"
    parameters: tuple[Parameter, ...] = (SHEAR_MODULUS, POISSON_RATIO, STIFFENING)

    def isochoric_energy(self, c_bar: Any, values: Mapping[str, Any]) -> Any:
        """Return W(C̄) in kPa."""
        b = values[STIFFENING.name]
        stretched = ufl.exp(b * (first_invariant(c_bar) - 3.0)) - 1.0
        return 0.5 * values[SHEAR_MODULUS.name] / b * stretched


LAW = Exponential()
