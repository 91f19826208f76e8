"""A quick stand-in for the growth solver: log volume over parameters, with its own error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from organtwin.core.errors import BadArgument

LENGTHS: Final = (0.5, 20.0)
NUGGETS: Final = (1e-6, 0.3)
LEAST_VARIANCE: Final = 1e-12


@dataclass(frozen=True, eq=False)
class Emulator:
    """Universal kriging: a quadratic polynomial and a Gaussian process on what it leaves.

    Sacks, Welch, Mitchell & Wynn 1989, 10.1214/ss/1177012413; lengths and nugget by restricted
    maximum likelihood. Inputs are standardised; outputs are one number per point.

    Args:
        points: (n, p) standardised inputs it was fitted to.
        centre, scale: (p,) that standardise an input.
        lengths: (p,) correlation lengths, in standardised units.
        nugget: variance of the output's own scatter over that of the process.
        variance: of the process.
        residual_error: leave-one-out root mean square error, in the output's unit.
    """

    points: NDArray[np.float64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    lengths: NDArray[np.float64]
    nugget: float
    variance: float
    trend: NDArray[np.float64]
    weights: NDArray[np.float64]
    inverse: NDArray[np.float64]
    residual_error: float

    @classmethod
    def fitted(cls, inputs: NDArray[np.float64], outputs: NDArray[np.float64]) -> Emulator:
        """Fit to inputs (n, p) and outputs (n,).

        Raises:
            BadArgument: fewer points than one and a half times the polynomial's coefficients.
        """
        centre, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-12
        points = (inputs - centre) / scale
        basis = _basis(points)
        if len(points) < 1.5 * basis.shape[1]:
            raise BadArgument(
                f"{len(points)} members are too few for {points.shape[1]} parameters",
                where="emulator",
                advice=f"use {int(np.ceil(1.5 * basis.shape[1]))} or more, or the rule es_mda",
            )
        bounds = [tuple(np.log(LENGTHS))] * points.shape[1] + [tuple(np.log(NUGGETS))]
        start = np.array([np.log(2.0)] * points.shape[1] + [np.log(1e-3)])
        found = minimize(
            lambda theta: _Fit.of(theta, points, basis, outputs).misfit,
            start,
            method="L-BFGS-B",
            bounds=bounds,
        )
        fit = _Fit.of(found.x, points, basis, outputs)
        return cls(
            points,
            centre,
            scale,
            lengths=np.exp(found.x[:-1]),
            nugget=float(np.exp(found.x[-1])),
            variance=fit.variance,
            trend=fit.trend,
            weights=fit.weights,
            inverse=(inverse := fit.inverse()),
            residual_error=fit.left_out_error(inverse),
        )

    def predict(
        self, inputs: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean (m,) and standard deviation (m,) at inputs (m, p)."""
        points = (inputs - self.centre) / self.scale
        cross = _correlation(points, self.points, self.lengths)
        basis = np.hstack([cross, _basis(points)])
        mean = cross @ self.weights + basis[:, cross.shape[1] :] @ self.trend
        reduction = ((basis @ self.inverse) * basis).sum(axis=1)
        variance = self.variance * np.maximum(1.0 + self.nugget - reduction, 0.0)
        return mean, np.sqrt(variance)


@dataclass(frozen=True, eq=False)
class _Fit:
    """The linear algebra of one choice of lengths and nugget."""

    matrix: NDArray[np.float64]
    basis: NDArray[np.float64]
    variance: float
    trend: NDArray[np.float64]
    weights: NDArray[np.float64]
    misfit: float

    @classmethod
    def of(
        cls,
        theta: NDArray[np.float64],
        points: NDArray[np.float64],
        basis: NDArray[np.float64],
        outputs: NDArray[np.float64],
    ) -> _Fit:
        n, q = basis.shape
        matrix = _correlation(points, points, np.exp(theta[:-1]))
        matrix[np.diag_indices(n)] += np.exp(theta[-1])
        factor = cho_factor(matrix, lower=True)
        gram = basis.T @ cho_solve(factor, basis)
        trend = np.linalg.solve(gram, basis.T @ cho_solve(factor, outputs))
        left = outputs - basis @ trend
        weights = cho_solve(factor, left)
        variance = max(float(left @ weights) / (n - q), LEAST_VARIANCE)
        determinant = 2.0 * np.log(np.diag(factor[0])).sum() + np.linalg.slogdet(gram)[1]
        misfit = 0.5 * ((n - q) * np.log(variance) + determinant)
        return cls(matrix, basis, variance, trend, weights, float(misfit))

    def inverse(self) -> NDArray[np.float64]:
        """That of [[R, F], [Fᵀ, 0]]: it gives the kriging variance."""
        corner = np.zeros((self.basis.shape[1],) * 2)
        whole = np.block([[self.matrix, self.basis], [self.basis.T, corner]])
        return np.asarray(np.linalg.inv(whole), np.float64)

    def left_out_error(self, inverse: NDArray[np.float64]) -> float:
        """Leave-one-out root mean square error (Dubrule 1983, 10.1007/BF01033030)."""
        errors = self.weights / np.diag(inverse)[: len(self.weights)]
        return float(np.sqrt(np.mean(errors**2)))


def _correlation(
    first: NDArray[np.float64], second: NDArray[np.float64], lengths: NDArray[np.float64]
) -> NDArray[np.float64]:
    a, b = first / lengths, second / lengths
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * a @ b.T
    result: NDArray[np.float64] = np.exp(-0.5 * np.maximum(squares, 0.0))
    return result


def _basis(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """1, z, and all products of two: (n, 1 + p + p (p + 1) / 2)."""
    first, second = np.triu_indices(points.shape[1])
    products = points[:, first] * points[:, second]
    return np.hstack([np.ones((len(points), 1)), points, products])
