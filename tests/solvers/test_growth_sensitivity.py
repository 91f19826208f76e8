"""What docs/growth_adjoint.md promises, and slopes of a whole job with regions and clones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solvers.contract import Event
from solvers.failures import BadInput
from solvers.library import growth_sensitivity, voxel_mesh, write_job
from tests.solvers.meshes import outputs, result_of, start_job

PAGE = Path(__file__).parents[2] / "docs" / "growth_adjoint.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
LABELS = np.ones((9, 9, 9), np.uint8)
LABELS[5:], LABELS[:1] = 2, 3
MESH = voxel_mesh(LABELS, np.diag([2.0, 2.0, 2.0, 1.0]))
CENTRE = MESH.points_mm.mean(axis=0)
VALUES = {
    "diffusion_mm2_per_day": 0.1,
    "diffusion_mm2_per_day@2": 0.3,
    "diffusion_mm2_per_day@3": 0.0,
    "proliferation_per_day": 0.05,
    "proliferation_per_day@2": 0.07,
    "alpha_per_gy": 0.05,
    "alpha_beta_gy": 10.0,
    "sensitivity_per_day@drug": 2.0,
    "clearance_per_day@drug": 9.242,
    "resistant_fraction@drug": 0.1,
}
EVENTS = (Event("irradiate", 4.375, 2.0), Event("infuse", 9.3, 1.0, agent="drug"))
SETTINGS: dict[str, Any] = {"linear_tolerance": 1e-12}
DAYS = (0.0, 8.0, 16.0)


def arrays() -> dict[str, NDArray[Any]]:
    """A tumour of 5 mm, with a volume and densities seen on two days."""
    random = np.random.default_rng(0)
    grid = np.moveaxis(np.indices((12, 12, 12)) * 2.0 - 3.0, 0, -1)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -3.0
    return {
        "distance_mm": (np.linalg.norm(grid - CENTRE, axis=-1) - 5.0).astype(np.float32),
        "distance_affine": affine,
        "observed_days": np.array(DAYS[1:]),
        "observed_volume_ml": np.array([0.6, 0.7]),
        "observed_volume_sd_ml": np.array([0.05, 0.1]),
        "observed_points_mm": CENTRE + 3.0 * random.normal(size=(20, 3)),
        "observed_density": random.uniform(size=(2, 20)),
        "observed_density_sd": np.full((2, 20), 0.2),
    }


def asked(values: dict[str, float], **settings: Any) -> dict[str, NDArray[np.float64]]:
    return growth_sensitivity(
        MESH, "fisher_kpp", values, days=DAYS, arrays=arrays(), events=EVENTS,
        settings={**SETTINGS, **settings},
    )  # fmt: skip


@pytest.fixture(scope="module")
def answer() -> dict[str, NDArray[np.float64]]:
    return asked(VALUES, slopes_by_cell=1)


@pytest.mark.parametrize("name", [name for name, value in VALUES.items() if value])
def test_that_each_number_has_the_slope_of_central_differences(
    name: str, answer: dict[str, NDArray[np.float64]]
) -> None:
    value, step = VALUES[name], 1e-5
    more, less = (asked({**VALUES, name: value * (1 + s)})["misfit"] for s in (step, -step))
    central = (more - less) / (2 * step * value)
    assert answer[f"misfit_per_{name}"] == pytest.approx(central, rel=1e-5)


def test_that_the_visible_density_has_it_too(answer: dict[str, NDArray[np.float64]]) -> None:
    more, less = (asked(VALUES, visible_density=0.5 + s)["misfit"] for s in (1e-6, -1e-6))
    assert answer["misfit_per_visible_density"] == pytest.approx((more - less) / 2e-6, rel=1e-4)


def test_that_a_regions_slope_is_that_of_its_cells(answer: dict[str, NDArray[np.float64]]) -> None:
    for name in ("diffusion_mm2_per_day", "proliferation_per_day"):
        here = answer[f"misfit_per_cell_{name}"][MESH.regions == 2].sum()
        assert here == pytest.approx(float(answer[f"misfit_per_{name}@2"]), rel=1e-9)


def test_that_the_page_runs_as_it_stands() -> None:
    names: dict[str, Any] = {}
    exec("".join(BLOCKS), names)
    assert np.isfinite(names["slope"])
    assert names["answer"]["misfit"] > 0.0


def test_that_a_job_folder_answers_the_same(
    tmp_path: Path, answer: dict[str, NDArray[np.float64]]
) -> None:
    settings = {**SETTINGS, "days": DAYS, "edge_mm": 0.0, "slopes_by_cell": 1}
    write_job(
        tmp_path, MESH, "fisher_kpp", VALUES, arrays=arrays(), settings=settings,
        kind="growth_sensitivity", events=EVENTS,
    )  # fmt: skip
    start_job(tmp_path).communicate()
    assert result_of(tmp_path).ok
    given = outputs(tmp_path)["misfit_per_density"][0]
    np.testing.assert_allclose(given, answer["misfit_per_density"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"observed_days": np.array([8.0, 9.0])}, "not among the days"),
        ({"observed_volume_sd_ml": np.array([0.0, 0.1])}, "must be positive"),
        ({"observed_volume_ml": np.array([np.nan, 1.0])}, "observed_volume_ml"),
    ],
)
def test_that_what_was_seen_is_checked(change: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        growth_sensitivity(MESH, "fisher_kpp", VALUES, days=DAYS, arrays={**arrays(), **change},
                           events=EVENTS)  # fmt: skip
