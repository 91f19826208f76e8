"""DeformTable: what a position does to the organ, as previewed and as computed accurately."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from organtwin.core.directions import position, sided
from organtwin.ui.pieces import Table

NONE: Final = "–"
STRAIN_TIP: Final = (
    "Largest principal strain (Green-Lagrange) of a tetrahedron: in {structure} at {place}"
)
STRAINS: Final = ("most_strain_percent", "strain_percent")
Figures = Mapping[str, Any]


class DeformTable(Table):
    """A row for each number, a column for each way it was found."""

    def __init__(self) -> None:
        super().__init__("What the position does to the organ", ("", "Preview", "Accurate"))
        self.verticalHeader().setDefaultSectionSize(26)

    def show_figures(self, preview: Figures | None, accurate: Figures | None) -> None:
        """Show numbers (`deform_figures.spread`) of one position, None where there are none."""
        known = accurate or preview
        if known is None:
            self.fill([])
            return
        columns = [_column(figures, known["tumours"]) for figures in (preview, accurate)]
        names = ["Mean shift", "Largest shift", *known["tumours"], "Volume change",
                 "Strain, 99 % below", "Largest strain"]  # fmt: skip
        self.fill(list(zip(names, *columns, strict=True)), _tips(known))


def _column(figures: Figures | None, tumours: Mapping[str, Any]) -> list[str]:
    if figures is None:
        return [NONE] * (5 + len(tumours))
    between: Mapping[str, Any] = figures.get("intervals", {})
    moved = figures["tumours"]
    return [
        _with(f"{figures['mean_mm']:.1f} mm", between.get("mean_mm"), 1),
        _with(f"{figures['largest_mm']:.1f} mm", between.get("largest_mm"), 1),
        *(
            _with(f"{np.linalg.norm(moved[n]):.1f} mm", between.get(n), 1) if n in moved else NONE
            for n in tumours
        ),
        _with(_signed(figures["volume_percent"]), between.get("volume_percent"), 1),
        *(_with(f"{figures[name]:.0f} %", between.get(name), 0) for name in STRAINS),
    ]


def _with(said: str, between: tuple[float, float] | None, places: int) -> str:
    """Add the interval, where there is one."""
    if between is None:
        return said
    low, high = between
    return f"{said}\n{low:.{places}f} to {high:.{places}f}"


def _signed(percent: float) -> str:
    return "0.0 %" if abs(percent) < 0.05 else f"{percent:+.1f} %".replace("-", "\N{MINUS SIGN}")


def _tips(figures: Figures) -> list[str]:
    change = figures["volume_ml"] * figures["volume_percent"] / 100.0
    strain = STRAIN_TIP.format(
        structure=figures["strain_in"], place=position(figures["strain_at_mm"], 0)
    )
    return [
        "Mean displacement of the organ's tissue, by volume",
        "Largest displacement of any point of the organ",
        *(
            f"{name}: mean displacement, towards {', '.join(sided(moved))} mm"
            for name, moved in figures["tumours"].items()
        ),
        f"{change:+.0f} mL of {figures['volume_ml']:.0f} mL",
        "99 % of the tissue is strained less (largest principal strain, Green-Lagrange)",
        strain,
    ]
