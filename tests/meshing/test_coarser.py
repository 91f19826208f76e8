from __future__ import annotations

import numpy as np
import pytest

from organtwin.core.organmesh import OrganMesh
from organtwin.meshing.coarser import coarser, interpolation
from tests.meshing.cubes import cube


@pytest.fixture(scope="module")
def fine() -> OrganMesh:
    return cube(8, 10.0, 4)


def test_that_a_coarser_mesh_has_the_same_organ_and_tumour(fine: OrganMesh) -> None:
    coarse = coarser(fine, 800)
    assert len(coarse.tetrahedra) < 0.6 * len(fine.tetrahedra)
    for structure in fine.structures:
        assert coarse.volume_ml(structure.name) == pytest.approx(
            fine.volume_ml(structure.name), rel=0.01
        )


def test_that_joined_regions_become_the_organ(fine: OrganMesh) -> None:
    coarse = coarser(fine, 800, joined=[101])
    assert [s.name for s in coarse.structures] == ["liver"]


def test_that_a_coarse_mesh_stays_as_it_is(fine: OrganMesh) -> None:
    assert coarser(fine, 10_000) is fine


def test_that_linear_values_are_carried_exactly_also_beyond_the_surface(fine: OrganMesh) -> None:
    places = np.random.default_rng(1).uniform(-2.0, 82.0, (200, 3))
    slope = np.array([0.3, -1.1, 0.7])
    carried = interpolation(fine, places) @ (fine.points @ slope)
    assert np.allclose(carried, places @ slope, atol=1e-9)
