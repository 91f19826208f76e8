"""Jobs of kind coupled: a tumour that displaces tissue and is slowed by its stress."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.growth_coupling import orders, stretched_front
from solvers.failures import BadInput, NotConverged
from solvers.library import Event, couple, grow, write_job
from solvers.nested import Nested
from solvers.refinement import Mesh, refined_near
from solvers.tetrahedra import node_volumes_mm3, volumes_mm3
from tests.solvers.meshes import box_mesh, outputs, result_of

PAGE = Path(__file__).parents[2] / "docs" / "coupling.md"
GROWTH = {"diffusion_mm2_per_day": 0.2, "proliferation_per_day": 0.05}
TISSUE = {"shear_modulus_kpa": 2.0, "poisson_ratio": 0.45}
JOINED = {"swelling": 0.3, "slowing_per_kpa": 1.0}
ALL = {**GROWTH, **TISSUE, **JOINED}
DAYS = (0.0, 10.0, 20.0)


def block() -> Mesh:
    """40 × 30 × 30 mm; region 2 is its right half."""
    mesh = box_mesh((40.0, 30.0, 30.0), (8, 6, 6), jitter=0.1)
    right = mesh.points_mm[mesh.cells].mean(axis=1)[:, 0] > 20.0
    return Mesh(mesh.points_mm, mesh.cells, np.where(right, 2, 1).astype(np.int32))


MESH = block()
BACK = np.flatnonzero(MESH.points_mm[:, 0] < 1e-9)
START = 1.0 / (1.0 + np.exp(np.linalg.norm(MESH.points_mm - [20.0, 15.0, 15.0], axis=1) - 9.0))


def answer(values: dict[str, float] = ALL, **more: Any) -> dict[str, NDArray[Any]]:
    arrays = {"density": START, "fixed_nodes": BACK, **more.pop("arrays", {})}
    events, days = more.pop("events", ()), more.pop("days", DAYS)
    settings = {"element": "p1_p1", "coupling_days": 5.0, **more}
    return couple(
        MESH, "fisher_kpp", values, days=days, arrays=arrays, events=events, settings=settings
    )


@pytest.fixture(scope="module")
def plain() -> dict[str, NDArray[Any]]:
    return answer()


def test_that_a_front_under_constant_stress_slows_as_its_diffusion_says() -> None:
    # R9: speed ~ √D, D = D₀ exp(-γ σ); γ σ = 0.5
    part = stretched_front(0.5).growth_ml_per_day / stretched_front(0.0).growth_ml_per_day
    assert part == pytest.approx(0.7788, rel=0.01)


def test_that_coupling_is_of_second_order_in_its_interval() -> None:
    assert orders((2, 4))[0] > 1.7


def test_that_stress_slows_a_tumour(plain: dict[str, NDArray[Any]]) -> None:
    free = answer({**ALL, "slowing_per_kpa": 0.0})
    assert plain["mass_ml"][0] == free["mass_ml"][0]
    assert plain["mass_ml"][-1] < 0.995 * free["mass_ml"][-1]


def test_that_without_slowing_the_tumour_is_that_of_a_tumour_job() -> None:
    events = (Event("irradiate", 4.5, 2.0), Event("scale_density", 12.0, 0.5))
    radio = {"alpha_per_gy": 0.1, "alpha_beta_gy": 10.0}
    coupled = answer({**ALL, **radio, "slowing_per_kpa": 0.0}, events=events)
    alone = grow(
        MESH, "fisher_kpp", GROWTH | radio, days=DAYS, arrays={"density": START}, events=events
    )
    assert coupled["mass_ml"] == pytest.approx(alone["mass_ml"], rel=1e-6)


def test_that_tissue_gains_the_volume_that_grows_in_it(plain: dict[str, NDArray[Any]]) -> None:
    # nearly: at ν = 0.45 the pressure takes some of it back
    volumes = volumes_mm3(MESH.points_mm, MESH.cells)
    stiff = answer({**ALL, "poisson_ratio": 0.4999})
    for found, within in ((plain, 0.1), (stiff, 2e-3)):
        gain = 1e-3 * (found["volume_ratio"] - 1.0) @ volumes
        assert gain == pytest.approx(0.3 * found["mass_ml"], rel=within)


def test_that_a_treatment_takes_pressure_off() -> None:
    found = answer(events=(Event("scale_density", 12.0, 0.2),))
    assert found["pressure_kpa"][2].max() < 0.6 * found["pressure_kpa"][1].max()


def test_that_tissue_swells_only_in_the_regions_that_do() -> None:
    found = answer({**ALL, "swelling@2": 0.0}, days=(0.0,))
    inside = START[MESH.cells].mean(axis=1) > 0.9
    gain = found["volume_ratio"][0] - 1.0
    assert gain[inside & (MESH.regions == 1)].mean() > 0.2
    assert abs(gain[inside & (MESH.regions == 2)].mean()) < 0.05


def test_that_a_mesh_scanned_with_its_tumour_is_moved_by_what_grows_later() -> None:
    found = answer(grown_at_start=1.0)
    assert np.abs(found["displacement_mm"][0]).max() == 0.0
    assert 0.05 < np.linalg.norm(found["displacement_mm"][2], axis=1).max() < 1.0


def test_that_a_finer_mesh_for_the_tumour_hands_its_amount_down() -> None:
    def distance(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.linalg.norm(points - [20.0, 15.0, 15.0], axis=1) - 9.0

    cells = np.arange(len(MESH.cells), dtype=np.int32)
    numbered = Mesh(MESH.points_mm, MESH.cells, cells)
    fine = refined_near(numbered, distance, edge_mm=3.0, radius_mm=3.0, most_nodes=10**5)
    density = 1.0 / (1.0 + np.exp(distance(fine.points_mm)))
    coarse = Nested(MESH, fine, fine.regions).to_tissue(density)
    amount = node_volumes_mm3(fine.points_mm, fine.cells) @ density
    assert node_volumes_mm3(MESH.points_mm, MESH.cells) @ coarse == pytest.approx(amount, rel=1e-12)


def test_that_the_tumour_may_be_solved_on_a_finer_mesh() -> None:
    axis = np.arange(-20.0, 21.0)
    away = np.linalg.norm(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1), axis=-1)
    affine = np.eye(4)
    affine[:3, 3] = np.array([20.0, 15.0, 15.0]) - 20.0
    surface = {"distance_mm": (away - 9.0).astype(np.float32), "distance_affine": affine}
    found = couple(
        MESH,
        "fisher_kpp",
        {**ALL, "poisson_ratio": 0.4999},
        days=(10.0,),
        arrays=surface | {"fixed_nodes": BACK},
        settings={"element": "p1_p1", "edge_mm": 4.0, "refine_radius_mm": 3.0},
    )
    assert found["density"].shape[1] == len(found["points_mm"]) > len(MESH.points_mm)
    assert found["displacement_mm"].shape == (1, len(MESH.points_mm), 3)
    gain = 1e-3 * (found["volume_ratio"][0] - 1.0) @ volumes_mm3(MESH.points_mm, MESH.cells)
    assert gain == pytest.approx(0.3 * found["mass_ml"][0], rel=2e-3)


@pytest.mark.parametrize(
    ("values", "more", "says"),
    [
        ({"swelling": 1.5}, {}, "swelling = 1.5"),
        ({"swelling@7": 0.1}, {}, "no such region"),
        ({"shear_modulus_kpa@7": 2.0}, {}, "shear_modulus_kpa@7"),
        ({"poisson_ratio": 0.6}, {}, "poisson_ratio"),
        ({"spread": 1.0}, {}, "spread"),
        ({}, {"law": "holzapfel_ogden"}, "fibres know no growth strain"),
        ({}, {"law": "jelly"}, "no law 'jelly'"),
        ({}, {"stickiness": 1.0}, "unknown settings: stickiness"),
        ({}, {"prony_moduli@1": (0.5,)}, "unknown settings: prony_moduli@1"),
        ({}, {"arrays": {"fixed_nodes": BACK[:1]}}, "nothing holds the piece"),
        ({}, {"arrays": {"density": 0.0 * START}}, "there is no tumour"),
        ({}, {"arrays": {"density": START * np.nan}}, "density"),
        ({}, {"days": (5.0, 2.0)}, "must ascend"),
        ({"swelling": 1.0}, {"grown_at_start": 1.0}, "choose a smaller swelling"),
    ],
)
def test_that_bad_input_is_refused(values: Any, more: Any, says: str) -> None:
    with pytest.raises(BadInput, match=re.escape(says)):
        answer({**ALL, **values}, **more)


def test_that_swelling_has_to_be_given() -> None:
    with pytest.raises(BadInput, match=r"swelling@1 .* is missing"):
        answer({**GROWTH, **TISSUE})


def test_that_tissue_without_room_ends_with_the_day_and_the_last_density() -> None:
    # incompressible, and held all around: there is no balance
    mesh = box_mesh((12.0, 12.0, 12.0), (2, 2, 2))
    outer = ((mesh.points_mm < 1e-9) | (mesh.points_mm > 12.0 - 1e-9)).any(axis=1)
    arrays = {"fixed_nodes": np.flatnonzero(outer), "density": np.ones(len(outer))}
    with pytest.raises(NotConverged, match=r"day 0: .*finds no balance.*smaller swelling") as error:
        couple(
            mesh,
            "fisher_kpp",
            {**ALL, "poisson_ratio": 0.5},
            days=(5.0,),
            arrays=arrays,
            settings={"element": "p1_p1"},
        )
    assert error.value.kept["last_density"].shape == (1, len(outer))


def test_that_a_job_on_two_ranks_gives_the_same(tmp_path: Path, plain: Any) -> None:
    settings = {"element": "p1_p1", "coupling_days": 5.0, "edge_mm": 0.0, "days": DAYS}
    arrays = {"density": START, "fixed_nodes": BACK}
    write_job(tmp_path, MESH, "fisher_kpp", ALL, arrays=arrays, settings=settings, kind="coupled")
    mpiexec = str(Path(sys.executable).with_name("mpiexec"))
    command = [mpiexec, "-n", "2", sys.executable, "-m", "solvers", "run", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert result_of(tmp_path).ok
    found = outputs(tmp_path)
    assert found["mass_ml"][0] == pytest.approx(plain["mass_ml"], rel=1e-6)
    assert found["displacement_mm"][0] == pytest.approx(plain["displacement_mm"], abs=1e-4)


def test_that_the_code_of_the_page_runs() -> None:
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0], names)
    moved = np.linalg.norm(names["answer"]["displacement_mm"], axis=2).max(axis=1)
    assert (moved > 0.2).all()
    assert names["answer"]["mass_ml"][2] < names["answer"]["mass_ml"][1]  # after the week
    assert names["answer"]["mass_ml"][1] < names["free"]["mass_ml"][1]
