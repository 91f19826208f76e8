"""Ogden tissue: a sum of powers of the principal stretches.

The stretches come from the invariants of C̄ by Viète's cosines. Their derivatives do not exist
where two stretches are equal (at rest, in every uniaxial pull), although those of the energy do. So
the second invariant of the deviator is raised by 3 (δ tr C̄ / 3)², which keeps the three apart. The
energy is a smooth function of the invariants; it is evaluated beside the true ones and errs by
O(δ²): `REGULARISATION` says how much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import ufl

from solvers.contract import Parameter
from solvers.kinematics import isochoric, right_cauchy_green
from solvers.laws import HERE, POISSON_RATIO, SHEAR_MODULUS, Hyperelastic, expanded

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
        return _energy(_invariants(c_bar), values)

    def distortion_energy(self, f: Any, values: Mapping[str, Any]) -> Any:
        """Return W(C̄) in kPa of F (3, 3)."""
        if HERE not in values:
            return super().distortion_energy(f, values)
        here = _invariants(isochoric(right_cauchy_green(values[HERE])))
        return expanded(lambda found: _energy(found, values), _same_of_traces(f), here)


def _invariants(c_bar: Any) -> list[Any]:
    """A third of the trace of C̄, and of its deviator half the square and the determinant."""
    deviator = ufl.dev(c_bar)
    return [ufl.tr(c_bar) / 3.0, 0.5 * ufl.inner(deviator, deviator), ufl.det(deviator)]


def _same_of_traces(f: Any) -> list[Any]:
    """The same of F, short to derive; near rest their digits cancel, those of slopes do not."""
    c, scale = right_cauchy_green(f), ufl.det(f) ** (-2.0 / 3.0)
    mean, square = scale * ufl.tr(c) / 3.0, scale**2 * ufl.inner(c, c)
    second = 0.5 * (9.0 * mean**2 - square)
    return [mean, 0.5 * square - 1.5 * mean**2, 1.0 - mean * second + 2.0 * mean**3]


def _energy(invariants: Sequence[Any], values: Mapping[str, Any]) -> Any:
    squares = _squared_stretches(*invariants)
    rest = [1.0 + math.sqrt(3.0) * REGULARISATION * k for k in (1, 0, -1)]
    others = [values[share.name] for share in SHARES]
    energy: Any = 0.0
    for exponent, share in zip(EXPONENTS, (1.0 - sum(others), *others), strict=True):
        half = 0.5 * _away_from_zero(values[exponent.name])
        powers = sum(s**half - r**half for s, r in zip(squares, rest, strict=True))
        energy += 0.5 * share / half**2 * powers
    return values[SHEAR_MODULUS.name] * energy


def _squared_stretches(mean: Any, square: Any, determinant: Any) -> list[Any]:
    """The eigenvalues of C̄, kept apart, largest first: Viète's solution of a cubic."""
    radius = ufl.sqrt(square / 3.0 + (REGULARISATION * mean) ** 2)
    angle = ufl.acos(determinant / (2.0 * radius**3)) / 3.0
    return [mean + 2.0 * radius * ufl.cos(angle - 2.0 * math.pi * k / 3.0) for k in (0, 1, 2)]


def _away_from_zero(alpha: Any) -> Any:
    return ufl.conditional(ufl.lt(abs(alpha), SMALLEST_EXPONENT), SMALLEST_EXPONENT, alpha)


LAW = Ogden()
