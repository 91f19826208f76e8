"""The job kind "growth_sensitivity": a tumour's course, its misfit to what was seen, all slopes.

Under ``mpiexec`` the members are dealt to the ranks, each with the whole mesh.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers import growth_observing
from solvers.contract import Input, Job, Parameter, Progress
from solvers.course import Course
from solvers.failures import NotConverged
from solvers.growth.model import DIFFUSION, PROLIFERATION
from solvers.growth_chain import VISIBLE, Chain
from solvers.growth_observing import Seen, seen_from
from solvers.growth_question import GrowthQuestion, growth_question
from solvers.growth_settings import INPUTS as OF_TUMOUR
from solvers.growth_settings import SETTINGS as OF_COURSE
from solvers.moves import Member, Report
from solvers.retracing import KEPT_MB, TOLERANCE, Misfit, retraced
from solvers.settings import Setting, checked_settings

Arrays = Mapping[str, NDArray[Any]]
Reals = NDArray[np.float64]
_HERE: Final = "choice of this solver"
KEPT: Final = Setting(
    Parameter(
        "kept_mb", "MB", 1.0, 1e6, "memory for states on the way back; less takes longer", _HERE,
        KEPT_MB,
    )
)  # fmt: skip
BY_CELL: Final = Setting(
    Parameter("slopes_by_cell", "1", 0.0, 1.0, "1: by D and ρ of each cell, too", _HERE, 0.0)
)
_OF_ITSELF: Final = ("keep_members", "time_tolerance")
SETTINGS: Final = (
    *(
        dataclasses.replace(s, parameter=dataclasses.replace(s.parameter, default=TOLERANCE))
        if s.parameter.name == "linear_tolerance"
        else s
        for s in OF_COURSE
        if s.parameter.name not in _OF_ITSELF
    ),
    KEPT,
    BY_CELL,
)
INPUTS: Final = (*OF_TUMOUR, *growth_observing.INPUTS)
OUTPUTS: Final = (
    Input("days", "(t,)", "float64", "day", "report days: the state before that day's events"),
    Input("points_mm", "(n, 3)", "float64", "mm", "nodes of the refined mesh, LPS"),
    Input("tetrahedra", "(m, 4)", "int32", "1", "its cells"),
    Input("regions", "(m,)", "int32", "1", "their labels"),
    Input("density", "(members, t, species, n)", "float64", "1", "the states"),
    Input("misfit", "(members,)", "float64", "1", "J, sum of (seen - modelled)²/(2 sd²)"),
    Input(
        "misfit_per_NUMBER", "(members,)", "float64", "1/unit",
        "slope of J for each number of the member, with @LABEL, and visible_density; (members, m) "
        "for a parameter that is an array",
    ),
    Input("misfit_per_density", "(members, species, n)", "float64", "1", "by that on day 0"),
    Input(
        "misfit_per_cell_PARAMETER", "(members, m)", "float64", "1/unit",
        "with slopes_by_cell = 1: diffusion and proliferation", False,
    ),
)  # fmt: skip


def run(
    job: Job,
    arrays: Arrays,
    tell: Callable[[Progress], None],
    *,
    misfit: Misfit | None = None,
) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    """Return the output arrays and numbers of a growth_sensitivity job; on every rank the same.

    Args:
        misfit: in place of that to what was seen.

    Raises:
        BadInput: the job or an array cannot be used.
        NotConverged: a member left the range of densities or a linear solve failed.
    """
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    settings = checked_settings(job, SETTINGS)
    asked = _asked(job, arrays, settings)
    asked.edge_over_width()
    own: dict[int, dict[str, Reals]] = {}
    for number in range(comm.rank, len(asked.numbers), comm.size):
        tell(Progress(number / len(asked.numbers), f"member {number + 1}/{len(asked.numbers)}"))
        try:
            own[number] = _answer(asked, number, job=job, arrays=arrays, misfit=misfit)
        except NotConverged as error:
            raise NotConverged(f"member {number}: {error}") from error
    told = {number: answer for part in comm.allgather(own) for number, answer in part.items()}
    mesh = asked.ground.mesh
    outputs: dict[str, NDArray[Any]] = {
        "days": np.array(settings["days"], np.float64),
        "points_mm": mesh.points_mm,
        "tetrahedra": mesh.cells,
        "regions": mesh.regions,
    }
    outputs |= {name: np.stack([told[k][name] for k in sorted(told)]) for name in told[0]}
    return outputs, {"nodes": float(len(mesh.points_mm))}


def _asked(job: Job, arrays: Arrays, settings: Mapping[str, Any]) -> GrowthQuestion:
    """The course the job asks for, with D by cell where its slopes are wanted so."""
    known = {setting.parameter.name for setting in OF_COURSE}
    plain = {name: value for name, value in settings.items() if name in known}
    asked = growth_question(dataclasses.replace(job, settings=plain), arrays)
    if settings[BY_CELL.parameter.name]:
        cells = len(asked.ground.mesh.cells)
        asked = dataclasses.replace(
            asked,
            numbers=tuple(
                dataclasses.replace(one, diffusivity=np.full(cells, one.diffusivity))
                if isinstance(one.diffusivity, float) and DIFFUSION.name in one.nodal
                else one
                for one in asked.numbers
            ),
        )
    return dataclasses.replace(asked, settings={**asked.settings, **settings})


def _answer(
    asked: GrowthQuestion, number: int, *, job: Job, arrays: Arrays, misfit: Misfit | None
) -> dict[str, Reals]:
    course = asked.course()
    member = asked.member(course, number)
    seen = None
    if misfit is None:
        seen = _seen(asked, course, member, arrays)
        misfit = seen.misfit
    found = retraced(
        course,
        member,
        asked.start(number),
        misfit,
        kept_mb=asked.settings[KEPT.parameter.name],
    )
    chain = Chain(asked, course, number, job.members[number])
    slopes = {f"misfit_per_{name}": slope for name, slope in chain.slopes(found).items()}
    slopes[f"misfit_per_{VISIBLE}"] = np.asarray(
        (seen.by_visible(found.states) if seen else 0.0) + chain.by_visible(found)
    )
    if asked.settings[BY_CELL.parameter.name]:
        for parameter in (DIFFUSION, PROLIFERATION):
            if parameter.name in asked.numbers[number].nodal:
                by_cell = chain.by_cell(parameter.name, found)
                slopes[f"misfit_per_cell_{parameter.name}"] = by_cell
    return {
        "density": found.states,
        "misfit": np.asarray(found.misfit),
        "misfit_per_density": found.start,
        **slopes,
    }


def _seen(asked: GrowthQuestion, course: Course, member: Member, arrays: Arrays) -> Seen:
    moves = course.moves(member)
    return seen_from(
        arrays,
        asked.ground.mesh,
        days=asked.settings["days"],
        visible=asked.settings[VISIBLE],
        terrains={move.index: move.terrain for move in moves if isinstance(move, Report)},
    )
