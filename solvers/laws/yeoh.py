"""Yeoh tissue: a cubic in the first invariant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from solvers.contract import Parameter
from solvers.kinematics import first_invariant
from solvers.laws import POISSON_RATIO, SHEAR_MODULUS, Hyperelastic

QUADRATIC = Parameter(
    "quadratic_ratio",
    "1",
    0.0,
    100.0,
    "C₂/C₁: stiffening at moderate strain; none of the terms may soften",
    "unsourced, set your own",
    0.5,
)
CUBIC = Parameter(
    "cubic_ratio",
    "1",
    0.0,
    1000.0,
    "C₃/C₁: stiffening at large strain",
    "unsourced, set your own",
    0.0,
)


@dataclass(frozen=True)
class Yeoh(Hyperelastic):
    """W = Σ Cᵢ (Ī₁ - 3)ⁱ, i = 1..3, with 2 C₁ = μ: Yeoh 1993, 10.5254/1.3538343."""

    name: str = "yeoh"
    title: str = "Yeoh: W = μ/2 (x + C₂/C₁ x² + C₃/C₁ x³), x = Ī₁ - 3"
    parameters: tuple[Parameter, ...] = (SHEAR_MODULUS, POISSON_RATIO, QUADRATIC, CUBIC)

    def isochoric_energy(self, c_bar: Any, values: Mapping[str, Any]) -> Any:
        """Return W(C̄) in kPa."""
        x = first_invariant(c_bar) - 3.0
        stretched = x * (1.0 + x * (values[QUADRATIC.name] + x * values[CUBIC.name]))
        return 0.5 * values[SHEAR_MODULUS.name] * stretched


LAW = Yeoh()
