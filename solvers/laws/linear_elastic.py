"""Linear elastic tissue: for small strains and small rotations only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import ufl

from solvers.contract import Parameter
from solvers.kinematics import small_strain
from solvers.laws import POISSON_RATIO, SHEAR_MODULUS


@dataclass(frozen=True)
class LinearElastic:
    """W = μ dev ε : dev ε, θ = tr ε: Hooke's law; Holzapfel 2000, section 6.5.

    Not objective: a rotation by φ is taken for a strain of cos φ - 1, 1.5 % at 10°.
    """

    name: str = "linear_elastic"
    title: str = "Linear elastic (small strain, small rotation): W = μ dev ε : dev ε"
    parameters: tuple[Parameter, ...] = (SHEAR_MODULUS, POISSON_RATIO)
    directions: ClassVar[tuple[str, ...]] = ()
    small: ClassVar[bool] = True
    powers: ClassVar[tuple[int, int] | None] = (2, 1)

    def distortion_energy(self, f: Any, values: Mapping[str, Any]) -> Any:
        """Return W in kPa of F (3, 3)."""
        shape = ufl.dev(small_strain(f))
        return values[SHEAR_MODULUS.name] * ufl.inner(shape, shape)

    def dilation(self, f: Any) -> Any:
        """Return tr ε."""
        return ufl.tr(small_strain(f))


LAW = LinearElastic()
