"""The equations of a tissue law, for every element.

With a pressure: stationary point of ∫ W + κ₀/2 θ² + p θ - p²/(2 (κ - κ₀)), W the energy of the
distortion and θ the dilation (J - 1 at large strain); eliminating p gives W + κ/2 θ² (Sussman &
Bathe 1987, 10.1016/0045-7949(87)90265-3). Without: W + κ/2 θ². All numbers are fields of one value
per cell, so that a form is compiled once for every mesh and value.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from solvers import kinematics
from solvers.elements import Element, tensors_at_points
from solvers.forms import Compiled, Words, compiled
from solvers.laws import HERE, SHEAR_MODULUS, inverse_bulk, law
from solvers.terms import Recipe, recipe

KEPT_BULK: Final = 4.0 / 3.0
"""κ₀/μ: the part of κ that stays with the displacement. The sum is the same, but the displacement's
block then resists a change of volume itself: 3 times fewer Krylov steps than with κ₀ = 0.
"""


@cache
def law_recipe(name: str, element: Element) -> Recipe:
    """Return the compiled equations of a law for an element.

    Its values, cellwise: every parameter of the law, its directions (unit vectors), the part of
    the distortion's stress that is ``relaxed`` and the ``history_kpa`` that measures add to it
    (`solvers.viscoelasticity`; zero: elastic). Its measures: those of `_measures`.
    """
    import ufl

    chosen, words = law(name), Words(element)
    values = {parameter.name: words.cellwise() for parameter in chosen.parameters}
    values |= {direction: words.cellwise((3,)) for direction in chosen.directions}
    values |= {"relaxed": words.cellwise(), "history_kpa": words.cellwise((3, 3))}
    f = kinematics.deformation_gradient(words.u)
    given = {**values, HERE: kinematics.deformation_gradient(words.here)}
    distortion = (1.0 - values["relaxed"]) * chosen.distortion_energy(f, given)
    dilation = chosen.dilation(f)
    dx = words.cells()
    shear = _shear(values)
    schur = None
    if words.p is None:
        potential = distortion + _swelling_energy(words, dilation, values)
        residual = (ufl.derivative(potential * dx, words.u, words.v),)
    else:
        rest = _softness_of_rest(values)
        potential = distortion + _swelling_energy(words, dilation, values)
        lagrangian = (potential - 0.5 * rest * words.p**2) * dx
        softness = 0.5 / shear + rest
        if element.stabilised:
            lagrangian += _stabilised(words, shear)
        residual = tuple(
            ufl.derivative(lagrangian, unknown, test)
            for unknown, test in zip(words.unknowns, (words.v, words.q), strict=True)
        )
        schur = compiled(-softness * words.dp * words.q * dx)
    return recipe(words, residual, values, schur=schur, measures=_measures(words, chosen, given))


def _stabilised(words: Words, shear: Any) -> Any:
    """-1/(2μ) ∫ (p - Πp)², Π the mean over a cell: the mean of a linear field is its midpoint."""
    square = -0.5 / shear * words.p**2
    return square * words.cells(2) - square * words.cells(1)


def _swelling_energy(words: Words, dilation: Any, values: Any) -> Any:
    """κ/2 θ², or κ₀/2 θ² + p θ where there is a pressure, in kPa."""
    if words.p is None:
        return 0.5 * dilation**2 / inverse_bulk(values)
    return 0.5 * KEPT_BULK * _shear(values) * dilation**2 + words.p * dilation


def _stored_energy(words: Words, chosen: Any, f: Any, values: Any) -> Any:
    """W + κ₀/2 θ² + p²/(2 (κ - κ₀)) in kPa (mJ/mL): what elastic tissue would give back."""
    distortion, dilation = chosen.distortion_energy(f, values), chosen.dilation(f)
    if words.p is None:
        return distortion + _swelling_energy(words, dilation, values)
    kept = 0.5 * KEPT_BULK * _shear(values) * dilation**2
    return distortion + kept + 0.5 * _softness_of_rest(values) * words.p**2


def _softness_of_rest(values: Any) -> Any:
    """1/(κ - κ₀) in 1/kPa, zero when incompressible."""
    return inverse_bulk(values) / (1.0 - KEPT_BULK * _shear(values) * inverse_bulk(values))


def _shear(values: Any) -> Any:
    """The shear modulus at rest that is not relaxed, kPa."""
    return (1.0 - values["relaxed"]) * values[SHEAR_MODULUS.name]


def _measures(words: Words, chosen: Any, values: Any) -> dict[str, Compiled]:
    """Integrals over each cell: of von Mises' and Cauchy's (xx yy zz yz xz xy) stress and of the
    stored energy, kPa mm³; ratio, size and turned (inside out) mm³.
    """
    import basix.ufl
    import ufl

    w = ufl.TestFunction(ufl.FunctionSpace(words.domain, basix.ufl.element("DG", "tetrahedron", 0)))
    f = ufl.variable(kinematics.deformation_gradient(words.u))
    at_points = ufl.TestFunction(ufl.FunctionSpace(words.domain, tensors_at_points(words.element)))
    instant = ufl.diff(chosen.distortion_energy(f, values), f)
    left = ufl.Identity(3) if chosen.small else f
    piola = (1.0 - values["relaxed"]) * instant + left * values["history_kpa"]
    piola += ufl.diff(_swelling_energy(words, chosen.dilation(f), values), f)
    stress = piola if chosen.small else piola * ufl.transpose(f) / ufl.det(f)
    six = words.per_cell((6,))
    second_piola = kinematics.conjugate(instant, f, small=chosen.small)
    dx = words.cells()
    return {
        "von_mises": compiled(kinematics.von_mises(stress) * w * dx),
        "cauchy": compiled(ufl.inner(kinematics.six_of(stress), six) * dx),
        "energy": compiled(_stored_energy(words, chosen, f, values) * w * dx),
        "ratio": compiled(ufl.det(f) * w * dx),
        "size": compiled(w * dx),
        "second_piola": compiled(ufl.inner(second_piola, at_points) * dx),
        "turned": compiled(ufl.conditional(ufl.le(ufl.det(f), 0.0), 1.0, 0.0) * w * dx),
    }
