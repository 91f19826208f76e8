"""The job kind "deformation": tissue under loads, supports and prescribed displacements."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Input, Job, Parameter, Progress
from solvers.directions import INPUTS as DIRECTIONS
from solvers.failures import BadInput, NotConverged
from solvers.load_history import MOVED, LoadHistory, followed, load_history
from solvers.load_history import SETTINGS as OVER_TIME
from solvers.loads import loads
from solvers.organ import CONTACT_TOLERANCE, CONTACT_TOLERANCE_MM, Level, Organ
from solvers.outputs import FIELDS, LIMIT, answer, summary
from solvers.outputs import OUTPUTS as OF_BALANCE
from solvers.question import CELLS, question
from solvers.refinement import Mesh
from solvers.settings import Setting
from solvers.unloading import unloaded

Arrays = Mapping[str, NDArray[Any]]
STEPS: Final = Setting(
    Parameter("load_steps", "1", 1.0, 100.0, "steps to begin with", "choice of this solver", 1.0)
)
TOLERANCE: Final = Setting(
    Parameter(
        CONTACT_TOLERANCE,
        "mm",
        1e-4,
        1.0,
        "how deep a rigid surface may be in the tissue (root mean square over a face)",
        "choice of this solver",
        CONTACT_TOLERANCE_MM,
    )
)
UNLOAD: Final = Setting(
    Parameter(
        "unload",
        "1",
        0.0,
        1.0,
        "1: the mesh is what it is under the loads; its shape without them is found",
        "choice of this solver",
        0.0,
    )
)

SETTINGS: Final = (
    *(s for each in loads().values() for s in each.settings),
    STEPS,
    TOLERANCE,
    UNLOAD,
    FIELDS,
    LIMIT,
    *OVER_TIME,
)
INPUTS: Final = (
    Input("points_mm", "(n, 3)", "float64", "mm", "nodes, LPS"),
    Input("tetrahedra", "(m, 4)", "int32", "1", "nodes of each cell"),
    Input("regions", "(m,)", "int32", "1", "label of each cell"),
    Input("fixed_nodes", "(k,)", "int32", "1", "surface nodes that do not move", False),
    Input("prescribed_nodes", "(k,)", "int32", "1", "surface nodes moved as told", False),
    Input("prescribed_mm", "(k, 3)", "float64", "mm", "their displacement", False),
    *(each.faces for each in loads().values() if each.faces is not None),
    *(array for each in loads().values() for array in each.inputs),
    *DIRECTIONS,
    CELLS,
)
OUTPUTS: Final = (
    *OF_BALANCE,
    Input("unloaded_mm", "(members, n, 3)", "float64", "mm", "nodes without loads", False),
    MOVED,
)


def run(
    job: Job,
    arrays: Arrays,
    tell: Callable[[Progress], None],
    *,
    organ_of: Callable[..., Organ] = Organ,
) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    """Return the output arrays and numbers of a deformation job, the same on every rank.

    Args:
        organ_of: makes the organ, or keeps one (`solvers.warm`).

    Raises:
        BadInput: the job or an array cannot be used.
        NotConverged: a member could not be solved, naming the load it reached.
    """
    from mpi4py import MPI

    asked = question(job, arrays, SETTINGS)
    tell(Progress(0.0, "setting up the equations"))
    organ = organ_of(asked.mesh, asked.laws, asked.element, arrays, comm=MPI.COMM_WORLD)
    numbers, steps = asked.numbers, int(asked.numbers[STEPS.parameter.name])
    answers, fixed = [], arrays.get("fixed_nodes", np.empty(0, np.int32))
    for number, values in enumerate(asked.members):
        told = _told(tell, number, len(asked.members))
        told(0.0)
        try:
            level, at_rest, more = _solved(organ, values, numbers, steps=steps, tell=told)
            answers.append(answer(level, at_rest, fixed, numbers) | more)
        except NotConverged as error:
            raise NotConverged(f"member {number}: {error}") from error
    outputs = {name: np.stack([a[name] for a in answers]) for name in answers[0]}
    return outputs, {
        "unknowns": float(organ.fine.system.size),
        "newton_steps": float(organ.fine.newton.iterations),
        "linear_iterations": float(organ.fine.newton.linear.steps),
        **summary(outputs, sorted(asked.laws)),
    }


def _told(tell: Callable[[Progress], None], member: int, members: int) -> Callable[[float], None]:
    def told(part: float) -> None:
        name = f"member {member + 1} of {members}, {part:.0%} of the load"
        tell(Progress((member + part) / (members + 0.1), name))

    return told


def _solved(
    organ: Organ, values: Any, numbers: Mapping[str, Any], *, steps: int, tell: Any
) -> tuple[Level, Mesh, dict[str, NDArray[np.float64]]]:
    """The solved level, the mesh at rest, and what only some jobs ask for."""
    history = load_history(numbers, sorted(values))
    if history.times_s:
        return _over_time(organ, values, numbers, history=history, steps=steps, tell=tell)
    if not numbers[UNLOAD.parameter.name]:
        return organ.solve(values, numbers, steps=steps, tell=tell), organ.mesh, {}
    level, shape = unloaded(organ, values, numbers, steps=steps, tell=tell)
    return level, dataclasses.replace(organ.mesh, points_mm=shape), {"unloaded_mm": shape}


def _over_time(
    organ: Organ,
    values: Any,
    numbers: Mapping[str, Any],
    *,
    history: LoadHistory,
    steps: int,
    tell: Any,
) -> tuple[Level, Mesh, dict[str, NDArray[np.float64]]]:
    if numbers[UNLOAD.parameter.name]:
        raise BadInput("unload and times_s do not go together: the shape at rest knows no time")
    moved = [
        level.displacement_mm()
        for level in followed(organ, values, numbers, history=history, steps=steps, tell=tell)
    ]
    return organ.fine, organ.mesh, {MOVED.name: np.stack(moved)}
