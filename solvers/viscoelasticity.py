"""Tissue that relaxes: a Prony series on top of any law, at large strain.

Simo 1987, 10.1016/0045-7825(87)90107-1; Holzapfel 2000, section 6.10. The stress of distortion
fades, that of dilation does not: S(t) = ∫ G(t - s) dS₀/ds ds, with S₀ = 2 ∂W/∂C and
G(t) = 1 - Σ gᵢ (1 - e^(-t/τᵢ)). The law's moduli are those of an instant; in the end 1 - Σ gᵢ of
its distortion is left.

Over a step Δt with S₀ linear in it, xᵢ = Δt/τᵢ and γᵢ = (1 - e^(-xᵢ))/xᵢ: S = (1 - r) S₀ + H,
r = Σ gᵢ (1 - γᵢ), H = Σ gᵢ (e^(-xᵢ) hᵢ - γᵢ S₀'); then hᵢ = e^(-xᵢ) hᵢ + γᵢ (S₀ - S₀'), S₀'
being S₀ before. So a step is the stationary point of (1 - r) W + H : E, one more term beside the
law's own form; γ instead of Simo's e^(-x/2) makes a ramp exact. A law of the small strain has ε
for E, σ for S.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Parameter
from solvers.elements import Element, tensors_at_points
from solvers.failures import BadInput
from solvers.forms import Words, compiled
from solvers.kinematics import (
    deformation_gradient,
    green_lagrange,
    right_cauchy_green,
    small_strain,
)
from solvers.settings import Setting
from solvers.terms import Recipe, Term, recipe

MOST_TERMS: Final = 3
_HOLZAPFEL: Final = "unsourced, set your own; series: Holzapfel 2000, section 6.10"
MODULI: Final = Setting(
    Parameter(
        "prony_moduli",
        "1",
        0.0,
        0.999,
        "parts of the instant stiffness that fade, up to three; with @LABEL of one region",
        _HOLZAPFEL,
        0.0,
    ),
    0,
)
TIMES: Final = Setting(
    Parameter(
        "prony_times_s",
        "s",
        1e-3,
        1e7,
        "times in which they fade to 1/e, as many; with @LABEL of one region",
        _HOLZAPFEL,
        1.0,
    ),
    0,
)
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Prony:
    """What fades and in which time: `moduli` gᵢ, `times_s` τᵢ, as many of each; none: elastic."""

    moduli: tuple[float, ...] = ()
    times_s: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a series that is none, or leaves nothing; raises BadInput."""
        if len(self.moduli) != len(self.times_s) or len(self.moduli) > MOST_TERMS:
            raise BadInput(
                f"a Prony series takes up to {MOST_TERMS} moduli and as many times, not "
                f"{len(self.moduli)} and {len(self.times_s)}"
            )
        if min(self.times_s, default=1.0) <= 0.0 or min(self.moduli, default=0.0) < 0.0:
            raise BadInput("a Prony series has positive times and moduli that are not negative")
        if sum(self.moduli) >= 1.0:
            raise BadInput(f"prony_moduli add up to {sum(self.moduli):g}; below 1 must remain")

    def left(self, time_s: float) -> float:
        """Return G(t): the part of the instant stiffness that is left after `time_s`."""
        fade = (
            g * -np.expm1(-time_s / tau) for g, tau in zip(self.moduli, self.times_s, strict=True)
        )
        return float(1.0 - sum(fade))


class History:
    """What the cells of one law's term remember, at every quadrature point.

    Attributes:
        cells: the owned cells.
    """

    def __init__(self, law: Term, term: Term) -> None:
        """Make the memory of elastic tissue at rest.

        Args:
            law: the law's term.
            term: of `history_recipe`, on the same cells.
        """
        self._law, self._term = law, term
        self.cells = law.entities
        points = term.values["history_kpa"].function_space
        self._places = points.dofmap.list[self.cells]
        self._weights = self._read(term, "weight")
        self.begin([])

    def begin(self, prony: Sequence[Prony]) -> None:
        """Forget all, and take the series of each cell; none: elastic."""
        self._g = np.zeros((len(self.cells), MOST_TERMS))
        self._tau = np.ones_like(self._g)
        for row, series in enumerate(prony):
            self._g[row, : len(series.moduli)] = series.moduli
            self._tau[row, : len(series.moduli)] = series.times_s
        self._stress = np.zeros_like(self._weights)
        self._kept = np.zeros((MOST_TERMS, *self._weights.shape))
        self._decay = self._share = np.ones_like(self._g)
        self.advance(0.0)

    def advance(self, step_s: float) -> None:
        """Set the terms for the end of a step of `step_s`; 0 is an instant."""
        part = step_s / self._tau
        self._decay = np.exp(-part)
        self._share = np.where(part > 0.0, -np.expm1(-part) / np.where(part > 0.0, part, 1.0), 1.0)
        memory = np.zeros_like(self._stress)
        for i in range(MOST_TERMS):
            g, decay, share = (a[:, i, None, None] for a in (self._g, self._decay, self._share))
            memory += g * (decay * self._kept[i] - share * self._stress)
        relaxed = (self._g * (1.0 - self._share)).sum(axis=1)
        self._law.values["relaxed"].x.array[self.cells] = relaxed
        self._term.values["history_kpa"].x.array.reshape(-1, 9)[self._places] = memory
        mean = (memory * self._weights).sum(axis=1) / self._weights.sum(axis=1)
        self._law.values["history_kpa"].x.array.reshape(-1, 9)[self.cells] = mean

    def keep(self) -> None:
        """Remember the stress in which the step ended."""
        stress = self._read(self._law, "second_piola") / self._weights
        for i in range(MOST_TERMS):
            decay, share = (a[:, i, None, None] for a in (self._decay, self._share))
            self._kept[i] = decay * self._kept[i] + share * (stress - self._stress)
        self._stress = stress

    def _read(self, term: Term, measure: str) -> Reals:
        """(cells, points, 9) a measure at the quadrature points."""
        values = term.measured_on(measure, self._term.values["history_kpa"].function_space)
        return np.asarray(values.reshape(-1, 9)[self._places])


@cache
def history_recipe(element: Element, small: bool) -> Recipe:
    """Return the compiled term H : E of an element, or H : ε for laws of the small strain.

    Its value: ``history_kpa``, H at the quadrature points (3, 3); its measure: their ``weight``.
    """
    import ufl

    words = Words(element)
    points = ufl.FunctionSpace(words.domain, tensors_at_points(element))
    history, test = ufl.Coefficient(points), ufl.TestFunction(points)
    f = deformation_gradient(words.u)
    strain = small_strain(f) if small else green_lagrange(right_cauchy_green(f))
    work = ufl.derivative(ufl.inner(history, strain) * words.cells(), words.u, words.v)
    ones = ufl.as_matrix([[1.0] * 3] * 3)
    return recipe(
        words,
        (work, None)[: len(words.unknowns)],
        {"history_kpa": history},
        measures={"weight": compiled(ufl.inner(ones, test) * words.cells())},
    )
