"""What a deformation is worth: how it was found, and what it must not be taken for. No Qt in here.

Figures and sources: docs/liver_mechanics.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from organtwin.ui.lying import Lying

NOT_VALIDATED: Final = (
    "Not validated on any patient. Rise and volume under gas are calibrated to one published "
    "series (45 mm, \N{MINUS SIGN}12\N{NO-BREAK SPACE}%; n = 15). Intervals hold "
    "stiffness only: under gas the weight that the scan already carried may move the liver more "
    "than 10 mm further back. Without buoyancy, shifts to the side are upper bounds."
)
PREVIEWED: Final = (
    "Preview: {count} tetrahedra, simplified elements, every stiffness at its median, no "
    "interval. To look at, not to measure by."
)
ALONE: Final = "Full mesh, every stiffness at its median. No interval was computed."
SPREAD: Final = (
    "Full mesh, every stiffness at its median; below each number where 90 % of {members} samples "
    "of the stiffness lie (simplified elements)."
)
UNTOLD: Final = (
    "Full mesh, every stiffness at its median. No interval: {failed} samples of the stiffness "
    "could not be solved, too many for one."
)
ASSUMED: Final = (
    "The patient is taken to have been scanned on the back. How far the diaphragm rises and how "
    "much blood leaves under gas is calibrated to published means, not to this patient; sources "
    "are in the tips of the rows."
)
CALIBRATED_MMHG: Final = 12.0
LARGEST_PUBLISHED_MM: Final = 45.0
"""Mean shift of the liver in people (Nainamalai 2025, 10.1007/s00464-025-12392-y)."""
WITHIN: Final = 1.05
"""Times the largest published: the calibrated answer itself is 46 mm."""


def how_found(told: Mapping[str, Any], count: str, *, whole: bool) -> str:
    """Return how the numbers were found.

    Args:
        told: as `deform_figures.told`.
        count: tetrahedra of the previews' mesh, in words.
        whole: on the full mesh, not previewed.
    """
    if not whole:
        return PREVIEWED.format(count=count)
    said = SPREAD if told["intervals"] else UNTOLD if told.get("failed") else ALONE
    return said.format(**told)


def cautions(position: Lying, told: Mapping[str, Any]) -> str:
    """Return what any answer is not, and where this one leaves what was published."""
    said = [NOT_VALIDATED]
    gas, moved = position.pneumoperitoneum_mmhg, told["figures"]["mean_shift_mm"]
    if gas > CALIBRATED_MMHG:
        said.append(f"{gas:.0f} mmHg: extrapolated from {CALIBRATED_MMHG:.0f} mmHg.")
    if moved > WITHIN * LARGEST_PUBLISHED_MM:
        said.append(
            f"Mean shift {moved:.0f} mm: beyond the largest published "
            f"({LARGEST_PUBLISHED_MM:.0f} mm)."
        )
    return "\n".join(said)
