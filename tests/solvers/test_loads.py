"""Loads and supports: balance of forces, derivatives, ranks, the shape without loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solvers.acting import load_recipe
from solvers.contact import STIFFNESS, Contact
from solvers.elements import ACCURATE
from solvers.failures import BadInput, NotConverged
from solvers.grid import Grid
from solvers.loads import load, loads
from solvers.refinement import Mesh
from solvers.system import System
from solvers.unloading import unloaded
from tests.solvers.loaded import NONE, SOFT, ball_surface, organ, solved
from tests.solvers.meshes import box_mesh
from tests.solvers.test_deformation import faces_at, shell_mesh, weight

CONSTANTS: dict[str, Any] = {
    "gravity_mm_per_s2": (0.0, 300.0, -9810.0),
    "density_g_per_ml": 1.05,
    "plane_point_mm": (0.0, 0.0, 5.9),
    "plane_normal": (0.1, 0.0, -1.0),
    "tool_radius_mm": 10.0,
    "tool_start_mm": (4.0, 4.0, 15.8),
    "pressure_kpa": 2.0,
    "spring_normal_kpa_per_mm": 0.5,
    "spring_tangential_kpa_per_mm": 0.1,
}


@pytest.mark.parametrize("name", list(loads()))
def test_that_the_tangent_of_a_load_is_the_derivative_of_its_residual(name: str) -> None:
    from mpi4py import MPI

    mesh = box_mesh((8.0, 8.0, 6.0), (2, 2, 2), jitter=0.1)
    grid, kind = Grid(mesh, MPI.COMM_SELF), load(name)
    top = grid.faces(faces_at(mesh, mesh.points_mm[:, 2] == 6.0), "top")
    cells = np.arange(grid.owned_cells, dtype=np.int32)
    system = System(grid, ACCURATE)
    term = system.add(load_recipe(name, ACCURATE), top if kind.faces else cells)
    for setting in kind.settings:
        term.values[setting.parameter.name].value = CONSTANTS.get(setting.parameter.name, 0.0)
    if isinstance(kind, Contact):
        term.values[STIFFNESS].x.array[:] = 3.0
    own = ball_surface("surface", np.array([4.0, 4.0, 15.8]), 10.0)
    renewal = kind.renewal(term, system.unknowns[0], own)
    system.renewals += [renewal] if renewal else []
    random = np.random.default_rng(1)
    moved = system.unknowns[0].x.array
    moved[:] = random.uniform(-0.02, 0.02, len(moved))
    direction, h = random.uniform(-1.0, 1.0, len(moved)), 1e-6
    start, slopes = moved.copy(), []
    for sign in (1.0, -1.0):
        moved[:] = start + sign * h * direction
        slopes.append(system.residual()[: len(moved)])
    moved[:] = start
    force = system.residual()[: len(moved)]
    blocks, _ = system.matrices()
    system.assemble(blocks, None)
    vector, product = blocks[0][0].createVecs()
    vector.array[:] = direction
    blocks[0][0].mult(vector, product)
    exact = (slopes[0] - slopes[1]) / (2.0 * h)
    assert np.linalg.norm(force) > 1e-3
    # distances stand in float32: their splines' slopes are as good as that
    assert product.array == pytest.approx(exact, abs=1e-6 * max(1.0, np.abs(exact).max()))


def test_that_springs_hold_weight_and_pressure_without_any_fixed_node() -> None:
    mesh = box_mesh((10.0, 10.0, 10.0), (3, 3, 3), jitter=0.1)
    z = mesh.points_mm[:, 2]
    arrays: dict[str, Any] = {
        "spring_faces": faces_at(mesh, z == 0),
        "pressure_faces": faces_at(mesh, z == 10),
    }
    springs = {"spring_normal_kpa_per_mm": 0.5, "spring_tangential_kpa_per_mm": 0.01}
    level = solved(mesh, arrays, {"pressure_kpa": 0.2, **springs, **weight(0.0, 0.0, -9810.0)})
    carried = level.force_n("springs")
    assert level.force_n("gravity")[2] == pytest.approx(-1.05e-6 * 1000.0 * 9.810, rel=1e-6)
    others = level.force_n("gravity") + level.force_n("pressure")
    assert carried == pytest.approx(-others, abs=1e-6)
    # the bottom moves by its mean traction over the stiffness
    bottom = level.displacement_mm()[z == 0, 2].mean()
    assert bottom == pytest.approx(-carried[2] / 0.1 / 0.5, rel=0.02)


def test_that_what_springs_leave_free_to_slide_is_refused() -> None:
    mesh = box_mesh((10.0, 10.0, 10.0), (2, 2, 2))
    arrays: dict[str, Any] = {"spring_faces": faces_at(mesh, mesh.points_mm[:, 2] == 0)}
    with pytest.raises(BadInput, match="nothing holds the piece of 27 nodes"):
        solved(mesh, arrays, {"spring_normal_kpa_per_mm": 1.0})


def test_that_a_second_piece_that_nothing_holds_is_refused() -> None:
    one = box_mesh((4.0, 4.0, 4.0), (1, 1, 1))
    points = np.concatenate([one.points_mm, one.points_mm + 10.0])
    two = Mesh(points, np.concatenate([one.cells, one.cells + 8]), np.ones(12, np.int32))
    with pytest.raises(BadInput, match=r"around \(12, 12, 12\) mm"):
        organ(two, {"fixed_nodes": np.arange(4)})


def test_that_blood_in_a_meshed_lumen_presses_as_in_a_removed_one() -> None:
    radii = (9.0, 10.0, 14.0, 20.0)
    hollow, inner, _ = shell_mesh(2, radii[1:])
    filled, _, outside = shell_mesh(2, radii)
    size = len(np.unique(inner))
    regions = np.where(np.arange(len(filled.cells)) < len(filled.cells) // 3, 2, 1)
    filled = Mesh(filled.points_mm, filled.cells, regions.astype(np.int32))
    values = {**SOFT, 2: {"shear_modulus_kpa": 0.01, "poisson_ratio": 0.3}}
    pressure = {"pressure_kpa": 0.5}
    wall = inner + size
    arrays: dict[str, Any] = {
        "fixed_nodes": outside[:3],
        "pressure_faces": wall,
        "pressure_lumen": np.array([2]),
    }
    within = solved(filled, arrays, pressure, values).displacement_mm()[size:]
    arrays = {"fixed_nodes": outside[:3] - size, "pressure_faces": inner}
    without = solved(hollow, arrays, pressure).displacement_mm()
    radial = (without * hollow.points_mm).sum(axis=1)[np.unique(inner)].mean() / 10.0
    assert radial > 0.3
    assert within == pytest.approx(without, abs=0.03 * radial)


def test_that_the_shape_without_gravity_is_found_again() -> None:
    mesh = box_mesh((40.0, 16.0, 16.0), (8, 3, 3), jitter=0.1)
    arrays: dict[str, Any] = {"fixed_nodes": np.flatnonzero(mesh.points_mm[:, 0] == 0.0)}
    load_of_scan = {**NONE, **weight(0.0, 0.0, -5000.0)}
    sagged = solved(mesh, arrays, weight(0.0, 0.0, -5000.0)).displacement_mm()
    scanned = Mesh(mesh.points_mm + sagged, mesh.cells, mesh.regions)
    level, shape = unloaded(organ(scanned, arrays), SOFT, load_of_scan)
    assert np.abs(sagged).max() > 4.0
    assert shape == pytest.approx(mesh.points_mm, abs=0.02)
    assert shape + level.displacement_mm() == pytest.approx(scanned.points_mm, abs=0.01)


def test_that_a_shape_not_found_in_time_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvers.unloading.MOST_ROUNDS", 1)
    mesh = box_mesh((20.0, 8.0, 8.0), (4, 2, 2))
    arrays: dict[str, Any] = {"fixed_nodes": np.flatnonzero(mesh.points_mm[:, 0] == 0.0)}
    with pytest.raises(NotConverged, match=r"mm off at \(20, .* mm after 1 rounds"):
        unloaded(organ(mesh, arrays), SOFT, {**NONE, **weight(0.0, 0.0, -9810.0)})


def on_ranks(comm: Any) -> NDArray[np.float64]:
    """A block on springs, pressed by a rigid surface and a plane, under its weight."""
    mesh = box_mesh((12.0, 12.0, 8.0), (3, 3, 2), jitter=0.1)
    z = mesh.points_mm[:, 2]
    arrays = {
        "spring_faces": faces_at(mesh, z == 0.0),
        "surface_faces": faces_at(mesh, z == 8.0),
        "plane_faces@side": faces_at(mesh, mesh.points_mm[:, 0] == 12.0),
        **ball_surface("surface", np.array([6.0, 6.0, 18.0]), 10.0),
    }
    given = {
        "spring_normal_kpa_per_mm": 1.0,
        "spring_tangential_kpa_per_mm": 1.0,
        "surface_travel_mm": (0.0, 0.0, -1.0),
        "plane_normal@side": (-1.0, 0.0, 0.0),
        "plane_point_mm@side": (11.9, 0.0, 0.0),
        "plane_travel_mm@side": (0.0, 0.0, 0.0),
        **weight(0.0, 0.0, -9810.0),
    }
    level = organ(mesh, arrays, comm=comm).solve(
        SOFT, {**NONE, "contact_tolerance_mm": 0.02, **given}
    )
    return np.vstack([level.displacement_mm(), level.force_n("surface")])


def test_that_two_ranks_agree_with_one(tmp_path: Path) -> None:
    from mpi4py import MPI

    script = (
        "from solvers.__main__ import prepare_process; prepare_process()\n"
        "import numpy as np; from mpi4py import MPI\n"
        "from tests.solvers.test_loads import on_ranks\n"
        f"answer = on_ranks(MPI.COMM_WORLD)\n"
        f"if MPI.COMM_WORLD.rank == 0: np.save({str(tmp_path / 'two.npy')!r}, answer)\n"
    )
    mpiexec = Path(sys.executable).with_name("mpiexec")
    subprocess.run([mpiexec, "-n", "2", sys.executable, "-c", script], check=True, timeout=120)
    one = on_ranks(MPI.COMM_SELF)
    assert np.abs(one).max() > 0.5
    assert np.load(tmp_path / "two.npy") == pytest.approx(one, abs=1e-4)
