"""What a tumour job asks, checked before anything is solved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Event, Job
from solvers.course import Course
from solvers.dose import dose_at
from solvers.failures import BadInput
from solvers.growth import Growth, growth_model
from solvers.growth.clones import with_clones
from solvers.growth_fields import TENSOR, Fields, Numbers, start_from, tensor_from
from solvers.growth_settings import SETTINGS
from solvers.meshfiles import distance_map, mesh_from
from solvers.moves import Member
from solvers.refinement import Mesh, refined_near
from solvers.settings import checked_settings
from solvers.tetrahedra import edge_pairs
from solvers.timeline import Stop, timeline
from solvers.treatments import agents_of, asked_of_members, check_treatments

Reals = NDArray[np.float64]
Arrays = Mapping[str, NDArray[Any]]
FEWEST_CELLS: Final = 20
MOST_EDGE_OVER_WIDTH: Final = 12.0
"""Mean edge at the tumour's surface over √(D/ρ): beyond it the front's speed is the mesh's, not the
model's. Measured on an irregular bar over 120 days: speed within 1 % up to 6 (rho 0.02 to 0.05 per
day), 10 to 14 % too fast at 10; the error grows with rho times the time (54 % after 270 days)."""
SHORTEST_EDGE_MM: Final = 0.3
MOST_NODES: Final = 400_000
STEEP: Final = 0.02
"""Edges over which a density given at the nodes changes by more than this are its front's."""


@dataclass(frozen=True, eq=False)
class Ground:
    """The mesh a job is solved on, and how the tumour lies in it.

    Args:
        mesh: refined near the tumour if that is asked.
        parents: (m,) the cell of the job's mesh that each cell comes from.
        distance_mm: (n,) signed distance to the visible surface on day 0, or None.
        density: (n,) or (species, n) on day 0, or None: one of the two is there.
        coarse_nodes: of the mesh as given.
    """

    mesh: Mesh
    parents: NDArray[np.int32]
    distance_mm: Reals | None
    density: Reals | None
    coarse_nodes: int


@dataclass(frozen=True, eq=False)
class GrowthQuestion:
    """A tumour job on the mesh it is solved on.

    Args:
        settings: by name, complete.
        model: with a clone for each drug that is resisted.
        ground: where it grows.
        numbers: of each member.
        events, stops: what happens, and when.
        inside: ``where`` → (n,) signed distance in mm, negative inside.
        doses_gy: ``where`` → (n,) Gy.
        tensor: (m, 6) times D, or None.
    """

    settings: Mapping[str, Any]
    model: Growth
    ground: Ground
    numbers: tuple[Numbers, ...]
    events: tuple[Event, ...]
    stops: Sequence[Stop]
    inside: Mapping[str, Reals]
    doses_gy: Mapping[str, Reals]
    tensor: Reals | None

    def course(self, comm: Any = None) -> Course:
        """Return the course of all members; `comm`: of the ranks that share the nodes."""
        return Course(
            self.ground.mesh,
            self.stops,
            self.inside,
            tensor=self.tensor,
            comm=comm,
            tolerance=self.settings["linear_tolerance"],
        )

    def member(self, course: Course, number: int) -> Member:
        """Return one member on a course."""
        one = self.numbers[number]
        return course.member(
            self.model,
            one.nodal,
            self.events,
            diffusivity=one.diffusivity,
            doses_gy=self.doses_gy,
        )

    def start(self, number: int) -> Reals:
        """Return (species, n) of one member on day 0."""
        start: Reals = self.started(self.numbers[number].nodal, self.settings["visible_density"])
        return start

    def started(self, nodal: Mapping[str, Any], visible: Any) -> Any:
        """Return (species, n) on day 0 for these values at the nodes and visible density."""
        density = self.ground.density
        if density is not None and density.ndim == 2:
            return density
        if density is None:
            density = self.model.profile(self.ground.distance_mm, visible, nodal)
        return self.model.started(density, nodal)

    def edge_over_width(self) -> float:
        """Return the largest ratio of the mean edge at the front to a member's front.

        Raises:
            BadInput: it is over `MOST_EDGE_OVER_WIDTH`.
        """
        pairs, mesh = self._front(), self.ground.mesh
        if not len(pairs):
            return 0.0
        ends = mesh.points_mm[pairs]
        length = float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1).mean())
        fronts = [self.model.front_width_mm(one.nodal) for one in self.numbers]
        widths = [float(np.min(w[pairs] if np.ndim(w) else w)) for w in fronts]
        steepest = int(np.argmin(widths))
        ratio = length / widths[steepest]
        if ratio > MOST_EDGE_OVER_WIDTH:
            raise BadInput(
                f"member {steepest}: its front is {widths[steepest]:.3g} mm wide and the mesh's "
                f"edges there are {length:.3g} mm, over {MOST_EDGE_OVER_WIDTH:.0f} times that; "
                "choose a smaller edge_mm or a larger diffusion"
            )
        return ratio

    def _front(self) -> NDArray[np.int32]:
        """(p, 2) the ends of edges at the tumour's border on day 0."""
        pairs, ground = edge_pairs(self.ground.mesh.cells), self.ground
        if ground.distance_mm is not None:
            near = np.abs(ground.distance_mm[pairs]).min(axis=1)
            return np.asarray(pairs[near < (self.settings["edge_mm"] or 4.0)])
        total = np.atleast_2d(self.start(0)).sum(axis=0)
        return pairs[np.abs(np.diff(total[pairs], axis=1)[:, 0]) > STEEP]


def growth_question(job: Job, arrays: Arrays) -> GrowthQuestion:
    """Return what a tumour job asks.

    Raises:
        BadInput: the job or an array cannot be used, or the tumour is too small for the mesh.
    """
    settings = checked_settings(job, SETTINGS)
    check_treatments(job.events)
    stops = timeline(settings["days"], job.events, settings["step_days"])
    model = growth_model(job.model)
    parameters = (*model.parameters, *asked_of_members(job.events))
    names = {TENSOR, *(parameter.name for parameter in parameters)} & set(arrays)
    coarse = mesh_from(arrays)
    numbers = Fields(coarse, arrays, parameters).members(job)
    tensor_from(arrays, coarse)
    model = with_clones(model, _resisted(job.events, numbers))
    ground = _ground(coarse, arrays, settings, model)
    if ground.mesh is not coarse:
        arrays = {**arrays, **{name: arrays[name][ground.parents] for name in names}}
        numbers = Fields(ground.mesh, arrays, parameters).members(job)
    points = ground.mesh.points_mm
    cuts, rays = (
        sorted({e.where for e in job.events if e.where and (e.kind == "irradiate") == ray})
        for ray in (False, True)
    )
    return GrowthQuestion(
        settings=settings,
        model=model,
        ground=ground,
        numbers=numbers,
        events=tuple(job.events),
        stops=stops,
        inside={where: distance_map(arrays, where).at(points) for where in cuts},
        doses_gy={where: dose_at(arrays, where, points) for where in rays},
        tensor=tensor_from(arrays, ground.mesh),
    )


def _resisted(events: Sequence[Event], numbers: Sequence[Numbers]) -> tuple[str, ...]:
    """The drugs that some cells of some member resist."""
    return tuple(
        agent
        for agent in agents_of(events)
        if any(np.any(one.nodal[f"resistant_fraction@{agent}"]) for one in numbers)
    )


def _ground(coarse: Mesh, arrays: Arrays, settings: Mapping[str, Any], model: Growth) -> Ground:
    size, edge = len(coarse.points_mm), settings["edge_mm"]
    cells = np.arange(len(coarse.cells), dtype=np.int32)
    density = start_from(arrays, model, size)
    if density is not None:
        if edge:
            raise BadInput("density is given at the nodes of this mesh: give edge_mm = 0 with it")
        return Ground(coarse, cells, None, density, size)
    surface = distance_map(arrays, "distance")
    mesh, parents = coarse, cells
    if edge:
        if edge < SHORTEST_EDGE_MM:
            raise BadInput(f"edge_mm is 0, or {SHORTEST_EDGE_MM} at least")
        numbered = Mesh(coarse.points_mm, coarse.cells, cells)
        fine = refined_near(
            numbered,
            surface.at,
            edge_mm=edge,
            radius_mm=settings["refine_radius_mm"],
            most_nodes=MOST_NODES,
        )
        if fine is not numbered:
            parents = fine.regions
            mesh = Mesh(fine.points_mm, fine.cells, coarse.regions[parents])
    distance = surface.at(mesh.points_mm)
    _require_resolved(mesh, distance)
    return Ground(mesh, parents, distance, None, size)


def _require_resolved(mesh: Mesh, distance: Reals) -> None:
    if distance.min() > 0.0:
        raise BadInput(
            f"the tumour lies outside the organ: {distance.min():.1f} mm from its nearest node; "
            "are the mesh and distance_mm in the same frame (LPS mm)?"
        )
    inside = int((distance[mesh.cells].mean(axis=1) < 0.0).sum())
    if inside < FEWEST_CELLS:
        raise BadInput(
            f"the tumour is not resolved: {inside} cells lie inside it, {FEWEST_CELLS} are needed; "
            "choose a smaller edge_mm, and check that the tumour lies inside the mesh"
        )
