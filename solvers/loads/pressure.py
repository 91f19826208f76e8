"""Pressure on faces, which follows them as they move.

On faces inside the mesh, such as the wall of a vessel that is meshed, ``pressure_lumen`` names the
regions that the pressure comes from: it pushes onto the tissue on the other side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import ufl

from solvers import kinematics
from solvers.contract import Input, Parameter
from solvers.loads import Load
from solvers.settings import Setting

PRESSURE: Final = Setting(
    Parameter(
        "pressure_kpa",
        "kPa",
        -50.0,
        50.0,
        "on the pressure faces, positive pushes onto the tissue",
        "choice of this solver",
        0.0,
    )
)
FACES: Final = Input(
    "pressure_faces", "(f, 3)", "int32", "1", "triangles under pressure", required=False
)
LUMEN: Final = Input(
    "pressure_lumen",
    "(k,)",
    "int32",
    "1",
    "labels of the regions the pressure comes from, for faces between regions",
    required=False,
)


@dataclass(frozen=True)
class Pressure(Load):
    """∫ p J F⁻ᵀN·v over the faces at rest: Nanson's formula; Holzapfel 2000, section 6.3."""

    name: str = "pressure"
    title: str = "Pressure that follows the surface"
    settings: tuple[Setting, ...] = (PRESSURE,)
    faces: Input | None = FACES
    inputs: tuple[Input, ...] = (LUMEN,)
    scaled: tuple[str, ...] = ("pressure_kpa",)

    def virtual_work(self, words: Any, values: Mapping[str, Any]) -> Any:
        """Return the form in kPa mm³."""
        f = kinematics.deformation_gradient(words.u)
        area = ufl.det(f) * ufl.inv(f).T * ufl.FacetNormal(words.domain)
        return values[PRESSURE.parameter.name] * ufl.inner(area, words.v) * words.faces()


LOAD = Pressure()
