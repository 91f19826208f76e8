"""What every growth model offers, and what most of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Parameter
from solvers.growth.rates import Rate
from solvers.growth.slopes import Slopes, pulled_by_complex_step

UNSOURCED: Final = "unsourced, set your own"
DIFFUSION: Final = Parameter(
    "diffusion_mm2_per_day",
    "mm²/day",
    1e-4,
    10.0,
    "how fast tumour cells spread into the tissue",
    UNSOURCED,
)
PROLIFERATION: Final = Parameter(
    "proliferation_per_day",
    "1/day",
    1e-4,
    1.0,
    "net growth of a sparse tumour: ln 2 over its doubling time",
    UNSOURCED,
)


class Growth(Protocol):
    """A growth model: spreading and a reaction in which each node is by itself.

    The state is (species, n) float64, one row a species, n nodes; a model of one species takes an
    array of any shape. What is seen of a tumour is the sum of its rows. `values` maps parameter
    names to numbers in their units, or to (n,) where they are fields.
    """

    name: str
    """Identifier, as in `Job.model`."""
    title: str
    """One line for a person, with the equation."""
    parameters: tuple[Parameter, ...]
    """What it needs of each member."""
    species: tuple[str, ...] = ("density",)
    """Name of each row of the state."""
    living: tuple[bool, ...] = (True,)
    """Which species treatments kill."""
    fields: tuple[str, ...] = ()
    """What `reacted` needs in `values` beside parameters: (n,) each, solved elsewhere."""
    beside: tuple[str, ...] = (DIFFUSION.name,)
    """Parameters that `reacted` does not depend on."""

    def spreads(self, values: Mapping[str, Any]) -> tuple[float, ...]:
        """Return the share of the diffusion coefficient with which each species spreads."""
        del values
        return (1.0,)

    def front_width_mm(self, values: Mapping[str, Any]) -> Any:
        """Return √(D/ρ) in mm, the length over which its front rises; a mesh has to resolve it."""
        return np.sqrt(values[DIFFUSION.name] / values[PROLIFERATION.name])

    def profile(self, distance_mm: Any, visible: float, values: Mapping[str, Any]) -> Any:
        """Return the density (1) at the start, `visible` at distance 0, inside at distances < 0."""
        ...

    def started(
        self, density: NDArray[np.float64], values: Mapping[str, Any]
    ) -> NDArray[np.float64]:
        """Return the state (species, n) of a tumour of which only the density (n,) is known."""
        del values
        return np.array([density, *(np.zeros_like(density) for _ in self.species[1:])])

    def reacted(
        self,
        state: Any,
        values: Mapping[str, Any],
        span: tuple[float, float],
        rates: Sequence[Rate] = (),
    ) -> Any:
        """Return the state after the reaction alone over `span` (days).

        A density below zero, outside any model, is returned as it is.
        """
        ...

    def pulled(
        self,
        state: NDArray[np.float64],
        values: Mapping[str, Any],
        span: tuple[float, float],
        rates: Sequence[Rate] = (),
        *,
        slope: NDArray[np.float64],
    ) -> Slopes:
        """Return the slopes before a reaction from the `slope` (species, n) after it.

        Exact: by complex steps here, in closed form where a model has one.
        """
        names = [p.name for p in self.parameters if p.name not in self.beside]
        return pulled_by_complex_step(
            self.reacted,
            state,
            values,
            [*names, *self.fields],
            span=span,
            rates=rates,
            slope=slope,
        )
