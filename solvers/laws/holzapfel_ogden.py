"""Holzapfel-Ogden tissue: a soft ground with fibres and sheets that stiffen as they are stretched.

Holzapfel & Ogden 2009, 10.1098/rsta.2009.0091. Fibres and sheets are measured with the whole C, the
ground with C̄: with C̄ a fibre would not lengthen as tissue swells (Nolan et al. 2014,
10.1016/j.jmbbm.2014.06.016). One that is shortened bears nothing (2009, section 5c). Its stress
begins smoothly over the first `TAKING_UP` of λ² - 1 and is unchanged beyond: with a tangent that
jumps at rest Newton's steps switch fibres on and off for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import ufl

from solvers.contract import Parameter
from solvers.kinematics import first_invariant, isochoric, right_cauchy_green
from solvers.laws import POISSON_RATIO, SHEAR_MODULUS, Hyperelastic

_SOURCE: Final = "default: Holzapfel & Ogden 2009, table 1 (shear of pig myocardium); bounds: own"


def _stiffness(name: str, of: str, default: float) -> Parameter:
    return Parameter(f"{name}_modulus_kpa", "kPa", 0.0, 1000.0, f"of {of}", _SOURCE, default)


def _stiffening(name: str, of: str, default: float) -> Parameter:
    meaning = f"how fast {of} stiffens"
    return Parameter(f"{name}_stiffening", "1", 0.01, 100.0, meaning, _SOURCE, default)


TAKING_UP: Final = 0.02
"""λ² - 1 up to which a fibre's tangent rises from zero: 1 % of its length. In between the stress
errs by at most 4/27 of that at its end; own choice."""
GROUND: Final = _stiffening("ground", "the ground between the fibres", 8.023)
FIBRE: Final = (_stiffness("fibre", "the fibres", 18.472), _stiffening("fibre", "them", 16.026))
SHEET: Final = (_stiffness("sheet", "the sheets", 2.481), _stiffening("sheet", "them", 11.120))
SHEAR: Final = (
    _stiffness("fibre_sheet", "shear between fibres and sheets", 0.216),
    _stiffening("fibre_sheet", "it", 11.436),
)


@dataclass(frozen=True)
class HolzapfelOgden(Hyperelastic):
    """W = a/2b (exp(b (Ī₁ - 3)) - 1) + Σ aᵢ/2bᵢ (exp(bᵢ xᵢ²) - 1), i = f, s, fs.

    x_f = ⟨f·Cf - 1⟩, x_s = ⟨s·Cs - 1⟩, x_fs = f·Cs, ⟨⟩ the positive part, smooth as `TAKING_UP`
    says, and there a constant less, which bears no stress. μ = a is the ground's
    shear modulus at rest, met in planes that hold not both directions (with both: μ + a_fs); 0.059
    kPa in the table of the defaults.
    """

    name: str = "holzapfel_ogden"
    title: str = "Holzapfel-Ogden with fibres and sheets"
    parameters: tuple[Parameter, ...] = (
        SHEAR_MODULUS,
        POISSON_RATIO,
        GROUND,
        *FIBRE,
        *SHEET,
        *SHEAR,
    )
    directions: ClassVar[tuple[str, ...]] = ("fibre", "sheet")
    powers: ClassVar[tuple[int, int] | None] = None

    def distortion_energy(self, f: Any, values: Mapping[str, Any]) -> Any:
        """Return W in kPa of F (3, 3)."""
        c = right_cauchy_green(f)
        fibre, sheet = f * values["fibre"], f * values["sheet"]
        b = values[GROUND.name]
        ground = ufl.exp(b * (first_invariant(isochoric(c)) - 3.0)) - 1.0
        return (
            0.5 * values[SHEAR_MODULUS.name] / b * ground
            + _hardening(_lengthened(fibre), FIBRE, values)
            + _hardening(_lengthened(sheet), SHEET, values)
            + _hardening(ufl.dot(fibre, sheet) ** 2, SHEAR, values)
        )


def _lengthened(direction: Any) -> Any:
    """⟨λ² - 1⟩² of a unit vector that F has moved.

    Its slope is 2 ε (2 t² - t³), t = (λ² - 1)/ε, up to t = 1, then 2 (λ² - 1); both join with their
    tangents.
    """
    stretch, end = ufl.dot(direction, direction) - 1.0, TAKING_UP
    t = stretch / end
    begun = end**2 * t**3 * (4.0 / 3.0 - 0.5 * t)
    taut = ufl.conditional(ufl.lt(stretch, end), begun, stretch**2 - end**2 / 6.0)
    return ufl.conditional(ufl.gt(stretch, 0.0), taut, 0.0)


def _hardening(square: Any, term: tuple[Parameter, Parameter], values: Mapping[str, Any]) -> Any:
    stiffness, b = (values[parameter.name] for parameter in term)
    return 0.5 * stiffness / b * (ufl.exp(b * square) - 1.0)


LAW = HolzapfelOgden()
