"""DeformTable: what a position does to the organ, as previewed and on the full mesh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from organtwin.ui.pieces import Table

NONE: Final = "–"
MINUS: Final = "\N{MINUS SIGN}"
UNITS: Final = {"mm": " mm", "percent": " %"}
FIRST: Final = (
    ("mean_shift_mm", "Mean shift", "Mean shift of the organ's surface, by area"),
    ("largest_shift_mm", "Largest shift", "Of any point of the organ's surface"),
)
TOWARDS: Final = (
    ("cranial_mm", "To the head", "Mean shift of the surface along the body, S"),
    ("to_the_left_mm", "To the left", "Mean shift of the surface to the patient's left, L"),
    ("backwards_mm", "To the back", "Mean shift of the surface towards the back, P"),
)
LAST: Final = (
    ("volume_change_percent", "Volume", "Change of the organ's volume: blood leaves it"),
    ("stretch_percent", "Worst stretch",
     "Largest principal stretch that 99 % of the tissue stays below"),
    ("shortening_percent", "Shortening",
     "Worst shortening: smallest principal stretch that 99 % of the tissue stays above"),
)  # fmt: skip
SIGNED: Final = ("cranial_mm", "to_the_left_mm", "backwards_mm", "volume_change_percent")

TENS: Final = 10.0
"""From here on, or with an interval as wide, numbers are told without decimals."""


class DeformTable(Table):
    """A row for each number, a column for each way it was found."""

    def __init__(self) -> None:
        super().__init__("What the position does to the organ", ("", "Preview", "Full mesh"))
        self.verticalHeader().setDefaultSectionSize(25)

    def show_figures(
        self,
        preview: Mapping[str, Any] | None,
        whole: Mapping[str, Any] | None,
        tumours: Sequence[str],
    ) -> None:
        """Show numbers (`deform_figures.told`) of one position, None where there are none."""
        targets = [
            (f"target_{number}_shift_mm", name, f"Shift of the middle of {name}")
            for number, name in enumerate(tumours, 1)
        ]
        wanted = [*FIRST, *targets, *LAST, *TOWARDS]
        rows = [(title, _said(preview, name), _said(whole, name)) for name, title, _ in wanted]
        self.fill(rows, [tip for _, _, tip in wanted])


def _said(told: Mapping[str, Any] | None, name: str) -> str:
    """Return a number with its unit, and below it its interval if there is one."""
    if told is None or name not in told["figures"]:
        return NONE
    value, between = told["figures"][name], told["intervals"].get(name)
    strain = name in ("stretch_percent", "shortening_percent")
    wide = max(abs(value), between[1] - between[0] if between else 0.0) >= TENS
    places, sign = 0 if strain or wide else 1, "+" if name in SIGNED else ""
    said = _number(value, places, sign) + UNITS[name.rpartition("_")[2]]
    if between is None:
        return said
    return f"{said}\n{' to '.join(_number(value, places, sign) for value in between)}"


def _number(value: float, places: int, sign: str) -> str:
    rounded = round(value, places) + 0.0
    return f"{rounded:{sign if rounded else ''}.{places}f}".replace("-", MINUS)
