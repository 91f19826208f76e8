"""Beliefs before any follow-up: drawn from the organ's priors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from organtwin.core.errors import BadArgument
from organtwin.core.parameter import Belief, Ensemble, Prior
from organtwin.organs import Organ

BASELINE_RATIO: Final = "baseline_volume_ratio"
"""True over labelled volume of the tumour at baseline: every simulation starts from a label that
is itself a measurement, so that all later volumes share its error."""


def prior_beliefs(
    organ: Organ, structures: Sequence[str], *, members: int = 64, seed: int = 0
) -> tuple[Belief, ...]:
    """Return what is believed of each tumour's growth before any follow-up.

    The organ's priors and one more parameter, `BASELINE_RATIO`: lognormal about 1 with the
    relative sd of a measured volume.

    Args:
        structures: names of tumours.
        members: samples in each ensemble; a power of two fills the space most evenly.
        seed: of the random shift of the samples; each structure gets its own stream.

    Raises:
        BadArgument: fewer than 8 members.
    """
    if members < 8:
        raise BadArgument(f"an ensemble needs 8 members or more, not {members}")
    priors = (*organ.priors, baseline_prior(organ))
    streams = np.random.default_rng(seed).spawn(len(structures))
    return tuple(
        Belief(
            structure,
            0.0,
            drawn(priors, members, rng),
            seed=seed,
            priors=priors,
        )
        for structure, rng in zip(structures, streams, strict=True)
    )


def baseline_prior(organ: Organ) -> Prior:
    """Return the Prior of `BASELINE_RATIO`."""
    sd = organ.volume_relative_sd
    return Prior(BASELINE_RATIO, "1", "lognormal", 1.0, sd, organ.noise_source)


def drawn(priors: Sequence[Prior], count: int, rng: np.random.Generator) -> Ensemble:
    """Return `count` samples of independent priors: a scrambled Sobol' sequence (Owen 1998)."""
    normals = standard_normals(count, len(priors), rng)
    columns = [
        prior.centre * np.exp(prior.spread * z)
        if prior.shape == "lognormal"
        else prior.centre + prior.spread * z
        for prior, z in zip(priors, normals.T, strict=True)
    ]
    return Ensemble(
        tuple(prior.parameter for prior in priors),
        tuple(prior.unit for prior in priors),
        np.column_stack(columns),
    )


def standard_normals(count: int, width: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (count, width) evenly spread samples of the standard normal distribution."""
    power = int(np.ceil(np.log2(max(count, 2))))
    uniform = qmc.Sobol(width, rng=rng).random_base2(power)[:count]
    result: NDArray[np.float64] = ndtri(np.clip(uniform, 1e-9, 1.0 - 1e-9))
    return result
