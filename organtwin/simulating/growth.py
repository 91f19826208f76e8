"""Growth of one tumour for an ensemble of parameters, as one job in its own process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.content import encode, identity
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.organmesh import OrganMesh
from organtwin.core.parameter import Ensemble
from organtwin.core.simulation import Simulation
from organtwin.core.watch import Watch
from organtwin.organs import Organ
from organtwin.simulating.catalogue import catalogue
from organtwin.simulating.distance import DistanceGrid, distance_to
from organtwin.simulating.job import JobAnswer, job_for
from organtwin.simulating.runner import Limits, run_job
from solvers.contract import Event, Job, Scalar

FIELDS: Final = ("points_mm", "tetrahedra", "density_mean", "visible_probability", "density")
QUANTITIES: Final = ("volume_ml", "mass_ml")


@dataclass(frozen=True)
class Resolution:
    """How finely growth is solved.

    The defaults give V(t) / V(0) of tumours of 8 and 10 mm radius within 2 % of a mesh of 2.5 mm
    and steps of 2.5 days up to day 135, for D from 0.01 to 0.2 mm²/day and ρ from 0.01 to
    0.05 /day, at a sixth of the cost.

    Args:
        edge_mm: longest edge of the tetrahedra near the tumour.
        refine_radius_mm: how far beyond the visible surface of the start they are that small.
        step_days: longest time step.
        keep_members: keep the density of every member, not only mean and visible probability.
        limits: of time and memory for the job.
    """

    edge_mm: float = 4.0
    refine_radius_mm: float = 10.0
    step_days: float = 5.0
    keep_members: bool = False
    limits: Limits | None = None


@dataclass(frozen=True, eq=False)
class Treatment:
    """What happens to a tumour.

    Args:
        events: for the solver, day counted from the baseline visit.
        removed: signed distance to the border of the tissue that an event with where="removed"
            acts on, negative inside it.
    """

    events: tuple[Event, ...] = ()
    removed: DistanceGrid | None = None


def growth_simulation(
    mesh: OrganMesh,
    labels: LabelMap | NDArray[np.float64],
    structure: str,
    ensemble: Ensemble,
    *,
    organ: Organ,
    days: Sequence[float],
    folder: Path,
    watch: Watch,
    start_day: float = 0.0,
    treatment: Treatment | None = None,
    model: str | None = None,
    resolution: Resolution | None = None,
) -> Simulation:
    """Grow one tumour from its labelled shape, once for each member of an ensemble.

    Args:
        labels: where the tumour's visible surface is on `start_day`, in the mesh's frame: each
            member starts from its own front there, on a mesh refined near it. Or (n,) the density
            at the mesh's points, as `starting_density` has it: all start from that, on this mesh.
        structure: which tumour ("tumour-1").
        ensemble: a column for each parameter of the growth model, named as in the catalogue;
            other columns are left out.
        days: to report, days since the baseline visit, from `start_day` on.
        folder: where job folders are kept; a job asked for before is read, not run.
        start_day: the day `labels` show, days since the baseline visit.
        treatment: what happens to the tumour.
        model: name of the growth model; the organ's default when None.

    Returns:
        Simulation of kind "tumour": quantities volume_ml and mass_ml (members, t) in mL; fields on
        the refined mesh points_mm (n, 3) LPS mm, tetrahedra (m, 4), density_mean (t, n),
        visible_probability (t, n), with keep_members also density (members, t, n).

    Raises:
        BadArgument: days before the start, a parameter of the model has no column, or a start that
            is no density at the mesh's points.
        EmptyLabel: the tumour has no voxels.
        SolverFailed, Stopped, DiskFull: as `run_job`.
    """
    resolution, treatment = resolution or Resolution(), treatment or Treatment()
    asked = np.unique(np.asarray(days, dtype=np.float64))
    if len(asked) == 0 or asked[0] < start_day:
        raise BadArgument("days to report must not lie before the start", where="growth")
    by_front = isinstance(labels, LabelMap)
    arrays = _arrays(mesh, treatment.removed) | _start(labels, structure, mesh)
    name = model or organ.growth
    job = job_for(
        "tumour",
        name,
        _members(ensemble, name),
        arrays=arrays,
        settings=_settings(asked - start_day, organ, resolution, refined=by_front),
        events=[_moved(event, start_day) for event in treatment.events],
    )
    answer = run_job(job, arrays, folder, watch, limits=resolution.limits)
    return _simulation(job, answer, mesh=mesh, structure=structure, days=asked)


def _start(
    labels: LabelMap | NDArray[np.float64], structure: str, mesh: OrganMesh
) -> dict[str, NDArray[Any]]:
    if isinstance(labels, LabelMap):
        distance = distance_to(labels, structure)
        return {"distance_mm": distance.distance_mm, "distance_affine": distance.affine}
    if labels.shape != (len(mesh.points),) or not ((labels >= 0.0) & (labels <= 1.0)).all():
        raise BadArgument(
            f"a start is one density from 0 to 1 at each of {len(mesh.points)} points",
            where="growth",
        )
    return {"density": np.asarray(labels, np.float64)}


def _arrays(mesh: OrganMesh, removed: DistanceGrid | None) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        "points_mm": mesh.points,
        "tetrahedra": mesh.tetrahedra,
        "regions": mesh.regions,
    }
    if removed is not None:
        arrays |= {"removed_mm": removed.distance_mm, "removed_affine": removed.affine}
    return arrays


def _members(ensemble: Ensemble, model: str) -> list[dict[str, float]]:
    """What the model needs of each member; raises BadArgument when a column is missing."""
    needed = [p.name for p in catalogue().offer("tumour").model(model).parameters]
    missing = [name for name in needed if name not in ensemble.parameters]
    if missing:
        raise BadArgument(
            f"the growth model {model} needs {', '.join(missing)}",
            where="growth",
            advice="there are: " + ", ".join(ensemble.parameters),
        )
    return [{name: member[name] for name in needed} for member in ensemble.as_members()]


def _settings(
    days: NDArray[np.float64], organ: Organ, resolution: Resolution, *, refined: bool
) -> dict[str, Scalar | tuple[float, ...]]:
    return {
        "days": tuple(float(day) for day in days),
        "step_days": resolution.step_days,
        "visible_density": organ.visible_density,
        "edge_mm": resolution.edge_mm if refined else 0.0,
        "refine_radius_mm": resolution.refine_radius_mm,
        "keep_members": int(resolution.keep_members),
    }


def _moved(event: Event, start_day: float) -> Event:
    """The same event counted from the start of the job."""
    until = None if event.until_day is None else event.until_day - start_day
    return replace(event, day=event.day - start_day, until_day=until)


def _simulation(
    job: Job,
    answer: JobAnswer,
    *,
    mesh: OrganMesh,
    structure: str,
    days: NDArray[np.float64],
) -> Simulation:
    found = answer.arrays
    return Simulation(
        kind="tumour",
        structure=structure,
        job=job.id,
        job_json=job.to_json(),
        mesh=identity(encode(mesh)),
        days=days,
        fields={name: found[name] for name in FIELDS if name in found},
        quantities={name: np.asarray(found[name], np.float64) for name in QUANTITIES},
        numbers=answer.result.numbers,
        versions=answer.result.versions,
    )
