"""Elastic supports: what surrounds an organ pulls its faces back to where they were.

What surrounds it may move, too (a diaphragm that gas lifts): where the faces are pulled to moves by
``spring_rest_mm`` as the load grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import ufl

from solvers.contact import vector
from solvers.contract import Input, Parameter
from solvers.loads import Load
from solvers.settings import Setting


def _stiffness(name: str, meaning: str) -> Setting:
    source = "unsourced, set your own"
    return Setting(Parameter(name, "kPa/mm", 0.0, 1e3, meaning, source, 0.0))


NORMAL: Final = _stiffness("spring_normal_kpa_per_mm", "against moving along the normal at rest")
TANGENTIAL: Final = _stiffness("spring_tangential_kpa_per_mm", "against moving across it")
REST: Final = vector("spring_rest_mm", "how far what the springs hang on moves, LPS")
FACES: Final = Input(
    "spring_faces", "(f, 3)", "int32", "1", "triangles held by springs", required=False
)


@dataclass(frozen=True)
class Springs(Load):
    """∫ (kₙ (d·N) N + kₜ (d - (d·N) N))·v over the faces at rest, N their normal there.

    d = u - r: the displacement beyond that of what the springs hang on.
    """

    name: str = "springs"
    title: str = "Elastic support"
    settings: tuple[Setting, ...] = (NORMAL, TANGENTIAL, REST)
    faces: Input | None = FACES
    scaled: tuple[str, ...] = ("spring_rest_mm",)

    def virtual_work(self, words: Any, values: Mapping[str, Any]) -> Any:
        """Return the form in kPa mm³."""
        normal = ufl.FacetNormal(words.domain)
        beyond = words.u - values[REST.parameter.name]
        along = ufl.inner(beyond, normal) * normal
        across = beyond - along
        pull = values[NORMAL.parameter.name] * along + values[TANGENTIAL.parameter.name] * across
        return ufl.inner(pull, words.v) * words.faces()


LOAD = Springs()
