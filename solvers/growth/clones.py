"""A tumour of cells that all drugs kill and of clones that each resist one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Parameter
from solvers.failures import BadInput
from solvers.growth.bernoulli import Bernoulli
from solvers.growth.model import PROLIFERATION, Growth
from solvers.growth.rates import Rate, exponent_and_crowding
from solvers.growth.slopes import STEP, Slopes, rate_slopes


class Clones(Growth):
    """Clones i that crowd one another: u_i' = (ρ + a_i(t)) u_i - ρ u_i Σ u_j.

    a_i leaves out the rates of the agent that clone i resists; the first row resists none. With
    E_i = exp of the integral of ρ + a_i and w = exp(-ρ ∫ Σ u), u_i = u_i0 E_i w; from
    (1/w)' = ρ Σ u_i / w = ρ Σ u_i0 E_i follows the exact solution
    u_i = u_i0 E_i / (1 + Σ_j G_j u_j0), G_j = ρ ∫ E_j. Resistance given from the start and kept:
    Goldie and Coldman 1979, Cancer Treat Rep 63:1727 (without their mutations).
    """

    def __init__(self, model: Growth, agents: Sequence[str]) -> None:
        """Part the one species of a model with logistic growth.

        Raises:
            BadInput: the model grows otherwise.
        """
        if not isinstance(model, Bernoulli) or model.power_name:
            raise BadInput(
                f"the growth model {model.name} knows no resistant clones; choose fisher_kpp or "
                "logistic, or leave resistant_fraction out"
            )
        self.model, self.agents = model, tuple(agents)
        self.name: str = model.name
        self.title: str = model.title
        self.parameters: tuple[Parameter, ...] = model.parameters
        self.species = ("sensitive", *(f"resistant@{agent}" for agent in agents))
        self.living = (True,) * len(self.species)

    def spreads(self, values: Mapping[str, Any]) -> tuple[float, ...]:
        """Return for each clone the share with which the model's species spreads."""
        return self.model.spreads(values) * len(self.species)

    def front_width_mm(self, values: Mapping[str, Any]) -> Any:
        """Return the model's."""
        return self.model.front_width_mm(values)

    def profile(self, distance_mm: Any, visible: float, values: Mapping[str, Any]) -> Any:
        """Return the model's, of all clones together."""
        return self.model.profile(distance_mm, visible, values)

    def started(
        self, density: NDArray[np.float64], values: Mapping[str, Any]
    ) -> NDArray[np.float64]:
        """Return the clones (species, n), mixed evenly, by the members' resistant_fraction@AGENT.

        Raises:
            BadInput: the fractions are more than the whole.
        """
        shares = [values[f"resistant_fraction@{agent}"] for agent in self.agents]
        if np.any(np.sum(shares, axis=0) > 1.0):
            raise BadInput("the resistant fractions of all agents together are more than 1")
        return np.array([(1.0 - sum(shares)) * density, *(share * density for share in shares)])

    def reacted(
        self,
        state: Any,
        values: Mapping[str, Any],
        span: tuple[float, float],
        rates: Sequence[Rate] = (),
    ) -> Any:
        """Return the clones (species, n) after `span` (days), exactly."""
        grown, crowding = self._exponents(values[PROLIFERATION.name], span, rates)
        above = np.where(np.real(state) < 0.0, 0.0, state)
        return above * np.exp(grown) / (1.0 + (crowding * above).sum(axis=0)) + (state - above)

    def pulled(
        self,
        state: NDArray[np.float64],
        values: Mapping[str, Any],
        span: tuple[float, float],
        rates: Sequence[Rate] = (),
        *,
        slope: NDArray[np.float64],
    ) -> Slopes:
        """Return the slopes before the reaction, in closed form.

        With b = 1 + Σ G_j u_j, v_i = u_i E_i / b and W = Σ slope_i v_i: dJ/du_j =
        (slope_j E_j - W G_j) / b, dJ/dA_j = slope_j v_j, dJ/dG_j = -W u_j / b.
        """
        rho = values[PROLIFERATION.name]
        alive = state >= 0.0
        above = np.where(alive, state, 0.0)
        grown, crowding = self._exponents(rho, span, rates)
        gain, bulk = np.exp(grown), 1.0 + (crowding * above).sum(axis=0)
        onto_a = slope * above * gain / bulk
        weight = onto_a.sum(axis=0)
        onto_g = -weight * above / bulk

        def through(rho: Any, rates: Sequence[Rate]) -> Any:
            a, g = self._exponents(rho, span, rates)
            return (onto_a * np.imag(a) + onto_g * np.imag(g)).sum(axis=0) / STEP

        return Slopes(
            np.where(alive, (slope * gain - weight * crowding) / bulk, slope),
            {PROLIFERATION.name: through(rho + 1j * STEP, rates)},
            rate_slopes(lambda changed: through(rho, changed), rates, span),
        )

    def _exponents(
        self, rho: Any, span: tuple[float, float], rates: Sequence[Rate]
    ) -> tuple[Any, Any]:
        """(A, G), each (species, 1) or (species, n), of `exponent_and_crowding` for each clone."""
        found = [exponent_and_crowding(rho, 1.0, span, rates)]
        for agent in self.agents:
            felt = [rate for rate in rates if rate.agent != agent]
            found.append(exponent_and_crowding(rho, 1.0, span, felt))
        grown, crowding = (np.array(each) for each in zip(*found, strict=True))
        if grown.ndim == 1:
            return grown[:, None], crowding[:, None]
        return grown, crowding


def with_clones(model: Growth, agents: Sequence[str]) -> Growth:
    """Return the model with a clone for each of `agents`, itself when nothing is resisted.

    Raises:
        BadInput: the model knows no clones.
    """
    return Clones(model, agents) if agents else model
