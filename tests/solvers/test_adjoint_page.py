"""What docs/adjoint.md promises: its code is run here as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solvers.contract import Job
from solvers.library import deform
from solvers.observing import interpolation
from tests.solvers.test_library import liver, write_vtu

PAGE = Path(__file__).parents[2] / "docs" / "adjoint.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
TRUTH = {"shear_modulus_kpa@1": 2.6, "shear_modulus_kpa@2": 9.5}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the code of the page leaves behind, of displacements without noise."""
    folder, mesh = tmp_path_factory.mktemp("page"), liver()
    write_vtu(folder / "liver.vtu", mesh)
    random = np.random.default_rng(0)
    points = random.uniform(1.0, 29.0, (300, 3))
    back = np.flatnonzero(mesh.points_mm[:, 1] > 28.0)
    turned = {"gravity_mm_per_s2": (9806.65, -9806.65, 0.0)}
    moved = deform(mesh, "neo_hookean", TRUTH, arrays={"fixed_nodes": back}, settings=turned)
    seen = interpolation(mesh, points) @ moved["displacement_mm"]
    np.savez(folder / "seen.npz", points_mm=points, moved_mm=seen)
    names: dict[str, Any] = {"folder": folder}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec("".join(BLOCKS), names)
    return names


def test_that_the_page_asks_a_job_of_the_kind(page: dict[str, Any]) -> None:
    assert Job.read(page["folder"] / "seen").kind == "sensitivity"


def test_that_the_page_finds_a_slope_and_a_stiffness(page: dict[str, Any]) -> None:
    assert float(page["answer"]["misfit_per_shear_modulus_kpa@1"]) < 0.0
    found = page["recovered"]
    assert found.values[0] == pytest.approx(TRUTH["shear_modulus_kpa@1"], rel=0.1)
    truth = np.array(list(TRUTH.values()))
    assert (page["low"] < truth).all()
    assert (truth < page["high"]).all()
