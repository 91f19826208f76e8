"""Springs whose place moves."""

from __future__ import annotations

import numpy as np
import pytest

from solvers.library import deform
from tests.solvers.meshes import box_mesh
from tests.solvers.problems import outer_faces


def test_that_an_organ_goes_along_with_what_it_hangs_on() -> None:
    mesh = box_mesh((10.0, 10.0, 10.0), (2, 2, 2), jitter=0.1)
    settings = {
        "spring_normal_kpa_per_mm": 0.3,
        "spring_tangential_kpa_per_mm": 0.1,
        "spring_rest_mm": (1.0, -2.0, 40.0),
    }
    arrays, tissue = {"spring_faces": outer_faces(mesh)}, {"shear_modulus_kpa@1": 2.0}
    answer = deform(mesh, "neo_hookean", tissue, arrays=arrays, settings=settings)
    moved = answer["displacement_mm"]
    assert moved == pytest.approx(np.tile([1.0, -2.0, 40.0], (len(moved), 1)), abs=1e-6)
    assert answer["force_n@springs"] == pytest.approx(np.zeros(3), abs=1e-6)
