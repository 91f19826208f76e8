"""The job kind "coupled": a tumour that grows in tissue, displaces it, and is slowed by its stress.

The tissue is solved on the mesh as given, the tumour on that mesh or on a finer one made of it
(``edge_mm``). All fields are of the mesh as given (`solvers.coupling` says what that neglects).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers import deformation, growth_settings
from solvers.contract import Input, Job, Progress
from solvers.coupled_question import (
    COUPLING,
    GROWN,
    PARAMETERS,
    SETTINGS,
    CoupledQuestion,
    coupled_question,
)
from solvers.coupling import Coupled, Coupling, coupling_days
from solvers.course import Course
from solvers.failures import BadInput, NotConverged
from solvers.growing import GrowingTissue, von_mises_of
from solvers.nested import Nested
from solvers.organ import Organ
from solvers.swelling import SMALLEST_VOLUME
from solvers.tetrahedra import volume_above_mm3, volumes_mm3
from solvers.timeline import timeline

__all__ = ["INPUTS", "OUTPUTS", "PARAMETERS", "SETTINGS", "run"]
Arrays = Mapping[str, NDArray[Any]]
Answer = dict[str, NDArray[Any]]
MOST_NUMBERS: Final = 500_000_000
"""In the output arrays of a job: 2 GB."""
INPUTS: Final = tuple({a.name: a for a in (*growth_settings.INPUTS, *deformation.INPUTS)}.values())
OUTPUTS: Final = (
    Input("days", "(t,)", "float64", "day", "report days: the state before that day's events"),
    Input("mass_ml", "(members, t)", "float64", "mL", "integral of the density over the mesh"),
    Input("volume_ml", "(members, t)", "float64", "mL", "of the mesh, seen as tumour"),
    Input("volume_now_ml", "(members, t)", "float64", "mL", "that tissue's volume as displaced"),
    Input("displacement_mm", "(members, t, n, 3)", "float32", "mm", "of each node"),
    Input("pressure_kpa", "(members, t, m)", "float32", "kPa", "minus the cell's mean stress"),
    Input("von_mises_kpa", "(members, t, m)", "float32", "kPa", "of the cell's mean stress"),
    Input("volume_ratio", "(members, t, m)", "float32", "1", "volume now over that of the mesh"),
    Input("density", "(members, t, n2)", "float32", "1", "of the tumour, all species"),
    Input("points_mm", "(n2, 3)", "float64", "mm", "nodes of the tumour's mesh, LPS"),
    Input("tetrahedra", "(m2, 4)", "int32", "1", "its cells"),
    Input("regions", "(m2,)", "int32", "1", "their labels"),
)


def run(
    job: Job, arrays: Arrays, tell: Callable[[Progress], None]
) -> tuple[Answer, dict[str, float]]:
    """Return the output arrays and numbers of a coupled job, the same on every rank.

    Raises:
        BadInput: the job or an array cannot be used.
        NotConverged: naming the member and the day; keeps the last density that was good.
    """
    from mpi4py import MPI

    tell(Progress(0.0, "setting up the equations"))
    asked = coupled_question(job, arrays)
    part, count = asked.tissue, len(asked.swelling)
    _require_size(asked)
    asked.growth.edge_over_width()
    organ = Organ(part.mesh, part.laws, part.element, arrays, comm=MPI.COMM_WORLD)
    tissue, tumour = GrowingTissue(organ, part.laws), _Tumour(asked, MPI.COMM_WORLD)
    answers = []
    for number in range(count):
        tissue.begin(part.members[number], asked.swelling[number], part.numbers)
        try:
            answers.append(tumour.followed(number, tissue, _told(tell, number, count)))
        except NotConverged as error:
            raise NotConverged(f"member {number}: {error}", error.kept) from error
    outputs = {name: np.stack([answer[name] for answer in answers]) for name in answers[0]}
    mesh = asked.growth.ground.mesh
    outputs |= {"days": np.array(asked.growth.settings["days"], np.float64)}
    outputs |= {"points_mm": mesh.points_mm, "tetrahedra": mesh.cells, "regions": mesh.regions}
    return outputs, _numbers(tumour.course, tissue, outputs)


def _require_size(asked: CoupledQuestion) -> None:
    tissue, tumour = asked.tissue.mesh, asked.growth.ground.mesh
    each = 3 * (len(tissue.points_mm) + len(tissue.cells)) + len(tumour.points_mm)
    size = each * len(asked.growth.settings["days"]) * len(asked.swelling)
    if size > MOST_NUMBERS:
        raise BadInput(
            f"the answer would hold {size:.1e} numbers, {MOST_NUMBERS:.0e} are the most: report "
            "fewer days or members"
        )


class _Tumour:
    """The tumour's side of a job: its members, one after another, on one course."""

    def __init__(self, asked: CoupledQuestion, comm: Any) -> None:
        growth = asked.growth
        self._asked, self._reports = asked, growth.settings["days"]
        slowed = any(any(slowing.values()) for slowing in asked.slowing)
        longest = asked.settings[COUPLING.parameter.name] if slowed else np.inf
        self._days = coupling_days(self._reports, longest)
        step = growth.settings["step_days"]
        stops = timeline(self._days, growth.events, step)
        self.course = growth.course(comm).rescheduled(stops)
        ground = growth.ground
        self._nested = Nested(asked.tissue.mesh, ground.mesh, ground.parents)
        self._volumes = volumes_mm3(ground.mesh.points_mm, ground.mesh.cells)
        self._starts = [growth.start(number) for number in range(len(growth.numbers))]
        if asked.settings[GROWN.parameter.name]:
            self._require_room()

    def _require_room(self) -> None:
        """Tissue that shrinks below the mesh as a treatment empties it must keep some volume."""
        for number, (start, swelling) in enumerate(
            zip(self._starts, self._asked.swelling, strict=True)
        ):
            lost = float(start.sum(axis=0).max()) * max(swelling.values())
            if lost > 1.0 - SMALLEST_VOLUME:
                raise BadInput(
                    f"member {number}: with grown_at_start and a swelling of "
                    f"{max(swelling.values()):g} a treatment could take {lost:.0%} of the tissue's "
                    f"volume; choose a smaller swelling, or grown_at_start = 0"
                )

    def followed(self, number: int, tissue: GrowingTissue, tell: Callable[[float], None]) -> Answer:
        """Return the outputs of one member."""
        asked, start = self._asked, self._starts[number]
        regions, slowing = asked.tissue.mesh.regions, asked.slowing[number]
        coupling = Coupling(
            self.course,
            tissue,
            self._nested,
            days=self._days,
            slowing=np.select([regions == k for k in slowing], list(slowing.values()), 0.0),
            grown=bool(asked.settings[GROWN.parameter.name]),
        )
        told = []
        for found in coupling.march(asked.growth.member(self.course, number), start):
            day = self._days[found.index]
            tell(day / max(self._days[-1], 1e-300))
            if day in self._reports:
                told.append(self._told(found))
        return {name: np.stack([each[name] for each in told]) for name in told[0]}

    def _told(self, found: Coupled) -> Answer:
        terrain, density = found.terrain, found.species.sum(axis=0)
        local, kept = density[terrain.nodes], self._volumes[terrain.kept]
        ratio = self._nested.to_tumour(found.volume_ratio)[terrain.kept]
        amounts = {"mass_ml": float(terrain.volumes_mm3 @ local)}
        for name, volumes in (("volume_ml", kept), ("volume_now_ml", kept * ratio)):
            visible = self._asked.growth.settings["visible_density"]
            amounts[name] = volume_above_mm3(local, visible, terrain.cells, volumes)
        fields = {
            "density": density,
            "displacement_mm": found.displacement_mm,
            "pressure_kpa": -found.stress_kpa[:, :3].mean(axis=1),
            "von_mises_kpa": von_mises_of(found.stress_kpa),
            "volume_ratio": found.volume_ratio,
        }
        told: Answer = {name: np.array(1e-3 * amount) for name, amount in amounts.items()}
        return told | {name: field.astype(np.float32) for name, field in fields.items()}


def _told(tell: Callable[[Progress], None], member: int, members: int) -> Callable[[float], None]:
    def told(part: float) -> None:
        name = f"member {member + 1} of {members}, {part:.0%} of the days"
        tell(Progress((member + part) / (members + 0.1), name))

    return told


def _numbers(course: Course, tissue: GrowingTissue, outputs: Answer) -> dict[str, float]:
    fine = tissue.organ.fine
    return {
        "unknowns": float(fine.system.size),
        "balances": float(tissue.balances),
        "newton_steps": float(fine.newton.iterations),
        "linear_iterations": float(fine.newton.linear.steps),
        "diffusion_steps": float(sum(terrain.steps for terrain in course.terrains)),
        "displacement_largest_mm": float(np.linalg.norm(outputs["displacement_mm"], axis=-1).max()),
        "pressure_largest_kpa": float(outputs["pressure_kpa"].max()),
        "density_highest": float(outputs["density"].max()),
    }
