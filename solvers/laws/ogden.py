"""Ogden tissue: a sum of powers of the principal stretches.

The stretches come from the invariants of C̄ by Viète's cosines. Their derivatives do not exist
where two stretches are equal (at rest, in every uniaxial pull), although those of the energy do. So
the second invariant of the deviator is raised by 3 (δ tr C̄ / 3)², which keeps the three apart. The
energy is a smooth function of the invariants; it is evaluated beside the true ones and errs by
O(δ²): `REGULARISATION` says how much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import ufl

from solvers.contract import Parameter
from solvers.laws import POISSON_RATIO, SHEAR_MODULUS, Hyperelastic

REGULARISATION: Final = 5e-4
"""δ: stretches that are equal are taken as apart by √3 δ/2 (relative)."""
SMALLEST_EXPONENT: Final = 1e-2
"""An exponent nearer to zero is taken as this: W is then Hencky's μ Σ (ln λ̄)² to the same part."""
_MEANING: Final = "power of the stretches of term {}: near 0 Hencky, 2 neo-Hookean"
_SOURCE: Final = "brain -25, fat and rubber 1 to 25: unsourced, set your own"
EXPONENTS: Final = tuple(
    Parameter(f"exponent_{i}", "1", -40.0, 40.0, _MEANING.format(i), _SOURCE, default)
    for i, default in ((1, 4.0), (2, 2.0), (3, -2.0))
)
SHARES: Final = tuple(
    Parameter(
        f"share_{i}",
        "1",
        0.0,
        1.0,
        f"part of the shear modulus carried by term {i}; term 1 has the rest",
        "unsourced, set your own",
        0.0,
    )
    for i in (2, 3)
)


@dataclass(frozen=True)
class Ogden(Hyperelastic):
    """W = Σ 2 μ sᵢ/αᵢ² (λ̄₁^αᵢ + λ̄₂^αᵢ + λ̄₃^αᵢ - 3), s₁ = 1 - s₂ - s₃.

    Ogden 1972, 10.1098/rspa.1972.0026, writes μᵢ/αᵢ for the factor: μᵢ = 2 μ sᵢ/αᵢ, so that
    μ = ½ Σ μᵢ αᵢ is the shear modulus at rest (Holzapfel 2000, equation 6.119).
    """

    name: str = "ogden"
    title: str = "Ogden, up to 3 terms: W = Σ 2 μ sᵢ/αᵢ² (λ̄₁^αᵢ + λ̄₂^αᵢ + λ̄₃^αᵢ - 3)"
    parameters: tuple[Parameter, ...] = (SHEAR_MODULUS, POISSON_RATIO, *EXPONENTS, *SHARES)

    def isochoric_energy(self, c_bar: Any, values: Mapping[str, Any]) -> Any:
        """Return W(C̄) in kPa."""
        squares = _squared_stretches(c_bar)
        rest = [1.0 + math.sqrt(3.0) * REGULARISATION * k for k in (1, 0, -1)]
        others = [values[share.name] for share in SHARES]
        energy: Any = 0.0
        for exponent, share in zip(EXPONENTS, (1.0 - sum(others), *others), strict=True):
            alpha = _away_from_zero(values[exponent.name])
            powers = sum(
                ufl.exp(0.5 * alpha * ufl.ln(s)) - r ** (0.5 * alpha)
                for s, r in zip(squares, rest, strict=True)
            )
            energy += 2.0 * share / alpha**2 * powers
        return values[SHEAR_MODULUS.name] * energy


def _squared_stretches(c_bar: Any) -> list[Any]:
    """The eigenvalues of C̄, kept apart, largest first: Viète's solution of a cubic."""
    mean = ufl.tr(c_bar) / 3.0
    deviator = c_bar - mean * ufl.Identity(3)
    radius = ufl.sqrt(ufl.inner(deviator, deviator) / 6.0 + (REGULARISATION * mean) ** 2)
    angle = ufl.acos(ufl.det(deviator) / (2.0 * radius**3)) / 3.0
    return [mean + 2.0 * radius * ufl.cos(angle - 2.0 * math.pi * k / 3.0) for k in (0, 1, 2)]


def _away_from_zero(alpha: Any) -> Any:
    return ufl.conditional(ufl.lt(abs(alpha), SMALLEST_EXPONENT), SMALLEST_EXPONENT, alpha)


LAW = Ogden()
