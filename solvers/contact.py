"""Sliding without friction on something rigid, by a penalty.

A contact is written by its gap g: the distance from the rigid surface, at where the tissue is now,
negative inside. Its energy is k/2 g² where g < 0, over the faces at rest (Wriggers 2006,
Computational Contact Mechanics, section 6.3); the force follows the surface's normal. k is raised
until nothing penetrates more than a tolerance (`solvers.pressing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import ufl

from solvers.contract import Input, Parameter
from solvers.loads import Load
from solvers.settings import Setting

STIFFNESS: Final = "contact_kpa_per_mm"
"""The cellwise field of the penalty k."""
_DEGREE: Final = 4
"""Of the quadrature: the border of the contact runs through faces."""


@dataclass(frozen=True)
class Contact(Load):
    """What all contacts share; each writes its gap."""

    def gap(self, words: Any, values: Mapping[str, Any]) -> Any:
        """Return the signed distance in mm of ``words.x + words.u`` from the rigid surface."""
        raise NotImplementedError

    def measure(self, words: Any) -> Any:
        """Return the measure of the faces: where on them the gap is looked at."""
        return words.faces(_DEGREE)

    def coefficients(self, words: Any) -> dict[str, Any]:
        """Return the penalty."""
        return {STIFFNESS: words.cellwise()}

    def virtual_work(self, words: Any, values: Mapping[str, Any]) -> Any:
        """Return the form in kPa mm³."""
        energy = 0.5 * values[STIFFNESS] * _inside(self.gap(words, values)) ** 2
        return ufl.derivative(energy * self.measure(words), words.u, words.v)

    def measures(self, words: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return square (mm⁴) and area (mm²): of what penetrates, and of the faces of each cell."""
        w, faces = words.per_cell(), self.measure(words)
        square = _inside(self.gap(words, values)) ** 2 * w * faces
        return {"square": square, "area": w * faces}


def vector(name: str, meaning: str, *, unit: str = "mm", bound: float = 1e4) -> Setting:
    """Return a setting of three numbers, zero unless given."""
    return Setting(Parameter(name, unit, -bound, bound, meaning, "choice of this solver", 0.0), 3)


def touched(name: str, what: str) -> Input:
    """Return the input array of the triangles that may touch."""
    meaning = f"triangles that may touch {what}"
    return Input(name, "(f, 3)", "int32", "1", meaning, required=False)


def _inside(gap: Any) -> Any:
    return ufl.conditional(ufl.lt(gap, 0.0), -gap, 0.0)
