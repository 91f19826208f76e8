"""A rigid ball pressed into tissue: a finger, an instrument's tip, an indenter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import ufl

from solvers.contact import Contact, touched, vector
from solvers.contract import Input, Parameter
from solvers.settings import Setting

RADIUS: Final = Setting(
    Parameter("tool_radius_mm", "mm", 0.0, 200.0, "of the ball", "choice of this solver", 0.0)
)
START: Final = vector("tool_start_mm", "centre of the ball without load, LPS")
TRAVEL: Final = vector("tool_travel_mm", "how far the centre moves under the full load, LPS")
FACES: Final = touched("tool_faces", "the tool")


@dataclass(frozen=True)
class Tool(Contact):
    """g = |x + u - start - travel| - radius; the centre goes straight as the load grows."""

    name: str = "tool"
    title: str = "Rigid ball pressed in"
    settings: tuple[Setting, ...] = (RADIUS, START, TRAVEL)
    faces: Input | None = FACES
    scaled: tuple[str, ...] = ("tool_travel_mm",)
    needed: tuple[str, ...] = ("tool_radius_mm",)

    def gap(self, words: Any, values: Mapping[str, Any]) -> Any:
        """Return the distance from the ball in mm."""
        centre = values[START.parameter.name] + values[TRAVEL.parameter.name]
        away = words.x + words.u - centre
        return ufl.sqrt(ufl.inner(away, away)) - values[RADIUS.parameter.name]


LOAD = Tool()
