"""Stiffness from displacements: the most probable values, and how sure they are.

Priors are lognormal, noise is Gaussian. In z = (ln m - ln centre)/spread the posterior is
exp(-½ |modelled(m) - observed|²/sd² - ½ |z|²): nonlinear least squares, solved by a trust region
that takes each step as far as the model has proved linear (Branch, Coleman & Li 1999,
10.1137/S1064827595289108). About its top the posterior is taken as Gaussian in z, with the inverse
of Gauss and Newton's curvature (Laplace; MacKay 2003, Information Theory, chapter 27).

A mesh errs alike at all points, which independent noise cannot say: such an error is a pattern with
an amplitude of its own, standard normal before anything was seen, found along with z and integrated
out (a discrepancy, Kennedy & O'Hagan 2001, 10.1111/1467-9868.00294, in patterns that are given).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import ndtri
from scipy.stats import chi2

from organtwin.core.errors import BadArgument
from organtwin.core.parameter import Ensemble, Prior

Reals = NDArray[np.float64]
Modelled = Callable[[Mapping[str, float]], tuple[Reals, Reals]]
"""Takes parameter → value; returns (k, 3) mm, and (k, 3, p) mm per unit in the order of priors."""

MOST_RUNS: Final = 30
FARTHEST: Final = 5.0
"""Spreads of the prior: values beyond are not tried."""
_EDGE: Final = 4.5
"""Spreads of the prior: a most probable value beyond is refused (seven in a million lie there)."""
MOST_MISFIT: Final = 4.0
"""Of chi_square to observations: beyond, displacements are off by twice their sd, and refused."""
_CLOSE: Final = 1e-3
"""A step shorter than this part of |z| ends the search (at the prior's centre: than its square)."""


@dataclass(frozen=True, eq=False)
class Recovered:
    """What is believed of parameters once displacements were seen.

    Args:
        priors: of each parameter.
        values: (p,) the most probable, in each parameter's unit.
        covariance: (p, p) of their natural logarithms.
        chi_square: sum of (modelled - observed)²/sd² at the most probable values (modelled with its
            errors): near `observations` where the model and the noise are right; at most
            `MOST_MISFIT` times that, or what chance exceeds once in a million.
        observations: how many numbers were seen, 3k.
        runs: of the model.
    """

    priors: tuple[Prior, ...]
    values: Reals
    covariance: Reals
    chi_square: float
    observations: int
    runs: int

    def interval(self, level: float) -> Reals:
        """Return (2, p) the bounds of the central credible interval of `level`, in the units."""
        if not 0.0 < level < 1.0:
            raise BadArgument(f"an interval's level lies between 0 and 1, not {level}")
        reach = float(ndtri(0.5 + 0.5 * level)) * np.sqrt(np.diag(self.covariance))
        result: Reals = self.values * np.exp(np.stack([-reach, reach]))
        return result

    @property
    def learned(self) -> Reals:
        """(p,) 1 - (posterior / prior variance): 0 where nothing was learned, near 1 all."""
        spreads = np.array([prior.spread for prior in self.priors])
        result: Reals = 1.0 - np.diag(self.covariance) / spreads**2
        return result

    @property
    def correlation(self) -> Reals:
        """(p, p) of the logarithms: near 1 where only a ratio of two is known."""
        sd = np.sqrt(np.diag(self.covariance))
        result: Reals = self.covariance / np.outer(sd, sd)
        return result

    def ensemble(self, members: int, rng: np.random.Generator) -> Ensemble:
        """Return draws from the posterior."""
        root = np.linalg.cholesky(self.covariance)
        normal = rng.standard_normal((members, len(self.values)))
        return Ensemble(
            tuple(prior.parameter for prior in self.priors),
            tuple(prior.unit for prior in self.priors),
            self.values * np.exp(normal @ root.T),
        )


def recover_stiffness(
    modelled: Modelled,
    priors: Sequence[Prior],
    *,
    moved_mm: Reals,
    sd_mm: Reals,
    errors_mm: Reals | None = None,
) -> Recovered:
    """Return what displacements say of parameters.

    Args:
        modelled: the model; `organtwin.simulating.modelled` makes one. It is run some five times.
        priors: lognormal, each named as `modelled` takes it (``shear_modulus_kpa@1``).
        moved_mm: (k, 3) displacements that were seen.
        sd_mm: (k,) their noise, independent from point to point.
        errors_mm: (k, 3, q) patterns of the model's own error, each of one standard deviation: what
            two elements, or two mesh sizes, predict apart. Without it intervals hold noise only.

    Raises:
        BadArgument: a prior that is not lognormal, arrays that do not fit, no end of the search, a
            most probable value at its edge, or displacements that the model does not explain.
        Whatever `modelled` raises.
    """
    if not priors or any(prior.shape != "lognormal" for prior in priors):
        raise BadArgument("stiffness needs lognormal priors, one at least", where="recovery")
    if moved_mm.shape != (len(sd_mm), 3) or not (sd_mm > 0.0).all():
        raise BadArgument("each displacement needs a noise above 0 mm", where="recovery")
    errors = np.zeros((*moved_mm.shape, 0)) if errors_mm is None else errors_mm
    if errors.shape[:-1] != moved_mm.shape or not np.isfinite(errors).all():
        raise BadArgument("errors of the model are (points, 3, patterns) mm", where="recovery")
    model = _Weighed(modelled, tuple(priors), moved_mm, sd_mm=sd_mm, errors_mm=errors)
    found = least_squares(
        model.residual,
        np.zeros(len(priors) + errors.shape[-1]),
        jac=model.slopes,
        bounds=model.bounds,
        xtol=_CLOSE,
        ftol=1e-6,
        gtol=1e-6,
        max_nfev=MOST_RUNS,
    )
    if found.status <= 0:
        raise BadArgument(
            f"{MOST_RUNS} runs of the model did not find the most probable stiffness",
            where="recovery",
            advice="check the displacements and loads, or narrow the priors",
        )
    return model.believed(found.x)


class _Weighed:
    """Residuals of displacements and priors, in spreads; the last run is remembered."""

    def __init__(
        self,
        modelled: Modelled,
        priors: tuple[Prior, ...],
        moved_mm: Reals,
        *,
        sd_mm: Reals,
        errors_mm: Reals,
    ) -> None:
        self._modelled, self._priors, self._moved, self._sd = modelled, priors, moved_mm, sd_mm
        self._errors = errors_mm / sd_mm[:, None, None]
        self.spreads = np.array([prior.spread for prior in priors])
        self._centres = np.array([prior.centre for prior in priors])
        self._at: Reals | None = None
        self.runs = 0

    @property
    def bounds(self) -> tuple[Reals, Reals]:
        """Of the search: amplitudes of the model's errors are free."""
        most = np.repeat([FARTHEST, np.inf], [len(self._priors), self._errors.shape[-1]])
        return -most, most

    def values(self, z: Reals) -> Reals:
        result: Reals = self._centres * np.exp(self.spreads * z[: len(self.spreads)])
        return result

    def residual(self, z: Reals) -> Reals:
        self._run(z)
        away = (self._found - self._moved) / self._sd[:, None]
        away += self._errors @ z[len(self.spreads) :]
        return np.concatenate([away.ravel(), z])

    def slopes(self, z: Reals) -> Reals:
        self._run(z)
        scaled = self._slopes / self._sd[:, None, None] * (self.values(z) * self.spreads)
        scaled = np.concatenate([scaled, self._errors], axis=2)
        return np.concatenate([scaled.reshape(-1, len(z)), np.eye(len(z))])

    def believed(self, z: Reals) -> Recovered:
        count, seen = len(self._priors), self._moved.size
        square = float((self.residual(z)[:seen] ** 2).sum())
        self._check(z[:count], square)
        slopes = self.slopes(z)
        covariance = np.linalg.inv(slopes.T @ slopes)[:count, :count]
        covariance = covariance * np.outer(self.spreads, self.spreads)
        return Recovered(self._priors, self.values(z), covariance, square, seen, self.runs)

    def _check(self, z: Reals, square: float) -> None:
        """Refuse an answer at the edge of the search, and one that does not explain what moved."""
        for prior, away, value in zip(self._priors, z, self.values(z), strict=True):
            if abs(away) > _EDGE:
                raise BadArgument(
                    f"the most probable {prior.parameter} is {value:.3g} {prior.unit}, "
                    f"{abs(away):.1f} spreads from its prior's centre: the search ends at "
                    f"{FARTHEST:g}",
                    where="recovery",
                    advice="check the displacements, loads and units, or widen this prior",
                )
        if square > max(MOST_MISFIT * self._moved.size, chi2.isf(1e-6, self._moved.size)):
            raise BadArgument(
                f"no stiffness explains the displacements: they are off by "
                f"{np.sqrt(square / self._moved.size):.1f} times their noise",
                where="recovery",
                advice="check loads, supports and the noise, or give the model's errors",
            )

    def _run(self, z: Reals) -> None:
        tried = z[: len(self.spreads)]
        if self._at is not None and np.array_equal(self._at, tried):
            return
        names = [prior.parameter for prior in self._priors]
        values = dict(zip(names, map(float, self.values(z)), strict=True))
        self._found, self._slopes = self._modelled(values)
        self._at = tried.copy()
        self.runs += 1
