"""What is believed about the numbers of a model: Prior, Ensemble, Belief."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.core.content import noun, read_only
from organtwin.core.errors import BadArgument


@noun
@dataclass(frozen=True)
class Prior:
    """What is believed of one parameter before any image of this patient.

    Args:
        parameter: name with unit suffix, as in `solvers.contract.Parameter`.
        unit: as printed.
        shape: "lognormal": `centre` is the median, `spread` the standard deviation of the natural
            logarithm (1); "normal": mean and standard deviation in the parameter's unit.
        source: where the numbers come from, or "unsourced, set your own".
    """

    parameter: str
    unit: str
    shape: Literal["lognormal", "normal"]
    centre: float
    spread: float
    source: str

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return (count,) samples in the parameter's unit."""
        normal = rng.standard_normal(count)
        if self.shape == "lognormal":
            return self.centre * np.exp(self.spread * normal)
        return self.centre + self.spread * normal


@noun
@dataclass(frozen=True, eq=False)
class Ensemble:
    """Equally weighted samples of some parameters.

    Args:
        parameters: p names.
        units: p units.
        members: (n, p) float64.
    """

    parameters: tuple[str, ...]
    units: tuple[str, ...]
    members: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Freeze the samples; raise BadArgument for a wrong shape or a number not finite."""
        object.__setattr__(self, "members", read_only(np.asarray(self.members), np.float64))
        if self.members.ndim != 2 or self.members.shape[1] != len(self.parameters):
            raise BadArgument("an ensemble has a column for each parameter")
        if not np.isfinite(self.members).all():
            raise BadArgument("an ensemble's samples must be finite")

    def column(self, parameter: str) -> NDArray[np.float64]:
        """Return (n,) the samples of one parameter in its unit."""
        result: NDArray[np.float64] = self.members[:, self.parameters.index(parameter)]
        return result

    def as_members(self) -> tuple[dict[str, float], ...]:
        """Return one mapping name → value for each sample, as a solver's job takes them."""
        return tuple(
            dict(zip(self.parameters, map(float, row), strict=True)) for row in self.members
        )

    def quantiles(self, level: float) -> NDArray[np.float64]:
        """Return (3, p): lower bound, median and upper bound of the central `level` interval."""
        return interval(self.members, level)


@noun
@dataclass(frozen=True, eq=False)
class Belief:
    """What is believed of one structure's parameters, on a day: a prior or a posterior.

    Args:
        structure: the tumour it speaks of.
        day: days since the baseline visit; everything observed up to it is in.
        rule: name of the Bayesian rule, "prior" for none.
        observations: ids of what was assimilated last.
        before: id of the Belief this one updates, "" for a prior.
        seed: of the random numbers used.
        priors: the distributions a prior was drawn from.
    """

    structure: str
    day: float
    ensemble: Ensemble
    rule: str = "prior"
    observations: tuple[str, ...] = ()
    before: str = ""
    seed: int = 0
    priors: tuple[Prior, ...] = ()


def interval(samples: NDArray[Any], level: float) -> NDArray[np.float64]:
    """Return lower bound, median, upper bound along axis 0 of the central `level` interval."""
    if not 0.0 < level < 1.0:
        raise BadArgument(f"an interval's level lies between 0 and 1, not {level}")
    tail = (1.0 - level) / 2.0
    result: NDArray[np.float64] = np.quantile(samples, [tail, 0.5, 1.0 - tail], axis=0)
    return result
