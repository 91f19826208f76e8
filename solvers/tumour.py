"""Tumour growth on a mesh: Strang splitting of an exact reaction and a diffusion step.

Under ``mpiexec`` the members are dealt to the ranks, each with the whole mesh; where there are
fewer members than ranks, the nodes of the mesh are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Job, Progress
from solvers.course import Course
from solvers.failures import NotConverged
from solvers.growth_question import GrowthQuestion, growth_question
from solvers.growth_settings import INPUTS, OUTPUTS, SETTINGS
from solvers.refinement import Mesh
from solvers.scheduling import pilot_of, scheduled
from solvers.tally import Tally
from solvers.tetrahedra import edge_pairs

__all__ = ["INPUTS", "OUTPUTS", "SETTINGS", "run"]
Tell = Callable[[Progress], None]
Answer = tuple[dict[str, NDArray[Any]], dict[str, float]]


def run(job: Job, arrays: Mapping[str, NDArray[Any]], tell: Tell) -> Answer:
    """Return the output arrays and numbers of a tumour job; on every rank the same.

    Raises:
        BadInput: the job or an array cannot be used, or the tumour is too small for the mesh.
        NotConverged: a member left the range of densities or a linear solve failed.
    """
    from mpi4py import MPI

    tell(Progress(0.0, "refining the mesh near the tumour"))
    asked = growth_question(job, arrays)
    try:
        return _answered(asked, tell, MPI.COMM_WORLD)
    except NotConverged as error:
        if error.kept:
            error.kept |= _mesh_arrays(asked.ground.mesh)
        raise


def _answered(asked: GrowthQuestion, tell: Tell, comm: Any) -> Answer:
    roughness = asked.edge_over_width()
    mesh, count = asked.ground.mesh, len(asked.numbers)
    dealt = count >= comm.size
    course, told = _course(asked, None if dealt else comm)
    mine = range(comm.rank, count, comm.size) if dealt else range(count)
    days = asked.settings["days"]
    tally = Tally(
        mesh,
        (count, len(days)),
        species=asked.model.species,
        visible=asked.settings["visible_density"],
        keep=bool(asked.settings["keep_members"]),
    )
    for number in mine:
        tell(Progress((number + 0.5) / (count + 1), f"member {number + 1}/{count}"))
        for state in course.march(asked.member(course, number), asked.start(number)):
            tally.add(number, state)
    spent = _spent(course)
    if dealt:
        tally.join(comm)
        spent = {name: float(comm.allreduce(value)) for name, value in spent.items()}
    outputs: dict[str, NDArray[Any]] = {
        "days": np.array(days, np.float64),
        "volume_ml": tally.volume_ml,
        "mass_ml": tally.mass_ml,
        **_mesh_arrays(mesh),
        **tally.fields(),
    }
    numbers = _numbers(asked, tally) | spent | told
    return outputs, numbers | {"edge_over_front_width_largest": roughness}


def _course(asked: GrowthQuestion, comm: Any) -> tuple[Course, dict[str, float]]:
    """The course of all members, in steps that keep to the tolerance in time, and its error."""
    course, tolerance = asked.course(comm), asked.settings["time_tolerance"]
    if not tolerance:
        return course, {}
    members = [asked.member(course, number) for number in range(len(asked.numbers))]
    pilot = pilot_of(members)
    schedule = scheduled(course, members[pilot], asked.start(pilot), tolerance=tolerance)
    return course.rescheduled(schedule.stops), {"time_error": schedule.error}


def _mesh_arrays(mesh: Mesh) -> dict[str, NDArray[Any]]:
    return {"points_mm": mesh.points_mm, "tetrahedra": mesh.cells, "regions": mesh.regions}


def _spent(course: Course) -> dict[str, float]:
    terrains = course.terrains
    return {
        "diffusion_steps": float(sum(terrain.steps for terrain in terrains)),
        "linear_iterations": float(sum(terrain.iterations for terrain in terrains)),
        "mass_moved_by_limiter_ml": 1e-3 * sum(terrain.moved_mm3 for terrain in terrains),
        "mass_leak_mended": sum(terrain.mended for terrain in terrains),
    }


def _numbers(asked: GrowthQuestion, tally: Tally) -> dict[str, float]:
    mesh = asked.ground.mesh
    pairs = edge_pairs(mesh.cells)
    lengths = np.linalg.norm(mesh.points_mm[pairs[:, 0]] - mesh.points_mm[pairs[:, 1]], axis=1)
    return {
        "nodes": float(len(mesh.points_mm)),
        "nodes_before_refinement": float(asked.ground.coarse_nodes),
        "shortest_edge_mm": float(lengths.min()),
        "density_lowest": tally.lowest,
        "density_highest": tally.highest,
    }
