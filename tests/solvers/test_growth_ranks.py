"""Two ranks answer what one does, whether members or the mesh's nodes are dealt to them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from solvers.contract import Event
from solvers.jobfolder import run_folder
from tests.solvers.meshes import box_mesh, mesh_arrays, outputs, result_of, write_job

MESH = box_mesh((20.0, 12.0, 12.0), (10, 6, 6), jitter=0.1)
FISHER = {"diffusion_mm2_per_day": 0.2, "proliferation_per_day": 0.1}
FED = {
    **FISHER,
    "necrosis_per_day": 0.05,
    "nutrient_reach_mm": 3.0,
    "nutrient_uptake": 4.0,
    "diffusion_mm2_per_day@2": 0.0,
}


@pytest.mark.parametrize(
    ("model", "members"),
    [("two_species", (FED,)), ("fisher_kpp", (FISHER, {**FISHER, "proliferation_per_day": 0.05}))],
    ids=["nodes", "members"],
)
def test_that_two_ranks_answer_as_one(
    tmp_path: Path, model: str, members: tuple[dict[str, float], ...]
) -> None:
    x = MESH.points_mm
    cut = np.indices((12, 8, 8))[0] * 2.0 - 4.0
    arrays = {
        **mesh_arrays(MESH),
        "regions": (1 + (x[MESH.cells].mean(axis=1)[:, 1] > 10.0)).astype(np.int32),
        "density": 0.9 * np.exp(-((x - 6.0) ** 2).sum(axis=1) / 12.0),
        "cut_mm": cut.astype(np.float32),
        "cut_affine": np.diag([2.0, 2.0, 2.0, 1.0]),
    }
    events = (
        Event("scale_density", 3.4, 0.5, where="cut"),
        Event("remove_region", 8.1, where="cut"),
    )
    settings = {"days": (0.0, 8.1, 20.0), "edge_mm": 0.0, "keep_members": 1}
    found = []
    for ranks in (1, 2):
        folder = tmp_path / str(ranks)
        write_job(
            folder,
            "tumour",
            model,
            members=members,
            arrays=arrays,
            settings=settings,
            events=events,
        )
        if ranks == 1:
            run_folder(folder, lambda _: None)
        else:
            mpiexec = str(Path(sys.executable).with_name("mpiexec"))
            own = [sys.executable, "-m", "solvers", "run", str(folder)]
            subprocess.run([mpiexec, "-n", "2", *own], check=True, capture_output=True)
        assert result_of(folder).message == ""
        found.append(outputs(folder))
    for name, array in found[0].items():
        assert found[1][name] == pytest.approx(array, abs=1e-8), name
