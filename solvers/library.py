"""Tissue mechanics from Python: a mesh and numbers in, displacements out; or a job folder of them.

::

    mesh = read_vtu("liver.vtu")
    answer = deform(mesh, "neo_hookean", {"shear_modulus_kpa@1": 2.0, …}, arrays={…}, settings={…})
    write_job(folder, mesh, "neo_hookean", …)    the same for ``python -m solvers run FOLDER``

What laws, settings and arrays there are is told by ``python -m solvers describe``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract import INPUT_FILE, JOB_FILE, Job, Kind, Progress
from solvers.meshfiles import array_hash, write_arrays
from solvers.refinement import Mesh
from solvers.vtu import read_vtu

__all__ = ["Mesh", "deform", "read_vtu", "sensitivity", "write_job"]

Arrays = Mapping[str, NDArray[Any]]


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


def write_job(
    folder: Path,
    mesh: Mesh,
    law: str,
    values: Mapping[str, float],
    *,
    arrays: Arrays,
    settings: Mapping[str, Any],
    kind: Kind = "deformation",
) -> Job:
    """Write what `deform` would answer as a job into a folder, made if need be; return the job.

    Args:
        kind: "sensitivity" for what `sensitivity` would answer.

    Raises:
        OSError: it cannot be written.
    """
    job, everything = _job(mesh, law, values, arrays=arrays, settings=settings, kind=kind)
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
) -> tuple[Job, dict[str, NDArray[Any]]]:
    everything: dict[str, NDArray[Any]] = {
        "points_mm": mesh.points_mm,
        "tetrahedra": mesh.cells,
        "regions": mesh.regions,
        **arrays,
    }
    hashes = {name: array_hash(array) for name, array in everything.items()}
    return Job(kind, law, (dict(values),), dict(settings), (), hashes), everything


def _nobody(_: Progress) -> None:
    """Tell nobody."""
