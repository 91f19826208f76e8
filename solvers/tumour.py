"""Tumour growth on a mesh: Strang splitting of an exact reaction and a diffusion step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Event, Input, Job, Parameter, Progress
from solvers.course import Course
from solvers.failures import BadInput
from solvers.growth import growth_model
from solvers.meshfiles import distance_map, mesh_from
from solvers.moves import Member, diffusion_of
from solvers.refinement import Mesh, refined_near
from solvers.settings import Setting, checked_members, checked_settings
from solvers.tally import Tally
from solvers.tetrahedra import edge_pairs
from solvers.timeline import rates_of, timeline

FEWEST_CELLS: Final = 20
MOST_EDGE_OVER_WIDTH: Final = 12.0
"""Mean edge at the tumour's surface over √(D/ρ): beyond it the front's speed is the mesh's, not the
model's. Measured on an irregular bar over 120 days: speed within 1 % up to 6 (rho 0.02 to 0.05 per
day), 10 to 14 % too fast at 10; the error grows with rho times the time (54 % after 270 days)."""
MOST_NODES: Final = 400_000
_HERE: Final = "choice of this solver"

SETTINGS: Final = (
    Setting(Parameter("days", "day", 0.0, 3650.0, "days to report, ascending", _HERE), 0),
    Setting(Parameter("step_days", "day", 0.01, 10.0, "longest time step", _HERE, 2.0)),
    Setting(Parameter("visible_density", "1", 0.01, 0.95, "density seen as tumour", _HERE, 0.5)),
    Setting(Parameter("edge_mm", "mm", 0.3, 20.0, "longest edge near the tumour", _HERE, 4.0)),
    Setting(
        Parameter("refine_radius_mm", "mm", 0.0, 100.0, "how far beyond it is near", _HERE, 12.0)
    ),
    Setting(Parameter("keep_members", "1", 0.0, 1.0, "1: keep every member's field", _HERE, 0.0)),
)
INPUTS: Final = (
    Input("points_mm", "(n, 3)", "float64", "mm", "nodes, LPS"),
    Input("tetrahedra", "(m, 4)", "int32", "1", "nodes of each cell"),
    Input("regions", "(m,)", "int32", "1", "label of each cell"),
    Input(
        "distance_mm", "(i, j, k)", "float32", "mm", "to the visible surface on day 0, inside < 0"
    ),
    Input("distance_affine", "(4, 4)", "float64", "mm", "index to LPS"),
    Input(
        "<where>_mm",
        "(i, j, k)",
        "float32",
        "mm",
        "to the border an event names, inside < 0",
        False,
    ),
    Input("<where>_affine", "(4, 4)", "float64", "mm", "index to LPS", False),
)
OUTPUTS: Final = (
    Input("days", "(t,)", "float64", "day", "report days: the state before that day's events"),
    Input(
        "volume_ml", "(members, t)", "float64", "mL", "where the density exceeds visible_density"
    ),
    Input("mass_ml", "(members, t)", "float64", "mL", "integral of the density"),
    Input("points_mm", "(n2, 3)", "float64", "mm", "nodes of the refined mesh, LPS"),
    Input("tetrahedra", "(m2, 4)", "int32", "1", "its cells"),
    Input("regions", "(m2,)", "int32", "1", "their labels"),
    Input("density_mean", "(t, n2)", "float32", "1", "mean over the members"),
    Input(
        "visible_probability", "(t, n2)", "float32", "1", "share of members above visible_density"
    ),
    Input("density", "(members, t, n2)", "float32", "1", "with keep_members = 1", False),
)


def run(
    job: Job, arrays: Mapping[str, NDArray[Any]], tell: Callable[[Progress], None]
) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    """Return the output arrays and numbers of a tumour job.

    Raises:
        BadInput: the job or an array cannot be used, or the tumour is too small for the mesh.
        NotConverged: a member left the range of densities or a linear solve failed.
    """
    settings = checked_settings(job, SETTINGS)
    days, step, visible, edge, radius, keep = (settings[s.parameter.name] for s in SETTINGS)
    model = growth_model(job.model)
    members = checked_members(job, model.parameters)
    _refuse_events(job.events)
    stops = timeline(days, job.events, step)
    surface = distance_map(arrays, "distance")
    tell(Progress(0.0, "refining the mesh near the tumour"))
    coarse = mesh_from(arrays)
    mesh = refined_near(coarse, surface.at, edge_mm=edge, radius_mm=radius, most_nodes=MOST_NODES)
    distance = surface.at(mesh.points_mm)
    _require_resolved(mesh, distance)
    roughness = _edge_over_width(mesh, distance, edge, [model.front_width_mm(m) for m in members])
    borders = {event.where for event in job.events if event.where}
    inside = {where: distance_map(arrays, where).at(mesh.points_mm) for where in sorted(borders)}
    course = Course(mesh, stops, inside)
    factors, rates = course.factors(job.events), rates_of(job.events)
    tally = Tally(mesh, len(members), len(days), visible=visible, keep=bool(keep))
    for number, values in enumerate(members):
        tell(Progress((number + 0.5) / (len(members) + 1), f"member {number + 1}/{len(members)}"))
        member = Member(model, values, rates, diffusion_of(values), factors)
        for state in course.march(member, model.profile(distance, visible, values)):
            tally.add(number, state)
    outputs: dict[str, NDArray[Any]] = {
        "days": np.array(days, np.float64),
        "volume_ml": tally.volume_ml,
        "mass_ml": tally.mass_ml,
        "points_mm": mesh.points_mm,
        "tetrahedra": mesh.cells,
        "regions": mesh.regions,
        **tally.fields(),
    }
    numbers = _numbers(course, tally, len(coarse.points_mm))
    return outputs, {**numbers, "edge_over_front_width_largest": roughness}


def _refuse_events(events: Sequence[Event]) -> None:
    for event in events:
        if event.kind not in ("scale_density", "add_rate", "remove_region"):
            raise BadInput(f"a tumour job has no event {event.kind!r}")
        if event.kind == "remove_region" and not event.where:
            raise BadInput("remove_region needs `where`, the name of a distance map")
        if event.kind == "add_rate" and event.where:
            raise BadInput("add_rate acts everywhere: `where` must be empty")


def _require_resolved(mesh: Mesh, distance: NDArray[np.float64]) -> None:
    inside = int((distance[mesh.cells].mean(axis=1) < 0.0).sum())
    if inside < FEWEST_CELLS:
        raise BadInput(
            f"the tumour is not resolved: {inside} cells lie inside it, {FEWEST_CELLS} are needed; "
            "choose a smaller edge_mm, and check that the tumour lies inside the mesh"
        )


def _edge_over_width(
    mesh: Mesh, distance: NDArray[np.float64], edge_mm: float, widths_mm: Sequence[float]
) -> float:
    """The largest ratio of the mean edge at the surface to a member's front; BadInput beyond."""
    pairs = edge_pairs(mesh.cells)
    pairs = pairs[np.abs(distance[pairs]).min(axis=1) < edge_mm]
    lengths = np.linalg.norm(mesh.points_mm[pairs[:, 0]] - mesh.points_mm[pairs[:, 1]], axis=1)
    steepest = int(np.argmin(widths_mm))
    ratio = float(lengths.mean()) / widths_mm[steepest]
    if ratio > MOST_EDGE_OVER_WIDTH:
        raise BadInput(
            f"member {steepest}: its front is {widths_mm[steepest]:.3g} mm wide and the mesh's "
            f"edges there are {lengths.mean():.3g} mm, over {MOST_EDGE_OVER_WIDTH:.0f} times that; "
            "choose a smaller edge_mm or a larger diffusion"
        )
    return ratio


def _numbers(course: Course, tally: Tally, coarse_nodes: int) -> dict[str, float]:
    mesh = course.mesh
    terrains = course.terrains
    pairs = edge_pairs(mesh.cells)
    lengths = np.linalg.norm(mesh.points_mm[pairs[:, 0]] - mesh.points_mm[pairs[:, 1]], axis=1)
    return {
        "nodes": float(len(mesh.points_mm)),
        "nodes_before_refinement": float(coarse_nodes),
        "shortest_edge_mm": float(lengths.min()),
        "diffusion_steps": float(sum(terrain.steps for terrain in terrains)),
        "linear_iterations": float(sum(terrain.iterations for terrain in terrains)),
        "density_lowest": tally.lowest,
        "density_highest": tally.highest,
    }
