"""One tissue law a file: parameters, the strain energy of distortion, and what dilation is.

Every law is nearly incompressible in the same way: W + κ/2 θ², with the bulk modulus κ from its
shear modulus at rest and Poisson's ratio. The solver writes the second term with a pressure of its
own, so a law gives W and θ only. UFL only: `values` may hold floats, Constants or
fields, by parameter name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol

import ufl

from solvers.contract import Parameter
from solvers.kinematics import isochoric, right_cauchy_green
from solvers.registry import chosen, registered

SHEAR_MODULUS = Parameter(
    "shear_modulus_kpa",
    "kPa",
    0.01,
    1000.0,
    "stiffness at small strain",
    "unsourced, set your own (an organ's file names what it uses)",
)
POISSON_RATIO = Parameter(
    "poisson_ratio",
    "1",
    0.3,
    0.5,
    "0.5 keeps the volume exactly",
    "soft tissue is nearly incompressible; the value itself: unsourced, set your own",
    0.49,
)


HERE: Final = "here"


class Law(Protocol):
    """What every law offers."""

    @property
    def name(self) -> str:
        """Identifier, as in `Job.model`."""

    @property
    def title(self) -> str:
        """One line for a person."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What it needs of each region; always the shear modulus and Poisson's ratio too."""

    @property
    def directions(self) -> tuple[str, ...]:
        """Names of the unit vectors it needs in each cell (fibres); most need none."""

    @property
    def small(self) -> bool:
        """Whether W is of the small strain, and thus blind to what rotates."""

    @property
    def powers(self) -> tuple[int, int] | None:
        """(w, t): W goes as λ^w and θ + 3/t as λ^t when F is multiplied by λ; None: W does not."""

    def distortion_energy(self, f: Any, values: Mapping[str, Any]) -> Any:
        """Return W in kPa (mJ/mL) of the deformation gradient `f` (3, 3), zero at rest.

        Args:
            values: parameter name → number or field; direction name → unit vector; `HERE` → F as
                it stands, constant to derivatives, where a form is made.
        """

    def dilation(self, f: Any) -> Any:
        """Return θ, the relative change of volume: J - 1, or the trace of the small strain."""


@dataclass(frozen=True)
class Hyperelastic:
    """A law that is W(C̄), the energy of the isochoric part of a large deformation."""

    directions: ClassVar[tuple[str, ...]] = ()
    small: ClassVar[bool] = False
    powers: ClassVar[tuple[int, int] | None] = (0, 3)

    def isochoric_energy(self, c_bar: Any, values: Mapping[str, Any]) -> Any:
        """Return W(C̄) in kPa (mJ/mL), zero at rest; `c_bar` (3, 3) has determinant 1."""
        raise NotImplementedError

    def distortion_energy(self, f: Any, values: Mapping[str, Any]) -> Any:
        """Return W(C̄) in kPa of F (3, 3)."""
        return self.isochoric_energy(isochoric(right_cauchy_green(f)), values)

    def dilation(self, f: Any) -> Any:
        """Return J - 1."""
        return ufl.det(f) - 1.0


def expanded(
    energy: Callable[[Sequence[Any]], Any], invariants: Sequence[Any], here: Sequence[Any]
) -> Any:
    """Return energy(invariants) by its Taylor polynomial of second order about `here`.

    Exact in value, slope and curvature as long as `here` has the same values; the form's compiler
    then meets long formulas as numbers, not with every pair of a cell's unknowns.
    """
    fixed = [ufl.variable(invariant) for invariant in here]
    value = energy(fixed)
    slopes = [ufl.diff(value, invariant) for invariant in fixed]
    steps = [moving - at for moving, at in zip(invariants, fixed, strict=True)]
    for slope, step in zip(slopes, steps, strict=True):
        value += slope * step
        for at, other in zip(fixed, steps, strict=True):
            value += 0.5 * ufl.diff(slope, at) * step * other
    return value


def inverse_bulk(values: Mapping[str, Any]) -> Any:
    """Return 1/κ in 1/kPa: 3 (1 - 2ν) / (2 μ (1 + ν)), zero when incompressible."""
    nu = values[POISSON_RATIO.name]
    return 3.0 * (1.0 - 2.0 * nu) / (2.0 * values[SHEAR_MODULUS.name] * (1.0 + nu))


def strain_energy(law: Law, f: Any, values: Mapping[str, Any]) -> Any:
    """Return W + κ/2 θ² in kPa, of F (3, 3); the law must not be incompressible."""
    return law.distortion_energy(f, values) + 0.5 * law.dilation(f) ** 2 / inverse_bulk(values)


def laws() -> Mapping[str, Law]:
    """Return every law by name."""
    import solvers.laws as package

    return registered(package, "LAW")


def law(name: str) -> Law:
    """Return one law; raises BadInput naming the ones there are."""
    found: Law = chosen(laws(), name, "law")
    return found
