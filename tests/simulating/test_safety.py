"""Places beyond a limit of strain."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.core.errors import BadArgument
from organtwin.simulating import StrainLimit, beyond_limits
from tests.meshing.cubes import cube

MESH = cube(6, 5.0, 2)
MIDDLES = MESH.points[MESH.tetrahedra].mean(axis=1)
LIMIT = StrainLimit("liver", 0.3, "set for this test")


def strains() -> np.ndarray:
    """Nothing but two bricks beyond 0.3 in the liver, one more in its tumour."""
    found = np.tile([0.1, 0.0, -0.1], (len(MIDDLES), 1))
    found[(MIDDLES < 5.0).all(axis=1), 0] = 0.4
    found[(MIDDLES > 20.0).all(axis=1), 0] = 0.35
    found[int(np.linalg.norm(MIDDLES - [1.0, 1.0, 1.0], axis=1).argmin()), 0] = 0.5
    found[MESH.regions == 101, 0] = 0.9
    return found


def test_that_each_connected_place_is_told_with_volume_worst_and_place() -> None:
    large, small = beyond_limits(MESH, strains(), [LIMIT])
    assert (large.volume_ml, large.worst) == (pytest.approx(1.0), 0.35)
    assert (small.volume_ml, small.worst) == (pytest.approx(0.125), 0.5)
    assert all(0.0 < at < 5.0 for at in small.place_mm)
    assert small.limit.source == "set for this test"


def test_that_a_negative_limit_looks_at_compression() -> None:
    assert beyond_limits(MESH, strains(), [StrainLimit("liver", -0.2, "test")]) == ()
    (found,) = beyond_limits(MESH, strains(), [StrainLimit("tumour-1", -0.05, "test")])
    assert (found.volume_ml, found.worst) == (pytest.approx(1.0), -0.1)


@pytest.mark.parametrize(("strain", "source"), [(0.0, "x"), (-0.5, "x"), (0.3, " ")])
def test_that_a_limit_without_meaning_or_source_is_refused(strain: float, source: str) -> None:
    with pytest.raises(BadArgument):
        StrainLimit("liver", strain, source)
