"""The finite elements tissue is solved with, and the rule that chooses one.

Rule: a preview takes ``p1_p1``, an accurate answer ``p2_p1``. Both carry a pressure of their own
and do not lock at any Poisson's ratio up to 0.5. ``p1`` and ``p2`` have the displacement alone;
they are offered for comparison and lock as the tissue becomes incompressible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from solvers.failures import BadInput


@dataclass(frozen=True)
class Element:
    """One choice.

    Args:
        name: as in the setting ``element``.
        degree: of the displacement.
        pressure: whether it has a (linear, continuous) pressure.
        stabilised: whether the pressure needs the projection of Dohrmann & Bochev (2004),
            10.1002/fld.752: its displacement is no richer than the pressure.
        quadrature_degree: of every volume integral. 3 has six points in a tetrahedron: exact for
            the linear elasticity of P2; see the tests.
    """

    name: str
    degree: int
    pressure: bool
    stabilised: bool
    quadrature_degree: int


ELEMENTS: Final = {
    element.name: element
    for element in (
        Element("p1", 1, False, False, 1),
        Element("p2", 2, False, False, 3),
        Element("p1_p1", 1, True, True, 2),
        Element("p2_p1", 2, True, False, 3),
    )
}
PREVIEW: Final = ELEMENTS["p1_p1"]
ACCURATE: Final = ELEMENTS["p2_p1"]
SHIPPED: Final = (PREVIEW, ACCURATE)
"""Compiled ahead of time; the others are compiled when first asked for."""

COARSER: Final = {"p2_p1": PREVIEW, "p2": ELEMENTS["p1"]}
"""The element of the same mesh whose answer is a good start for another's."""


def element(name: str) -> Element:
    """Return one element; raises BadInput naming the ones there are."""
    if name not in ELEMENTS:
        raise BadInput(f"no element {name!r}; there are: {', '.join(ELEMENTS)}")
    return ELEMENTS[name]


def tensors_at_points(element: Element) -> Any:
    """Return the basix element of (3, 3) tensors at the points of `element`'s quadrature."""
    import basix.ufl

    return basix.ufl.quadrature_element(
        "tetrahedron", value_shape=(3, 3), scheme="default", degree=element.quadrature_degree
    )
