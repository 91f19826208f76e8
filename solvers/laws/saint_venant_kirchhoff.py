"""Saint-Venant-Kirchhoff tissue: Hooke's law with the large strain, for comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import ufl

from solvers.contract import Parameter
from solvers.kinematics import green_lagrange, right_cauchy_green
from solvers.laws import POISSON_RATIO, SHEAR_MODULUS


@dataclass(frozen=True)
class SaintVenantKirchhoff:
    """W = μ dev E : dev E, θ = tr E: Holzapfel 2000, section 6.5.

    With κ/2 θ² the classical λ/2 (tr E)² + μ E : E. It softens under compression until it gives way
    (a bar at a stretch of 1/√3): Holzapfel 2000, section 6.5. Rotations cost nothing.
    """

    name: str = "saint_venant_kirchhoff"
    title: str = "Saint-Venant-Kirchhoff (for comparison): W = μ dev E : dev E, θ = tr E"
    parameters: tuple[Parameter, ...] = (SHEAR_MODULUS, POISSON_RATIO)
    directions: ClassVar[tuple[str, ...]] = ()
    small: ClassVar[bool] = False
    powers: ClassVar[tuple[int, int] | None] = (4, 2)

    def distortion_energy(self, f: Any, values: Mapping[str, Any]) -> Any:
        """Return W in kPa of F (3, 3)."""
        shape = ufl.dev(green_lagrange(right_cauchy_green(f)))
        return values[SHEAR_MODULUS.name] * ufl.inner(shape, shape)

    def dilation(self, f: Any) -> Any:
        """Return tr E."""
        return ufl.tr(green_lagrange(right_cauchy_green(f)))


LAW = SaintVenantKirchhoff()
