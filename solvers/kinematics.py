"""The words of large deformation, in UFL: F, C, J, isochoric parts, invariants, Piola, Cauchy.

Symbols follow Holzapfel, Nonlinear Solid Mechanics (2000), chapters 2 and 6. UFL only.
"""

from __future__ import annotations

from typing import Any, Final

import ufl

SIX: Final = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""The places of a symmetric tensor's numbers, in the order of `six_of`."""


def deformation_gradient(u: Any) -> Any:
    """Return F = I + grad u (3, 3), of the displacement u in mm."""
    return ufl.Identity(3) + ufl.grad(u)


def small_strain(f: Any) -> Any:
    """Return ε = (F + Fᵀ)/2 - I (3, 3)."""
    return ufl.sym(f) - ufl.Identity(3)


def green_lagrange(c: Any) -> Any:
    """Return E = (C - I)/2 (3, 3)."""
    return 0.5 * (c - ufl.Identity(3))


def right_cauchy_green(f: Any) -> Any:
    """Return C = Fᵀ F (3, 3)."""
    return ufl.transpose(f) * f


def volume_ratio(c: Any) -> Any:
    """Return J = √det C, current volume over volume at rest."""
    return ufl.sqrt(ufl.det(c))


def isochoric(c: Any) -> Any:
    """Return C̄ = J^(-2/3) C, the part of C that changes no volume."""
    return ufl.det(c) ** (-1.0 / 3.0) * c


def first_invariant(c: Any) -> Any:
    """Return I₁ = tr C."""
    return ufl.tr(c)


def second_invariant(c: Any) -> Any:
    """Return I₂ = ½ ((tr C)² - tr C²)."""
    return 0.5 * (ufl.tr(c) ** 2 - ufl.tr(c * c))


def second_piola(energy: Any, c: Any) -> Any:
    """Return S = 2 ∂W/∂C in kPa; `c` is the ``ufl.variable`` that `energy` is written in."""
    return 2.0 * ufl.diff(energy, c)


def cauchy(s: Any, f: Any) -> Any:
    """Return σ = F S Fᵀ / J in kPa."""
    return f * s * ufl.transpose(f) / ufl.det(f)


def conjugate(p: Any, f: Any, *, small: bool) -> Any:
    """Return S = F⁻¹ P, what works on E; for a law of the `small` strain P, what works on ε."""
    return p if small else ufl.inv(f) * p


def von_mises(stress: Any) -> Any:
    """Return √(3/2 s:s) in kPa, s the deviator of `stress`."""
    deviator = stress - ufl.tr(stress) / 3.0 * ufl.Identity(3)
    return ufl.sqrt(1.5 * ufl.inner(deviator, deviator))


def six_of(tensor: Any) -> Any:
    """Return xx, yy, zz, yz, xz, xy (6,) of a symmetric tensor (3, 3)."""
    return ufl.as_vector([tensor[i, j] for i, j in SIX])
