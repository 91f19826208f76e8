"""Elastic supports: what surrounds an organ pulls its faces back to where they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import ufl

from solvers.contract import Input, Parameter
from solvers.loads import Load
from solvers.settings import Setting


def _stiffness(name: str, meaning: str) -> Setting:
    source = "unsourced, set your own"
    return Setting(Parameter(name, "kPa/mm", 0.0, 1e3, meaning, source, 0.0))


NORMAL: Final = _stiffness("spring_normal_kpa_per_mm", "against moving along the normal at rest")
TANGENTIAL: Final = _stiffness("spring_tangential_kpa_per_mm", "against moving across it")
FACES: Final = Input(
    "spring_faces", "(f, 3)", "int32", "1", "triangles held by springs", required=False
)


@dataclass(frozen=True)
class Springs(Load):
    """∫ (kₙ (u·N) N + kₜ (u - (u·N) N))·v over the faces at rest, N their normal there."""

    name: str = "springs"
    title: str = "Elastic support"
    settings: tuple[Setting, ...] = (NORMAL, TANGENTIAL)
    faces: Input | None = FACES

    def virtual_work(self, words: Any, values: Mapping[str, Any]) -> Any:
        """Return the form in kPa mm³."""
        normal = ufl.FacetNormal(words.domain)
        along = ufl.inner(words.u, normal) * normal
        across = words.u - along
        pull = values[NORMAL.parameter.name] * along + values[TANGENTIAL.parameter.name] * across
        return ufl.inner(pull, words.v) * words.faces()


LOAD = Springs()
