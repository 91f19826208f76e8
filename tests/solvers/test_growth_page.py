"""What docs/growth.md promises: its code is run here as it stands; and another solver's growth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solvers.failures import BadInput
from solvers.library import grow, on_grid, on_mesh, voxel_mesh
from tests.solvers.meshes import outputs, result_of, start_job

PAGE = Path(__file__).parents[2] / "docs" / "growth.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def labelled() -> Any:
    """A ball of tissue with a tumour of 5 mm, voxels of 2 mm."""
    away = np.stack(np.meshgrid(*[np.arange(-11, 11) + 0.5] * 3, indexing="ij"), axis=-1)
    radius = 2.0 * np.linalg.norm(away, axis=-1)
    return np.where(radius < 6.0, 2, (radius < 19.0).astype(int))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the code of the page leaves behind, and "folder", where it was run."""
    folder = tmp_path_factory.mktemp("page")
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    names: dict[str, Any] = {"folder": folder, "labels": labelled(), "affine": affine}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec("".join(BLOCKS), names)
    return names


def test_that_the_page_needs_ten_lines_from_voxels_to_densities() -> None:
    assert len([line for line in BLOCKS[0].splitlines() if line]) <= 10


def test_that_the_page_grows_and_shrinks_a_tumour(page: dict[str, Any]) -> None:
    answer, labels = page["answer"], page["labels"]
    mass = answer["mass_ml"]
    assert mass[0] == pytest.approx(0.8 * (labels == 2).sum() * 8.0 / 1000.0, rel=1e-6)
    assert mass[1] > 1.1 * mass[0]
    assert answer["density"].shape == (3, len(page["mesh"].points_mm))
    assert answer["density_grid"].shape == (3, *labels.shape)
    assert (answer["density_grid"][:, labels == 0] == 0.0).all()
    assert np.abs(answer["grid_mass_error"]).max() < 0.05


def test_that_the_job_folder_of_the_page_answers_the_same(page: dict[str, Any]) -> None:
    start_job(page["folder"] / "grown").communicate(timeout=120)
    assert result_of(page["folder"] / "grown").ok
    found = outputs(page["folder"] / "grown")
    assert np.array_equal(found["density"][0], page["answer"]["density"])
    assert np.array_equal(found["mass_ml"][0], page["answer"]["mass_ml"])


def test_that_growth_is_that_of_an_independent_solver(shared: Path) -> None:
    # shared/data/growth-recovery: finite volumes on a grid twice as fine, averaged
    with np.load(shared / "growth-recovery" / "recover_case.npz") as case:
        mask, truth, days = case["mask"] > 0.5, case["truth"], case["days"]
        speed = {
            "diffusion_mm2_per_day": float(case["D"]),
            "proliferation_per_day": float(case["rho"]),
        }
        affine = np.diag([float(case["h"])] * 3 + [1.0])
    mesh = voxel_mesh(mask, affine)
    start = on_mesh(mesh, truth[0], affine, keep="values").values
    shape = (36, 36, 36)
    answer = grow(
        mesh, "fisher_kpp", speed,
        days=tuple(map(float, days)), arrays={"density": start}, grid=(shape, affine),
    )  # fmt: skip
    apart = np.sqrt(((answer["density_grid"] - truth) ** 2).sum(axis=(1, 2, 3)))
    amount = answer["mass_ml"] / (truth[:, mask].sum(axis=1) * 1.5**3 / 1000.0) - 1.0
    error = apart / np.sqrt((truth**2).sum(axis=(1, 2, 3)))
    assert (error < (0.05, 0.03, 0.02, 0.015, 0.01)).all()  # the first: voxel to node and back
    assert np.abs(amount).max() < 0.006


def test_that_growth_refuses_a_start_that_is_not_of_the_mesh() -> None:
    mesh = voxel_mesh(np.ones((4, 4, 4), bool), np.eye(4))
    speed = {"diffusion_mm2_per_day": 0.1, "proliferation_per_day": 0.03}
    with pytest.raises(BadInput, match="density"):
        grow(mesh, "fisher_kpp", speed, days=(0.0, 1.0), arrays={"density": np.zeros(3)})
    assert on_grid(mesh, np.ones(125), (4, 4, 4), np.eye(4)).values.min() == 1.0
