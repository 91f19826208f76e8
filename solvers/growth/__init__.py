"""One growth model a file: diffusion, an exact reaction step and an exact starting front.

A model is arithmetic on what it is given: floats or arrays, no mesh, no DOLFINx.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from solvers.contract import Parameter
from solvers.growth.rates import Rate
from solvers.registry import chosen, registered


class Growth(Protocol):
    """What every growth model offers; `values` maps parameter names to numbers in their units."""

    @property
    def name(self) -> str:
        """Identifier, as in `Job.model`."""

    @property
    def title(self) -> str:
        """One line for a person, with the equation."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What it needs of each member."""

    def diffusion(self, values: Mapping[str, float]) -> float:
        """Return the diffusion coefficient in mm²/day."""

    def front_width_mm(self, values: Mapping[str, float]) -> float:
        """Return √(D/ρ) in mm, the length over which its front rises; a mesh has to resolve it."""

    def profile(self, distance_mm: Any, visible: float, values: Mapping[str, float]) -> Any:
        """Return the density (1) of its exact travelling front, `visible` at distance 0."""

    def reacted(
        self,
        density: Any,
        values: Mapping[str, float],
        span: tuple[float, float],
        rates: Sequence[Rate],
    ) -> Any:
        """Return the density after the reaction alone over `span` (days), solved exactly."""


def growth_models() -> Mapping[str, Growth]:
    """Return every growth model by name."""
    import solvers.growth as package

    return registered(package, "GROWTH")


def growth_model(name: str) -> Growth:
    """Return one growth model; raises BadInput naming the ones there are."""
    found: Growth = chosen(growth_models(), name, "growth model")
    return found
