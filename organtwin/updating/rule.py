"""What a Bayesian rule is, what it is given, and the registry of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.observation import Observation
from organtwin.core.parameter import Belief, Ensemble
from organtwin.core.registry import chosen, registered
from organtwin.core.watch import Watch

MODEL_RELATIVE_SD: Final = 0.05
"""Relative sd of the model itself: mesh, shape of the front, uneven tissue. Unsourced, set your
own; it is added to the noise of a measurement, never mixed with it."""

DEFAULT_RULE: Final = "importance"

Forward = Callable[[Ensemble], NDArray[np.float64]]
"""Maps an ensemble of n members to (n, k) predicted volumes in mL, one for each observation."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Observed volumes and their errors, as logarithms.

    Args:
        log_volume: (k,) float64, natural logarithm of the observed volumes in mL.
        covariance: (k, k) float64, of its errors: measurement and model.
    """

    log_volume: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @classmethod
    def of(cls, observations: Sequence[Observation], model_relative_sd: float) -> Evidence:
        """Return that of some observations; raises BadArgument unless volumes are positive."""
        volumes = np.array([o.volume_ml for o in observations], np.float64)
        noise = np.array([o.relative_sd for o in observations], np.float64)
        if len(volumes) == 0 or not (volumes > 0.0).all() or not (noise > 0.0).all():
            raise BadArgument(
                "an update needs observations of a positive volume with a positive noise",
                where="update",
                advice="a tumour that can no longer be seen cannot be assimilated by this rule",
            )
        return cls(np.log(volumes), np.diag(noise**2 + model_relative_sd**2))


class Condition(Protocol):
    """Turns a belief and evidence into an ensemble of the posterior, as many members as before."""

    def __call__(
        self,
        belief: Belief,
        evidence: Evidence,
        forward: Forward,
        *,
        rng: np.random.Generator,
        watch: Watch,
    ) -> Ensemble:
        """Raises what `forward` raises, and BadArgument when belief and evidence do not meet."""
        ...


@dataclass(frozen=True)
class BayesRule:
    """One way to update a belief.

    Args:
        title: one line for a person.
        source: where it was published.
        runs: how many times it asks `forward` for an ensemble.
    """

    name: str
    title: str
    source: str
    runs: int
    condition: Condition


def rules() -> Mapping[str, BayesRule]:
    """Return every Bayesian rule by name."""
    import organtwin.updating as package

    return registered(package, "RULE")


def update(
    belief: Belief,
    observations: Sequence[Observation],
    forward: Forward,
    *,
    belief_id: str,
    observation_ids: Sequence[str] = (),
    seed: int,
    watch: Watch,
    rule: str = DEFAULT_RULE,
    model_relative_sd: float = MODEL_RELATIVE_SD,
) -> Belief:
    """Return the belief after some observations of the same structure.

    The best use is to start from the prior each time and to give all observations so far: the
    prior's density is then known exactly and nothing is lost between visits. Starting from an
    earlier posterior with only the new observations is allowed too.

    Args:
        observations: made since `belief`, in any order.
        forward: predicted volumes, in the order of `observations`.
        belief_id, observation_ids: ids under which these are kept.
        seed: of the random numbers.
        rule: name of a rule.
        model_relative_sd: relative sd of the model's own error (1), see `MODEL_RELATIVE_SD`.

    Raises:
        BadArgument: no observation, one of another structure, or no such rule.
    """
    if any(o.structure != belief.structure for o in observations):
        raise BadArgument("an observation of another structure", where=belief.structure)
    evidence = Evidence.of(observations, model_relative_sd)
    by: BayesRule = chosen(rules(), rule, "Bayesian rule")
    rng = np.random.default_rng(seed)
    ensemble = by.condition(belief, evidence, _checked(forward, evidence), rng=rng, watch=watch)
    return Belief(
        belief.structure,
        max(o.day for o in observations),
        ensemble,
        rule=rule,
        observations=tuple(observation_ids),
        before=belief_id,
        seed=seed,
        priors=belief.priors,
    )


def _checked(forward: Forward, evidence: Evidence) -> Forward:
    """The same forward, raising BadArgument when its volumes cannot be compared."""

    def checked(ensemble: Ensemble) -> NDArray[np.float64]:
        volumes = np.asarray(forward(ensemble), np.float64)
        if volumes.shape != (len(ensemble.members), len(evidence.log_volume)):
            raise BadArgument(f"predicted volumes have the shape {volumes.shape}", where="update")
        if not np.isfinite(volumes).all():
            raise BadArgument("a predicted volume is not finite", where="update")
        return np.maximum(volumes, SMALLEST_ML)

    return checked


SMALLEST_ML: Final = 1e-4
"""Volumes below 0.1 mm³ count as that: their logarithm has to exist."""
