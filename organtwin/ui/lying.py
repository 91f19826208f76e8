"""How a patient lies, in the words and numbers of an operating theatre. No Qt in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

KPA_PER_MMHG: Final = 0.1333224
"""Conventional millimetre of mercury (NIST SP 811, appendix B.8)."""
NAMED: Final = ((0, "on the back"), (90, "on the left side"), (-90, "on the right side"))


@dataclass(frozen=True)
class Lying:
    """A position, for a patient who was scanned on the back.

    Args:
        turned_deg: about the long axis of the body, from the back to the left side, -180 to 180.
        head_down_deg: of the table, negative with the feet down.
        pressure_mmhg: in the abdomen, beyond that of the scan.
    """

    turned_deg: float = 0.0
    head_down_deg: float = 0.0
    pressure_mmhg: float = 0.0

    @property
    def down(self) -> tuple[float, float, float]:
        """Where gravity points, a unit vector in LPS."""
        turned, tilted = np.radians(self.turned_deg), np.radians(self.head_down_deg)
        across = np.cos(tilted)
        return (
            float(across * np.sin(turned)),
            float(across * np.cos(turned)),
            float(np.sin(tilted)),
        )

    @property
    def pressure_kpa(self) -> float:
        """The pressure in the solver's unit."""
        return self.pressure_mmhg * KPA_PER_MMHG

    @property
    def arguments(self) -> dict[str, Any]:
        """What the step "deform" is asked for."""
        return {"down": [round(part, 9) for part in self.down], "pressure_kpa": self.pressure_kpa}

    @property
    def said(self) -> str:
        """The position in words."""
        parts = [_turned(round(self.turned_deg))]
        if tilted := round(self.head_down_deg):
            parts.append(f"{'head' if tilted > 0 else 'feet'} {abs(tilted)}° down")
        if self.pressure_mmhg:
            parts.append(f"{self.pressure_mmhg:.0f} mmHg")
        return ", ".join(parts)


def lying(arguments: Mapping[str, Any]) -> Lying:
    """Return the position that a step "deform" was asked for."""
    down = np.asarray(arguments["down"], dtype=np.float64)
    x, y, z = down / np.linalg.norm(down)
    kpa = float(arguments["pressure_kpa"])
    return Lying(
        round(float(np.degrees(np.arctan2(x, y))), 3),
        round(float(np.degrees(np.arcsin(np.clip(z, -1.0, 1.0)))), 3),
        round(kpa / KPA_PER_MMHG, 3),
    )


def _turned(degrees: int) -> str:
    if abs(degrees) == 180:
        return "face down"
    for named, words in NAMED:
        if degrees == named:
            return words
    return f"turned {abs(degrees)}° to the {'left' if degrees > 0 else 'right'}"
