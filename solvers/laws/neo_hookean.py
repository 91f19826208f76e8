"""Neo-Hookean tissue: one stiffness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from solvers.contract import Parameter
from solvers.kinematics import first_invariant
from solvers.laws import POISSON_RATIO, SHEAR_MODULUS, Hyperelastic


@dataclass(frozen=True)
class NeoHookean(Hyperelastic):
    """W = μ/2 (Ī₁ - 3): Treloar 1943; Holzapfel 2000, section 6.5."""

    name: str = "neo_hookean"
    title: str = "Neo-Hookean: W = μ/2 (Ī₁ - 3)"
    parameters: tuple[Parameter, ...] = (SHEAR_MODULUS, POISSON_RATIO)

    def isochoric_energy(self, c_bar: Any, values: Mapping[str, Any]) -> Any:
        """Return W(C̄) in kPa."""
        return 0.5 * values[SHEAR_MODULUS.name] * (first_invariant(c_bar) - 3.0)


LAW = NeoHookean()
