"""Mooney-Rivlin tissue: the stiffness is shared between two invariants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from solvers.contract import Parameter
from solvers.kinematics import first_invariant, second_invariant
from solvers.laws import POISSON_RATIO, SHEAR_MODULUS, Hyperelastic

SHARE = Parameter(
    "second_invariant_share",
    "1",
    0.0,
    1.0,
    "part of the stiffness carried by Ī₂; 0 is neo-Hookean",
    "unsourced, set your own",
    0.2,
)


@dataclass(frozen=True)
class MooneyRivlin(Hyperelastic):
    """W = μ/2 ((1 - s)(Ī₁ - 3) + s (Ī₂ - 3)): Mooney 1940, Rivlin 1948; Holzapfel 2000, 6.5."""

    name: str = "mooney_rivlin"
    title: str = "Mooney-Rivlin: W = μ/2 ((1 - s)(Ī₁ - 3) + s (Ī₂ - 3))"
    parameters: tuple[Parameter, ...] = (SHEAR_MODULUS, POISSON_RATIO, SHARE)

    def isochoric_energy(self, c_bar: Any, values: Mapping[str, Any]) -> Any:
        """Return W(C̄) in kPa."""
        share = values[SHARE.name]
        first = (1.0 - share) * (first_invariant(c_bar) - 3.0)
        second = share * (second_invariant(c_bar) - 3.0)
        return 0.5 * values[SHEAR_MODULUS.name] * (first + second)


LAW = MooneyRivlin()
