"""DOLFINx is set up the way `solvers` does it, before any test imports it."""

from __future__ import annotations

import pytest

from solvers.__main__ import prepare_process
from solvers.refinement import Mesh
from tests.solvers.meshes import box_mesh

prepare_process()


@pytest.fixture(scope="session")
def bar() -> Mesh:
    """60 × 6 × 6 mm in bricks of 2 mm, irregular."""
    return box_mesh((60.0, 6.0, 6.0), (30, 3, 3), jitter=0.15)
