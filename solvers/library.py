"""Solvers from Python: a mesh and numbers in, fields out; or a job folder of the same question.

::

    mesh = read_vtu("liver.vtu")
    answer = deform(mesh, "neo_hookean", {"shear_modulus_kpa@1": 2.0, …}, arrays={…}, settings={…})
    write_job(folder, mesh, "neo_hookean", …)    the same for ``python -m solvers run FOLDER``

    mesh = voxel_mesh(labels, affine)
    answer = grow(mesh, "fisher_kpp", {"diffusion_mm2_per_day": 0.1, …}, days=(0, 60), arrays={…})

What laws, growth models, settings, events and arrays there are is told by
``python -m solvers describe``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract import INPUT_FILE, JOB_FILE, Event, Job, Kind, Progress
from solvers.gridded import on_grid, on_mesh
from solvers.meshfiles import array_hash, write_arrays
from solvers.refinement import Mesh
from solvers.voxelmesh import voxel_mesh
from solvers.vtu import read_vtu

__all__ = [
    "Event",
    "Mesh",
    "couple",
    "deform",
    "grow",
    "growth_sensitivity",
    "on_grid",
    "on_mesh",
    "read_vtu",
    "sensitivity",
    "voxel_mesh",
    "write_job",
]

Arrays = Mapping[str, NDArray[Any]]
Grid = tuple[tuple[int, int, int], NDArray[np.float64]]
"""Shape of a grid of voxels and its affine (4, 4), index (i, j, k) → LPS mm."""


def deform(
    mesh: Mesh,
    law: str,
    values: Mapping[str, float],
    *,
    arrays: Arrays,
    settings: Mapping[str, Any],
) -> dict[str, NDArray[np.float64]]:
    """Return the answer for one set of values: displacement_mm (n, 3), von_mises_kpa (m,), ….

    Under ``mpiexec`` every rank calls it with the same arguments and is given the whole answer.

    Args:
        law: name; another one for region L by the setting ``law@L``.
        values: ``parameter@label`` → value, in the parameter's unit.
        arrays: supports and faces of loads, ``fixed_nodes`` for instance.
        settings: loads, ``element`` and so on.

    Raises:
        BadInput: something of this cannot be used.
        NotConverged: naming the load that was reached.
    """
    from solvers.starting import prepare_process

    prepare_process()
    from solvers.deformation import run

    job, everything = _job(mesh, law, values, arrays=arrays, settings=settings)
    answer, _ = run(job, everything, _nobody)
    return {name: array[0] for name, array in answer.items()}


def sensitivity(
    mesh: Mesh,
    law: str,
    values: Mapping[str, float],
    *,
    arrays: Arrays,
    settings: Mapping[str, Any],
    misfit: Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return the deformation, its misfit to what was seen, and every derivative (docs/adjoint.md).

    Under ``mpiexec`` as `deform`.

    Args:
        mesh, law, values: as of `deform`.
        arrays: as of `deform`, and ``observed_points_mm``, ``observed_mm``, ``observed_sd_mm``.
        settings: as of `deform`; ``changes``, ``residual_tolerance``.
        misfit: takes (n, 3) mm the nodes' displacement, returns J and its slope (n, 3) per mm; in
            place of what was seen.

    Raises:
        BadInput: something of this cannot be used.
        NotConverged: naming the load that was reached.
    """
    from solvers.starting import prepare_process

    prepare_process()
    from solvers.sensitivity import run

    job, everything = _job(mesh, law, values, arrays=arrays, settings=settings, kind="sensitivity")
    answer, _ = run(job, everything, _nobody, misfit=misfit)
    return {name: array[0] for name, array in answer.items()}


def grow(
    mesh: Mesh,
    model: str,
    values: Mapping[str, float],
    *,
    days: Sequence[float],
    arrays: Arrays,
    events: Sequence[Event] = (),
    settings: Mapping[str, Any] | None = None,
    grid: Grid | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return the course of a tumour for one set of values (docs/growth.md).

    Args:
        model: name of the growth model.
        values: parameter → value, in the parameter's unit.
        days: to report, from 0 on, ascending: the state before that day's events.
        arrays: how it starts: ``density`` at the nodes, or ``distance_mm`` and
            ``distance_affine``; what events and parameters need.
        events: what happens to it, in any order.
        settings: as ``describe`` tells them; the mesh is refined only if ``edge_mm`` is given.
        grid: also return the density on these voxels.

    Returns:
        density (t, n), volume_ml and mass_ml (t,), the mesh it was solved on (points_mm (n, 3),
        tetrahedra, regions), each number of the run (); with `grid` density_grid (t, i, j, k), 0
        outside the mesh, and grid_mass_error (t,), by how much its amount differs from the mesh's.

    Raises:
        BadInput: something of this cannot be used.
        NotConverged: a solve failed, naming the day.
    """
    from solvers.starting import prepare_process

    prepare_process()
    from solvers.tumour import run

    given = {"edge_mm": 0.0, **(settings or {}), "days": tuple(days), "keep_members": 1}
    job, everything = _job(
        mesh, model, values, arrays=arrays, settings=given, kind="tumour", events=events
    )
    found, numbers = run(job, everything, _nobody)
    answer = {name: found[name] for name in ("days", "points_mm", "tetrahedra", "regions")}
    answer |= {name: found[name][0] for name in ("density", "volume_ml", "mass_ml")}
    if grid is not None:
        solved = Mesh(found["points_mm"], found["tetrahedra"], found["regions"])
        voxels = on_grid(solved, answer["density"], *grid)
        answer |= {"density_grid": voxels.values, "grid_mass_error": voxels.mass_error}
    return {**answer, **{name: np.array(number) for name, number in numbers.items()}}


def growth_sensitivity(
    mesh: Mesh,
    model: str,
    values: Mapping[str, float],
    *,
    days: Sequence[float],
    arrays: Arrays,
    events: Sequence[Event] = (),
    settings: Mapping[str, Any] | None = None,
    misfit: Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return a tumour's course, its misfit, and every derivative (docs/growth_adjoint.md).

    Raises as `grow`.

    Args:
        mesh, model, values, days, events: as of `grow`.
        arrays: as of `grow`, and ``observed_days``, ``observed_volume_ml``, ….
        settings: of the job kind "growth_sensitivity".
        misfit: takes (t, species, n) the densities on the report days, returns J and its slope of
            that shape; in place of what was seen.
    """
    from solvers.starting import prepare_process

    prepare_process()
    from solvers.growth_sensitivity import OUTPUTS, run

    given = {"edge_mm": 0.0, **(settings or {}), "days": tuple(days)}
    kind: Kind = "growth_sensitivity"
    job, everything = _job(
        mesh, model, values, arrays=arrays, settings=given, kind=kind, events=events
    )
    found, _ = run(job, everything, _nobody, misfit=misfit)
    of_mesh = {array.name for array in OUTPUTS if not array.shape.startswith("(members")}
    return {name: array if name in of_mesh else array[0] for name, array in found.items()}


def couple(
    mesh: Mesh,
    model: str,
    values: Mapping[str, float],
    *,
    days: Sequence[float],
    arrays: Arrays,
    events: Sequence[Event] = (),
    settings: Mapping[str, Any] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return the course of a tumour and of the tissue that it displaces (docs/coupling.md).

    Under ``mpiexec`` as `deform`. Raises as `grow`.

    Args:
        mesh, model, days, events: as of `grow`.
        values: parameter → value: of growth, of the tissue's law, ``swelling``, and
            ``slowing_per_kpa``; with ``@label`` of one region.
        arrays: as of `grow`, and supports and faces of loads as of `deform`.
        settings: of the job kind "coupled"; the mesh is refined only if ``edge_mm`` is given.
    """
    from solvers.starting import prepare_process

    prepare_process()
    from solvers.coupled import OUTPUTS, run

    given = {"edge_mm": 0.0, **(settings or {}), "days": tuple(days)}
    job, everything = _job(
        mesh, model, values, arrays=arrays, settings=given, kind="coupled", events=events
    )
    found, numbers = run(job, everything, _nobody)
    own = {array.name for array in OUTPUTS if array.shape.startswith("(members")}
    answer = {name: array[0] if name in own else array for name, array in found.items()}
    return {**answer, **{name: np.array(number) for name, number in numbers.items()}}


def write_job(
    folder: Path,
    mesh: Mesh,
    law: str,
    values: Mapping[str, float],
    *,
    arrays: Arrays,
    settings: Mapping[str, Any],
    kind: Kind = "deformation",
    events: Sequence[Event] = (),
) -> Job:
    """Write what `deform` would answer as a job into a folder, made if need be; return the job.

    Args:
        kind: "sensitivity" for what `sensitivity` would answer, "tumour" for what `grow` would:
            then `law` is the growth model, and `settings` hold its ``days``.
        events: of a tumour.

    Raises:
        OSError: it cannot be written.
    """
    job, everything = _job(
        mesh, law, values, arrays=arrays, settings=settings, kind=kind, events=events
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_arrays(folder / INPUT_FILE, everything)
    (folder / JOB_FILE).write_text(job.to_json(), encoding="utf-8")
    return job


def _job(
    mesh: Mesh,
    law: str,
    values: Mapping[str, float],
    *,
    arrays: Arrays,
    settings: Mapping[str, Any],
    kind: Kind = "deformation",
    events: Sequence[Event] = (),
) -> tuple[Job, dict[str, NDArray[Any]]]:
    everything: dict[str, NDArray[Any]] = {
        "points_mm": mesh.points_mm,
        "tetrahedra": mesh.cells,
        "regions": mesh.regions,
        **arrays,
    }
    hashes = {name: array_hash(array) for name, array in everything.items()}
    return Job(kind, law, (dict(values),), dict(settings), tuple(events), hashes), everything


def _nobody(_: Progress) -> None:
    """Tell nobody."""
