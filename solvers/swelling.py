"""Growth strain: tissue that swells with what grows in it, at large strain, in every law.

F = F_e F_g with F_g = g I and g³ = 1 + s c, c the density of the tumour and s its ``swelling``; the
energy per volume of the reference configuration is g³ ψ(F_e), ψ the law's (Rodriguez et al. 1994,
10.1016/0021-9290(94)90021-3; Ambrosi & Mollica 2002, 10.1016/S0020-7225(02)00014-9; as mass effect
of a tumour: Hogea et al. 2007, 10.1007/978-3-540-75757-3_78).

F_e is F over a number, and the laws are homogeneous: with W ~ λ^w and θ + 3/t ~ λ^t
(`solvers.laws.Law.powers`) g³ ψ(F/g) = g^(3-w) W(F) + κ g^(3-2t)/2 (θ(F) - o)², o = 3/t (g^t - 1).
For laws of C̄: W is worth g³ as much, κ a g³-th, and J rests at g³. So no law's form changes: its
moduli are multiplied, and one more term beside it moves the dilation at rest. The factors are those
of a cell's mean density, o is that of its linear density; both are exact where c is constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers import kinematics
from solvers.contract import Parameter
from solvers.elements import Element
from solvers.failures import BadInput
from solvers.forms import Words, compiled
from solvers.laws import POISSON_RATIO, SHEAR_MODULUS, Law, inverse_bulk, law
from solvers.organ import Level, Values
from solvers.supports import node_dofs
from solvers.terms import Recipe, Term, recipe
from solvers.tissue import KEPT_BULK

Reals = NDArray[np.float64]
SWELLING: Final = Parameter(
    "swelling",
    "1",
    0.0,
    1.0,
    "volume that a density of 1 adds, over that of the tissue it grows in",
    "Rodriguez 1994, Ambrosi & Mollica 2002, Hogea 2007 (the form); value unsourced, set your own",
)
SWELLING_FORMS: Final = ("linear_elastic", "neo_hookean", "saint_venant_kirchhoff")
"""Laws of every dilation there is: the term of another law is that of one of them."""
SMALLEST_VOLUME: Final = 0.1
"""g³ below which tissue is said to have lost too much."""

NO_CHANGE: Final = 1e-12
"""|g³ - 1| that is none: rounding."""


@cache
def swelling_recipe(name: str, element: Element) -> Recipe:
    """Return the compiled term that makes a law's tissue swell, for an element.

    ``bulk_kpa``/2 (θ - o)² - ``bulk_of_law_kpa``/2 θ² - p o, the first in place of the second.
    Its values: ``density`` (nodes), ``swelling`` and the two moduli (cells). Its measure
    ``cauchy``: the integral over each cell of the stress it adds, xx yy zz yz xz xy, kPa mm³.
    """
    import ufl

    chosen, words = law(name), Words(element)
    values = {"density": words.nodewise()}
    values |= {key: words.cellwise() for key in ("swelling", "bulk_kpa", "bulk_of_law_kpa")}
    f = ufl.variable(kinematics.deformation_gradient(words.u))
    dilation = chosen.dilation(f)
    rest = dilation_at_rest(chosen, values["swelling"] * values["density"])
    grown = 0.5 * values["bulk_kpa"] * (dilation - rest) ** 2
    potential = grown - 0.5 * values["bulk_of_law_kpa"] * dilation**2
    dx = words.cells()
    residual = [ufl.derivative(potential * dx, words.u, words.v)]
    if words.p is not None:
        residual.append(-rest * words.q * dx)
    piola = ufl.diff(potential, f)
    stress = piola if chosen.small else piola * ufl.transpose(f) / ufl.det(f)
    six = ufl.inner(kinematics.six_of(stress), words.per_cell((6,)))
    return recipe(words, tuple(residual), values, measures={"cauchy": compiled(six * dx)})


class Swelling:
    """The growth strain of one level of an organ: `grow`, then solve.

    The term lives on the cells of each law.
    """

    def __init__(self, level: Level, laws: Mapping[int, str]) -> None:
        """Add the terms; `laws` as of `Organ`. Raises BadInput for a law that cannot grow."""
        self.level, self._laws = level, laws
        element = level.system.element
        for name in level.laws:
            growing_powers(law(name))
        self.terms: dict[str, Term] = {
            name: level.system.add(swelling_recipe(name, element), term.entities)
            for name, term in level.laws.items()
        }

    def begin(self, values: Values, swelling: Mapping[int, float]) -> None:
        """Take the tissue's values and its swelling, by region label."""
        grid = self.level.system.grid
        self._own: dict[str, dict[str, Reals]] = {}
        for name, term in self.terms.items():
            labels = [label for label, own in self._laws.items() if own == name]
            self._own[name] = {
                p.name: _of_regions(grid, {one: values[one][p.name] for one in labels})
                for p in law(name).parameters
                if p.unit == SHEAR_MODULUS.unit or p.name == POISSON_RATIO.name
            }
            term.values["swelling"].x.array[:] = _of_regions(
                grid, {one: swelling[one] for one in labels}
            )

    def grow(self, density: Reals) -> bool:
        """Set the density (n,) at the input nodes and with it the tissue's moduli.

        Returns:
            whether any cell, of all ranks, has another volume than the mesh's.
        """
        grid = self.level.system.grid
        local = density[grid.nodes]
        mean = local[grid.corner_positions()].mean(axis=1)
        pressure, changed = self.level.system.element.pressure, False
        for name, term in self.terms.items():
            at_nodes = term.values["density"]
            at_nodes.x.array[node_dofs(grid, at_nodes.function_space)] = local
            cells = np.isin(grid.regions, [k for k, own in self._laws.items() if own == name])
            volume = 1.0 + term.values["swelling"].x.array[cells] * mean[cells]
            changed = changed or bool((np.abs(volume - 1.0) > NO_CHANGE).any())
            own = {key: value[cells] for key, value in self._own[name].items()}
            for key, grown in grown_moduli(law(name), own, volume, pressure=pressure).items():
                holder = term if key in term.values else self.level.laws[name]
                holder.values[key].x.array[cells] = grown
        return any(grid.comm.allgather(changed))


def grown_moduli(
    chosen: Law, own: Mapping[str, Reals], volume: Reals, *, pressure: bool
) -> dict[str, Reals]:
    """Return the moduli of grown tissue for its law's form, and the two of the swelling term.

    κ g^(3-2t) is parted anew into what stays with the displacement, as much as the law's form
    keeps there or half, and the rest, which is the pressure's; a form without one keeps all.

    Args:
        own: the law's parameters in kPa and Poisson's ratio, (k,) each.
        volume: (k,) g³.
    """
    w, t = growing_powers(chosen)
    softness = inverse_bulk(own) * volume ** ((2 * t - 3) / 3.0)
    grown = {k: v * volume ** ((3 - w) / 3.0) for k, v in own.items() if k != POISSON_RATIO.name}
    shear = grown[SHEAR_MODULUS.name]
    if pressure:
        kept = KEPT_BULK * shear
        bulk = np.minimum(kept, 0.5 / np.maximum(softness, 1e-300))
        rest = softness / (1.0 - bulk * softness)
        softness = rest / (1.0 + kept * rest)
    else:
        kept = bulk = 1.0 / softness
    slack = 2.0 / 3.0 * shear * softness
    ratio = (1.0 - slack) / (2.0 + slack)
    return {**grown, POISSON_RATIO.name: ratio, "bulk_kpa": bulk, "bulk_of_law_kpa": kept}


def dilation_at_rest(chosen: Law, grown: Any) -> Any:
    """Return o = 3/t (g^t - 1) of g³ - 1, UFL or numbers: the dilation of tissue free to grow."""
    _, t = growing_powers(chosen)
    return grown if t == 3 else 3.0 / t * ((1.0 + grown) ** (t / 3.0) - 1.0)


def growing_powers(chosen: Law) -> tuple[int, int]:
    """Return the law's `powers`; raises BadInput for one that knows no growth strain."""
    if chosen.powers is None:
        raise BadInput(
            f"{chosen.name}: its fibres know no growth strain; choose fung, or a law without fibres"
        )
    return chosen.powers


def _of_regions(grid: Any, values: Mapping[int, Any]) -> Reals:
    """(local cells,) of one value, or one array (m,), for each region; zero elsewhere."""
    found = np.zeros(len(grid.regions))
    for label, value in values.items():
        inside = grid.regions == label
        found[inside] = grid.of_cells(value)[inside]
    return found
