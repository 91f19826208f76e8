"""Sliding contact with a rigid plane: a table, a retractor, the diaphragm as a first guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import ufl

from solvers.contact import Contact, touched, vector
from solvers.contract import Input
from solvers.settings import Setting

POINT: Final = vector("plane_point_mm", "on the plane, LPS")
NORMAL: Final = vector("plane_normal", "of the plane, towards the tissue, LPS", unit="1")
TRAVEL: Final = vector("plane_travel_mm", "how far the plane moves under the full load, LPS")
FACES: Final = touched("plane_faces", "the plane")


@dataclass(frozen=True)
class Plane(Contact):
    """g = (x + u - point - travel)·n."""

    name: str = "plane"
    title: str = "Contact with a plane"
    settings: tuple[Setting, ...] = (POINT, NORMAL, TRAVEL)
    faces: Input | None = FACES
    scaled: tuple[str, ...] = ("plane_travel_mm",)
    needed: tuple[str, ...] = ("plane_normal",)

    def gap(self, words: Any, values: Mapping[str, Any]) -> Any:
        """Return the distance from the plane in mm."""
        normal = values[NORMAL.parameter.name]
        origin = values[POINT.parameter.name] + values[TRAVEL.parameter.name]
        return ufl.inner(words.x + words.u - origin, normal) / ufl.sqrt(ufl.inner(normal, normal))


LOAD = Plane()
