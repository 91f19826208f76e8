"""Fung's exponential with fibres, isotropic about them: Guccione's law of the heart's muscle.

Without fibres Fung's exponential is Demiray's: the law `exponential`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import ufl

from solvers.contract import Parameter
from solvers.kinematics import green_lagrange
from solvers.laws import POISSON_RATIO, SHEAR_MODULUS, Hyperelastic

_SOURCE: Final = "default: Land et al. 2015, 10.1098/rspa.2015.0641, problem 1; bounds: own choice"
STIFFENING: Final = Parameter(
    "stiffening_across",
    "1",
    0.01,
    100.0,
    "b_t: how fast it stiffens across the fibres",
    _SOURCE,
    2.0,
)
ALONG: Final = Parameter(
    "fibre_ratio", "1", 0.1, 100.0, "b_f/b_t: stiffness along over across the fibres", _SOURCE, 4.0
)
SHEAR: Final = Parameter(
    "fibre_shear_ratio",
    "1",
    0.1,
    100.0,
    "b_fs/b_t: shear modulus along over across the fibres",
    _SOURCE,
    2.0,
)


@dataclass(frozen=True)
class Fung(Hyperelastic):
    """W = C/2 (exp Q - 1), Q = b_f E_ff² + b_t (E_ss² + E_nn² + 2 E_sn²) + 2 b_fs (E_fs² + E_fn²).

    Ē = (C̄ - I)/2. Guccione, McCulloch & Waldman 1991, 10.1115/1.2894084; there C is the factor:
    C = 2 μ/b_t, μ the shear modulus at rest in a plane across the fibres; in one along them it is
    μ b_fs/b_t. Land's problem 1 (C = 2 kPa, 8, 2, 4) is μ = 2 kPa and the defaults; his problem 2
    (C = 10 kPa, 1, 1, 1) is μ = 5 kPa, stiffening 1 and both ratios 1.
    """

    name: str = "fung"
    title: str = "Fung with fibres (Guccione): W = μ/b (exp(Q(Ē)) - 1)"
    parameters: tuple[Parameter, ...] = (SHEAR_MODULUS, POISSON_RATIO, STIFFENING, ALONG, SHEAR)
    directions: ClassVar[tuple[str, ...]] = ("fibre",)

    def isochoric_energy(self, c_bar: Any, values: Mapping[str, Any]) -> Any:
        """Return W(C̄) in kPa."""
        strain, fibre = green_lagrange(c_bar), values["fibre"]
        pulled = ufl.dot(strain, fibre)
        along = ufl.dot(pulled, fibre) ** 2
        sheared = ufl.dot(pulled, pulled) - along
        across = ufl.inner(strain, strain) - along - 2.0 * sheared
        ratio, shear = values[ALONG.name], values[SHEAR.name]
        b = values[STIFFENING.name]
        exponent = b * (ratio * along + across + 2.0 * shear * sheared)
        return values[SHEAR_MODULUS.name] / b * (ufl.exp(exponent) - 1.0)


LAW = Fung()
