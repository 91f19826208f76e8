"""Weight, or the change of weight since the scan.

1 g/mL × 1 mm/s² = 1e-3 g/mm³ × 1 mm/s² = 1e-9 N/mm³, and 1 kPa = 1e-3 N/mm²: 1e-6 kPa/mm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import ufl

from solvers.contract import Parameter
from solvers.loads import Load
from solvers.settings import Setting

KPA_PER_MM: Final = 1e-6
GRAVITY: Final = Setting(
    Parameter(
        "gravity_mm_per_s2",
        "mm/s²",
        -2e4,
        2e4,
        "change of gravity since the scan",
        "choice of this solver",
        0.0,
    ),
    3,
)
DENSITY: Final = Setting(
    Parameter(
        "density_g_per_ml",
        "g/mL",
        0.1,
        3.0,
        "of the tissue",
        "water 1.00; soft tissue 1.04 to 1.07: ICRU Report 44 (1989)",
        1.05,
    )
)


@dataclass(frozen=True)
class Gravity(Load):
    """-∫ ρ g·v over the volume at rest: mass does not change as tissue deforms."""

    name: str = "gravity"
    title: str = "Weight"
    settings: tuple[Setting, ...] = (GRAVITY, DENSITY)
    scaled: tuple[str, ...] = ("gravity_mm_per_s2",)

    def virtual_work(self, words: Any, values: Mapping[str, Any]) -> Any:
        """Return the form in kPa mm³."""
        weight = KPA_PER_MM * values[DENSITY.parameter.name] * values[GRAVITY.parameter.name]
        return -ufl.inner(weight, words.v) * words.cells()


LOAD = Gravity()
