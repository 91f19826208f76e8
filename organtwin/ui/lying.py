"""How a patient lies, in the words and numbers of an operating theatre. No Qt in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from organtwin.core.journal import JournalEntry

SCANNED: Final = {"supine": 0.0, "left-lateral": 90.0, "right-lateral": -90.0, "prone": 180.0}
"""The positions that the step "pose" knows by name → degrees turned to the left."""
NAMED: Final = ((0, "on the back"), (90, "on the left side"), (-90, "on the right side"))
POSITION: Final = ("turned_deg", "head_up_deg", "pneumoperitoneum_mmhg")
"""Arguments of the step "pose" that say how the patient lies."""


@dataclass(frozen=True)
class Lying:
    """A position, for a patient who was scanned on the back.

    Args:
        turned_deg: about the long axis of the body, from the back to the left side, -180 to 180.
        head_up_deg: of the table, negative with the head down.
        pneumoperitoneum_mmhg: pressure of the gas beyond that of the scan.
    """

    turned_deg: float = 0.0
    head_up_deg: float = 0.0
    pneumoperitoneum_mmhg: float = 0.0

    @property
    def down(self) -> tuple[float, float, float]:
        """Where gravity points, a unit vector in LPS."""
        turned, tilted = np.radians(self.turned_deg), np.radians(self.head_up_deg)
        level = np.cos(tilted)
        return (
            float(level * np.sin(turned)),
            float(level * np.cos(turned)),
            -float(np.sin(tilted)),
        )

    @property
    def arguments(self) -> dict[str, float]:
        """What a `Posture` and the step are asked for."""
        return {name: float(getattr(self, name)) for name in POSITION}

    @property
    def said(self) -> str:
        """The position in words."""
        parts = [_turned(round(self.turned_deg))]
        if tilted := round(self.head_up_deg):
            parts.append(f"head {abs(tilted)}° {'up' if tilted > 0 else 'down'}")
        if self.pneumoperitoneum_mmhg:
            parts.append(f"{self.pneumoperitoneum_mmhg:.0f} mmHg")
        return ", ".join(parts)


def lying_in(entry: JournalEntry) -> Lying | None:
    """Return the position that an entry of the journal computed, None where it is another step."""
    asked: Mapping[str, Any] = entry.done.arguments
    if entry.done.step != "pose" or asked["scanned"] != "supine" or asked["preview"]:
        return None
    if asked.get("unload") or asked.get("planes"):
        return None
    turned, tilted, gas = (float(asked[name]) for name in POSITION)
    turned += SCANNED[asked["position"]]
    return Lying(turned - 360.0 * round((turned - 0.5) / 360.0), tilted, gas)


def _turned(degrees: int) -> str:
    if abs(degrees) == 180:
        return "face down"
    for named, words in NAMED:
        if degrees == named:
            return words
    return f"turned {abs(degrees)}° to the {'left' if degrees > 0 else 'right'}"
