"""What docs/mechanics.md promises: its code is run here as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pytest

from solvers.contract import Job
from solvers.failures import BadInput
from solvers.library import deform, read_vtu, write_job
from solvers.refinement import Mesh
from tests.solvers.meshes import box_mesh, outputs, result_of, start_job

PAGE = Path(__file__).parents[2] / "docs" / "mechanics.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def liver() -> Mesh:
    """A block with a stiffer corner."""
    mesh = box_mesh((30.0, 30.0, 30.0), (3, 3, 3))
    middles = mesh.points_mm[mesh.cells].mean(axis=1)
    return Mesh(mesh.points_mm, mesh.cells, np.where(middles.max(axis=1) < 12.0, 2, 1))


def write_vtu(path: Path, mesh: Mesh, tags: str = "region", **how: Any) -> None:
    triangles = mesh.cells[:1, :3]
    labels = [mesh.regions.astype(np.int32), np.zeros(1, np.int32)]
    cells = [("tetra", mesh.cells), ("triangle", triangles)]
    meshio.vtu.write(path, meshio.Mesh(mesh.points_mm, cells, cell_data={tags: labels}), **how)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the code of the page leaves behind, and "folder", where it was run."""
    folder = tmp_path_factory.mktemp("page")
    write_vtu(folder / "liver.vtu", liver())
    names: dict[str, Any] = {"folder": folder}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec("".join(BLOCKS), names)
    return names


def test_that_the_page_needs_ten_lines_from_a_file_to_displacements() -> None:
    assert len([line for line in BLOCKS[0].splitlines() if line]) <= 10


def test_that_the_code_of_the_page_moves_the_liver(page: dict[str, Any]) -> None:
    moved = page["answer"]["displacement_mm"]
    assert moved.shape == page["mesh"].points_mm.shape
    assert np.abs(moved[page["back"]]).max() == 0.0
    assert 0.1 < np.linalg.norm(moved, axis=1).max() < 30.0


def test_that_the_job_folder_of_the_page_answers_the_same(page: dict[str, Any]) -> None:
    process = start_job(page["folder"] / "turned")
    process.communicate(timeout=120)
    found = outputs(page["folder"] / "turned")["displacement_mm"][0]
    assert np.array_equal(found, page["answer"]["displacement_mm"])


def test_that_two_ranks_answer_as_one(page: dict[str, Any]) -> None:
    folder = page["folder"] / "ranks"
    held, turned = {"fixed_nodes": page["back"]}, page["turned"]
    job = write_job(folder, liver(), "neo_hookean", page["tissue"], arrays=held, settings=turned)
    said = ranks(2, "-m", "solvers", "run", str(folder))
    found = outputs(folder)
    assert set(found) == set(page["answer"])
    for name, alone in page["answer"].items():
        if name != "strain_direction":  # its sign is free
            assert np.abs(found[name][0] - alone).max() <= 1e-4 * np.abs(alone).max(), name
    assert (result_of(folder).job_id, result_of(folder).ok) == (job.id, True)
    assert said.stdout.count('"done"') == 1


FAILING = """
import sys
from pathlib import Path
from solvers.starting import prepare_process
prepare_process()
from mpi4py import MPI
from solvers import ranks
from solvers.jobfolder import run_folder
ranks.PATIENCE_SECONDS = 0.5
def solve(job, arrays, tell):
    if MPI.COMM_WORLD.rank == int(sys.argv[2]):
        raise MemoryError("rank without memory")
    if len(sys.argv) > 3:
        MPI.COMM_WORLD.barrier()
    return {}, {}
print(run_folder(Path(sys.argv[1]), print, solve=solve, comm=MPI.COMM_WORLD).error)
"""


@pytest.mark.parametrize("waiting", [[], ["waiting"]])
@pytest.mark.parametrize("rank", ["0", "1"])
def test_that_an_error_on_one_rank_ends_all_with_one_result(
    tmp_path: Path, rank: str, waiting: list[str]
) -> None:
    write_job(tmp_path, liver(), "neo_hookean", {}, arrays={}, settings={})
    ranks(2, "-c", FAILING, str(tmp_path), rank, *waiting)
    assert (result_of(tmp_path).ok, result_of(tmp_path).error) == (False, "OutOfMemory")
    assert result_of(tmp_path).job_id == Job.read(tmp_path).id


def ranks(count: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    mpiexec = str(Path(sys.executable).parent / "mpiexec")
    command = [mpiexec, "-n", str(count), sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    "how", [{"binary": False}, {"binary": True, "compression": None}, {"compression": "zlib"}]
)
def test_that_every_inline_encoding_gives_the_mesh_back(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    write_vtu(tmp_path / "a.vtu", liver(), tags="tissue", **how)
    found = read_vtu(tmp_path / "a.vtu", tags="tissue")
    assert np.array_equal(found.points_mm, liver().points_mm)
    assert np.array_equal(found.cells, liver().cells)
    assert np.array_equal(found.regions, liver().regions)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("<VTKFile", "<!DOCTYPE a><VTKFile"), "document type"),
        (("UnstructuredGrid", "PolyData"), "no VTK file of an unstructured grid"),
        (('format="ascii"', 'format="appended"'), "appended"),
        (("</VTKFile>", ""), "cannot be read"),
    ],
)
def test_that_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    write_vtu(tmp_path / "a.vtu", liver(), binary=False)
    text = (tmp_path / "a.vtu").read_text(encoding="utf-8")
    (tmp_path / "a.vtu").write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        read_vtu(tmp_path / "a.vtu")


def test_that_the_library_refuses_what_a_job_would() -> None:
    with pytest.raises(BadInput, match="no law"):
        deform(liver(), "wishful", {}, arrays={}, settings={})
