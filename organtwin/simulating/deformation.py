"""Deformation of an organ under gravity, pressure or a given displacement."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.content import encode, identity
from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import OrganMesh
from organtwin.core.simulation import Simulation
from organtwin.core.watch import Watch
from organtwin.organs import Organ
from organtwin.simulating.job import job_for
from organtwin.simulating.loads import Acting, Springs, job_parts
from organtwin.simulating.runner import Limits, run_job
from organtwin.simulating.supports import supports_of
from solvers.contract import Scalar

GRAVITY_MM_PER_S2: Final = 9806.65
"""Standard gravity (CGPM 1901)."""

PREVIEW: Final = "p1_p1"
"""The solvers' element of a preview; the accurate one is their default."""
LEFT_OUT: Final = ("displacement_at_times_mm",)
"""What a solver tells that no Simulation keeps."""


@dataclass(frozen=True, eq=False)
class Loads:
    """What acts on the organ, relative to the state it was scanned in.

    Args:
        gravity_mm_per_s2: change of the gravity vector, LPS (a patient scanned on the back who is
            turned on the left side: new minus old).
        pressure_kpa: on `pressure_faces`, positive pushes inward.
        pressure_faces: (f, 3) int32 node indices, triangles of the mesh's surface.
        prescribed_nodes: (k,) int32 nodes that move by `prescribed_mm` (k, 3), LPS mm.
        acting: springs, contacts and blood pressures (`organtwin.simulating.loads`); springs here
            replace those of the organ.
        contact_tolerance_mm: how deep a rigid thing may be in the tissue.
        density_g_per_ml: of the organ; 1.06 (liver, ICRP Publication 89, 2002: 1.05 to 1.06).
    """

    gravity_mm_per_s2: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pressure_kpa: float = 0.0
    pressure_faces: NDArray[np.int32] | None = None
    prescribed_nodes: NDArray[np.int32] | None = None
    prescribed_mm: NDArray[np.float64] | None = None
    acting: tuple[Acting, ...] = ()
    contact_tolerance_mm: float = 0.05
    density_g_per_ml: float = 1.06
    load_steps: int = 1


def turned_gravity(
    scanned: tuple[float, float, float], now: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return the change of gravity in mm/s² when "down" turns from one LPS direction to another.

    Raises:
        BadArgument: a direction of no length.
    """
    before, after = np.asarray(scanned, np.float64), np.asarray(now, np.float64)
    lengths = np.linalg.norm(before), np.linalg.norm(after)
    if min(lengths) == 0.0:
        raise BadArgument("a direction of gravity has no length", where="position")
    x, y, z = GRAVITY_MM_PER_S2 * (after / lengths[1] - before / lengths[0])
    return float(x), float(y), float(z)


def deformation_simulation(
    mesh: OrganMesh,
    organ: Organ,
    *,
    loads: Loads,
    folder: Path,
    watch: Watch,
    fixed_nodes: NDArray[np.int32] | None = None,
    law: str | None = None,
    law_values: Mapping[str, Mapping[str, float]] | None = None,
    limits: Limits | None = None,
    preview: bool = False,
) -> Simulation:
    """Deform an organ.

    Args:
        fixed_nodes: (k,) int32 nodes that stay. When None and no load is of springs, the organ is
            held by its own (`supports_of`).
        law: name of the tissue law; the organ's default when None.
        law_values: structure kind → parameter → value; the organ's own when None.
        preview: with the element that answers while somebody moves a slider, quickest when one
            process asks again and again about the same mesh (docs/mechanics.md).

    Returns:
        Simulation of kind "deformation", one member: every array that the solver tells
        (docs/results.md), displacement_mm (members, n, 3) LPS mm among them. A preview has no
        strains, stresses and energy of cells.

    Raises:
        BadArgument: a region whose kind has no values, or loads that do not fit the mesh.
        SolverFailed, Stopped, DiskFull: as `run_job`.
    """
    member = region_values(mesh, organ.law_values if law_values is None else law_values)
    arrays, settings = asked_of(mesh, organ, loads, fixed_nodes)
    if preview:
        settings = {**settings, "element": PREVIEW, "cell_fields": 0.0}
    job = job_for("deformation", law or organ.law, [member], arrays=arrays, settings=settings)
    answer = run_job(job, arrays, folder, watch, limits=limits)
    return Simulation(
        kind="deformation",
        structure="",
        job=job.id,
        job_json=job.to_json(),
        mesh=identity(encode(mesh)),
        days=np.zeros(0),
        fields={name: a for name, a in answer.arrays.items() if name not in LEFT_OUT},
        quantities={},
        numbers=answer.result.numbers,
        versions=answer.result.versions,
    )


def unloaded_mesh(
    mesh: OrganMesh,
    organ: Organ,
    *,
    loads: Loads,
    folder: Path,
    watch: Watch,
    fixed_nodes: NDArray[np.int32] | None = None,
    limits: Limits | None = None,
    preview: bool = False,
) -> OrganMesh:
    """Return the mesh as it would be without `loads`, those it was scanned under.

    Weight counts whole: `loads.gravity_mm_per_s2` is that of the scan. Springs are at rest on the
    mesh returned; give the same ones (`supports_of` the scanned mesh) when loading it again, and it
    comes back to the given one to 0.01 mm.

    Raises:
        BadArgument, SolverFailed, Stopped, DiskFull: as `deformation_simulation`.
    """
    arrays, settings = asked_of(mesh, organ, loads, fixed_nodes)
    member = region_values(mesh, organ.law_values)
    settings |= {"unload": 1.0} | ({"element": PREVIEW} if preview else {})
    job = job_for("deformation", organ.law, [member], arrays=arrays, settings=settings)
    answer = run_job(job, arrays, folder, watch, limits=limits)
    return dataclasses.replace(mesh, points=answer.arrays["unloaded_mm"][0])


def region_values(mesh: OrganMesh, values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return ``parameter@label`` → value for every region of a mesh.

    Args:
        values: structure kind → parameter → value, in the parameter's unit.

    Raises:
        BadArgument: a region's kind has no values.
    """
    member: dict[str, float] = {}
    for label in np.unique(mesh.regions):
        structure = next(s for s in mesh.structures if s.label == label)
        if structure.kind not in values:
            raise BadArgument(
                f"no tissue values for {structure.name} (kind {structure.kind})",
                where="deformation",
                advice="give law_values for this kind, or mesh without the structure",
            )
        for name, value in values[structure.kind].items():
            member[f"{name}@{label}"] = float(value)
    return member


def asked_of(
    mesh: OrganMesh, organ: Organ, loads: Loads, fixed: NDArray[np.int32] | None
) -> tuple[dict[str, NDArray[Any]], dict[str, Scalar | tuple[float, ...]]]:
    """Return the arrays and settings of a job, its supports among them."""
    acting = loads.acting
    if fixed is None and not any(isinstance(one, Springs) for one in acting):
        acting = (*supports_of(mesh, organ), *acting)
    arrays, settings = job_parts(acting, len(mesh.points))
    if fixed is not None:
        arrays["fixed_nodes"] = _indices(fixed, mesh)
    return {**arrays, **_arrays(mesh, loads)}, {
        **settings,
        "gravity_mm_per_s2": loads.gravity_mm_per_s2,
        "density_g_per_ml": loads.density_g_per_ml,
        "pressure_kpa": loads.pressure_kpa,
        "contact_tolerance_mm": loads.contact_tolerance_mm,
        "load_steps": loads.load_steps,
    }


def _arrays(mesh: OrganMesh, loads: Loads) -> dict[str, NDArray[Any]]:
    nodes, moves = loads.prescribed_nodes, loads.prescribed_mm
    if (nodes is None) != (moves is None):
        raise BadArgument("prescribed nodes and their displacements go together")
    if loads.pressure_kpa != 0.0 and loads.pressure_faces is None:
        raise BadArgument("a pressure needs the faces it acts on", where="deformation")
    arrays: dict[str, NDArray[Any]] = {
        "points_mm": mesh.points,
        "tetrahedra": mesh.tetrahedra,
        "regions": mesh.regions,
    }
    if nodes is not None and moves is not None:
        if np.shape(moves) != (len(nodes), 3):
            raise BadArgument("each prescribed node needs a displacement of three numbers")
        arrays["prescribed_nodes"] = _indices(nodes, mesh)
        arrays["prescribed_mm"] = np.asarray(moves, np.float64)
    if loads.pressure_faces is not None:
        arrays["pressure_faces"] = _indices(loads.pressure_faces, mesh)
    return arrays


def _indices(nodes: NDArray[Any], mesh: OrganMesh) -> NDArray[np.int32]:
    result = np.asarray(nodes, dtype=np.int32)
    if result.size == 0 or result.min() < 0 or result.max() >= len(mesh.points):
        raise BadArgument("node indices are empty or outside the mesh", where="deformation")
    return result
