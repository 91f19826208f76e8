"""Logistic growth where the tumour is, without spreading: u' = rho u (1 - u)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from solvers.contract import Parameter
from solvers.growth.bernoulli import Bernoulli
from solvers.growth.fisher_kpp import fisher_front
from solvers.growth.model import PROLIFERATION, UNSOURCED

BORDER = Parameter(
    "border_mm",
    "mm",
    0.1,
    30.0,
    "length over which the tumour's border fades at the start; without spreading it decides how "
    "fast what is seen grows",
    UNSOURCED,
)


@dataclass(frozen=True)
class Logistic(Bernoulli):
    """Verhulst 1838; among the laws of tumour growth: Gerlee 2013, 10.1158/0008-5472.CAN-12-4355.

    Nothing travels: what is seen grows as the faded border fills. It has no front of its own; the
    start is the shape of Fisher-KPP's over a length the user gives.
    """

    name: str = "logistic"
    title: str = "Logistic without spreading: u' = ρ u (1 - u)"
    parameters: tuple[Parameter, ...] = (PROLIFERATION, BORDER)
    beside: tuple[str, ...] = (BORDER.name,)

    def spreads(self, values: Mapping[str, Any]) -> tuple[float, ...]:
        """Return nothing of any diffusion coefficient."""
        del values
        return (0.0,)

    def front_width_mm(self, values: Mapping[str, Any]) -> Any:
        """Return the length in mm over which the border fades at the start."""
        return values[BORDER.name]

    def profile(self, distance_mm: Any, visible: float, values: Mapping[str, Any]) -> Any:
        """Return the density (1) at the start, `visible` where the distance is 0."""
        return fisher_front(distance_mm, visible, values[BORDER.name])


GROWTH = Logistic()
