"""TissueTable: how stiff an organ and what holds it are taken to be, and how sure that is."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import ndtri

from organtwin.core.parameter import Prior
from organtwin.organs import Organ
from organtwin.ui.pieces import Table

SURE: Final = float(ndtri(0.95))
"""Standard deviations from the median to the ends of a central interval of 90 %."""
HELD: Final = {
    "attached": "Bare area, ligaments",
    "back": "Back of the abdomen",
    "falciform": "Falciform ligament",
    "diaphragm": "Diaphragm",
    "viscera": "Organs below",
    "wall": "Abdominal wall, ribs",
}
Row = tuple[tuple[str, str], str]


class TissueTable(Table):
    """A row for each stiffness: its median and where 90 % of its prior lie; its source as tip."""

    def __init__(self) -> None:
        super().__init__("Stiffness of tissue and supports", ("", "Median\n90 % range"))

    def show_organ(self, organ: Organ) -> None:
        """Show what an organ's file says."""
        rows = [_prior(organ, prior) for prior in organ.tissue_priors]
        if "tumour" in organ.law_values and "organ" in organ.law_values:
            rows.append(_tumours(organ))
        for one in organ.supports:
            median = max(one.normal_kpa_per_mm, one.tangential_kpa_per_mm)
            title = HELD.get(one.place, one.place.capitalize())
            rows.append((_row(title, median, one.spread, "kPa/mm"), one.source))
        self.fill([row for row, _ in rows], [source for _, source in rows])


def _prior(organ: Organ, prior: Prior) -> Row:
    name = prior.parameter.removesuffix("_kpa").replace("_", " ")
    return _row(
        f"{organ.name} {name}".capitalize(), prior.centre, prior.spread, "kPa"
    ), prior.source


def _tumours(organ: Organ) -> Row:
    """Tumours are as many times stiffer as the organ's file says, in every draw."""
    name = "shear_modulus_kpa"
    values = organ.law_values["tumour"].get(name, 0.0), organ.law_values["organ"].get(name, 1.0)
    said = f"{values[0] / values[1]:.3g} × {organ.name}"
    return ("Tumour shear modulus", f"{values[0]:.3g} kPa\n{said}"), organ.law_source


def _row(title: str, median: float, spread: float, unit: str) -> tuple[str, str]:
    low, high = median * np.exp(-SURE * spread), median * np.exp(SURE * spread)
    return title, f"{median:.3g} {unit}\n{low:.2g} to {high:.2g}"
