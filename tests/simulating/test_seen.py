"""Stiffness of an organ from displacements that were seen, by jobs of the solver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.core.errors import BadArgument
from organtwin.core.parameter import Prior
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.simulating import Loads, Seen, deformation_simulation, modelled
from organtwin.updating import recover_stiffness
from tests.simulating.test_acting import vein_block
from tests.simulating.test_growth import jobs

__all__ = ["jobs"]
LIVER = organ("liver")
MESH = vein_block()
NAMES = tuple(f"shear_modulus_kpa@{label}" for label in np.unique(MESH.regions))
TURNED = Loads(gravity_mm_per_s2=(9806.65, 0.0, 0.0))
BOTTOM = np.flatnonzero(MESH.points[:, 2] == MESH.points[:, 2].min()).astype(np.int32)
KINDS = {"organ": 3.1, "vessel": 9.0}


def test_that_the_stiffness_of_two_tissues_comes_back_from_their_displacement(jobs: Path) -> None:
    values = {k: {"shear_modulus_kpa": v, "poisson_ratio": 0.49} for k, v in KINDS.items()}
    truth = deformation_simulation(
        MESH,
        LIVER,
        loads=TURNED,
        folder=jobs,
        watch=Watch(),
        fixed_nodes=BOTTOM,
        law_values=values,
        preview=True,
    ).fields["displacement_mm"][0]
    seen = Seen(MESH.points, truth, np.full(len(truth), 0.1))
    model = modelled(
        MESH,
        LIVER,
        NAMES,
        loads=TURNED,
        seen=seen,
        folder=jobs,
        watch=Watch(),
        fixed_nodes=BOTTOM,
        preview=True,
    )
    priors = [Prior(name, "kPa", "lognormal", 2.14, 1.0, "a test") for name in NAMES]
    found = recover_stiffness(model, priors, moved_mm=seen.moved_mm, sd_mm=seen.sd_mm)
    expected = [
        KINDS[next(s.kind for s in MESH.structures if f"@{s.label}" in name)] for name in NAMES
    ]
    assert found.values == pytest.approx(expected, rel=0.05)
    assert found.learned.min() > 0.9


def test_that_what_is_not_looked_for_takes_the_values_given(jobs: Path) -> None:
    drained = {k: {"shear_modulus_kpa": v, "poisson_ratio": 0.42} for k, v in KINDS.items()}
    held: dict[str, Any] = {"fixed_nodes": BOTTOM, "preview": True, "law_values": drained}
    told = deformation_simulation(MESH, LIVER, loads=TURNED, folder=jobs, watch=Watch(), **held)
    moved = told.fields["displacement_mm"][0]
    seen = Seen(MESH.points, moved, np.full(len(moved), 0.1))
    model = modelled(
        MESH, LIVER, NAMES[:1], loads=TURNED, seen=seen, folder=jobs, watch=Watch(), **held
    )
    kind = next(s.kind for s in MESH.structures if f"@{s.label}" in NAMES[0])
    assert model({NAMES[0]: KINDS[kind]})[0] == pytest.approx(moved, abs=0.01)


def test_that_a_point_without_noise_is_refused() -> None:
    with pytest.raises(BadArgument, match="noise above 0"):
        Seen(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(2))
