"""The job kind "sensitivity": a deformation, its misfit to what was seen, and all derivatives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers import observing
from solvers.adjoint import TOLERANCE, Adjoint
from solvers.contract import ContractError, Input, Job, Parameter, Progress
from solvers.deformation import INPUTS as OF_DEFORMATION
from solvers.deformation import SETTINGS as ALL_SETTINGS
from solvers.deformation import STEPS, UNLOAD
from solvers.failures import BadInput, NotConverged
from solvers.load_history import TIMES_S
from solvers.newton import TOLERANCE as OF_NEWTON
from solvers.observing import observed
from solvers.organ import Organ
from solvers.question import Question, question
from solvers.settings import Setting

Arrays = Mapping[str, NDArray[Any]]
Reals = NDArray[np.float64]
Misfit = Callable[[Reals], tuple[float, Reals]]
"""J and its slope (n, 3) per mm, of the displacement (n, 3) mm of the mesh's nodes."""

RESIDUAL: Final = Setting(
    Parameter(
        "residual_tolerance",
        "1",
        1e-11,
        1e-3,
        "residual of the answer over that of the loads at rest; derivatives err by about as much",
        "choice of this solver",
        OF_NEWTON,
    )
)
CHANGES: Final = "changes"
"""The setting that names numbers, with blanks between: how the points seen move with each."""
_WITHOUT_TIME: Final = (UNLOAD, TIMES_S)

SETTINGS: Final = (*ALL_SETTINGS, RESIDUAL)
INPUTS: Final = (*OF_DEFORMATION, *observing.INPUTS)
OUTPUTS: Final = (
    Input("displacement_mm", "(members, n, 3)", "float64", "mm", "of each node"),
    Input("modelled_mm", "(members, k, 3)", "float64", "mm", "displacement of the points seen"),
    Input("misfit", "(members,)", "float64", "1", "sum of |modelled - observed|²/(2 sd²)"),
    Input(
        "misfit_per_NUMBER",
        "(members,) or (members, 3)",
        "float64",
        "1/unit",
        "slope of the misfit, for each number of laws (with @LABEL) and loads",
    ),
    Input(
        "misfit_per_shear_modulus_kpa",
        "(members, m)",
        "float64",
        "1/kPa",
        "slope of the misfit for the shear modulus of each cell",
    ),
    Input(
        "misfit_per_prescribed_mm",
        "(members, k, 3)",
        "float64",
        "1/mm",
        "slope of the misfit for prescribed_mm",
        False,
    ),
    Input(
        "modelled_mm_per_NUMBER",
        "(members, k, 3) or (members, k, 3, 3)",
        "float64",
        "mm/unit",
        "slope of modelled_mm for each number that the setting changes names",
        False,
    ),
)


def run(
    job: Job,
    arrays: Arrays,
    tell: Callable[[Progress], None],
    *,
    organ_of: Callable[..., Organ] = Organ,
    misfit: Misfit | None = None,
) -> tuple[dict[str, NDArray[np.float64]], dict[str, float]]:
    """Return the output arrays and numbers of a sensitivity job, the same on every rank.

    Args:
        organ_of: makes the organ, or keeps one (`solvers.warm`).
        misfit: in place of that to ``observed_mm``; the points seen are then the mesh's nodes.

    Raises:
        BadInput: the job or an array cannot be used.
        NotConverged: a member could not be solved, naming the load it reached.
    """
    from mpi4py import MPI

    names, tolerance, plain = _own_settings(job)
    asked = question(plain, arrays, ALL_SETTINGS)
    for setting in _WITHOUT_TIME:
        if np.any(asked.numbers[setting.parameter.name]):
            raise BadInput(f"there are no derivatives with {setting.parameter.name}: leave it out")
    if misfit is None:
        seen = observed(arrays, asked.mesh)
        misfit, at = seen.misfit, seen.at
    else:
        at = sparse.eye_array(len(asked.mesh.points_mm), format="csr")
    tell(Progress(0.0, "setting up the equations"))
    organ = organ_of(asked.mesh, asked.laws, asked.element, arrays, comm=MPI.COMM_WORLD)
    wanted = _Wanted(misfit, at, names, tolerance, arrays.get("prescribed_nodes"))
    answers = []
    for number, values in enumerate(asked.members):
        tell(Progress(number / len(asked.members), f"member {number + 1}"))
        try:
            answers.append(_answer(organ, asked, values, wanted))
        except NotConverged as error:
            raise NotConverged(f"member {number}: {error}") from error
    outputs = {name: np.stack([a[name] for a in answers]) for name in answers[0]}
    return outputs, {
        "unknowns": float(organ.fine.system.size),
        "newton_steps": float(organ.fine.newton.iterations),
        "linear_iterations": float(organ.fine.newton.linear.steps),
    }


@dataclasses.dataclass(frozen=True, eq=False)
class _Wanted:
    """What to derive: the misfit, and at which points the displacement for which numbers."""

    misfit: Misfit
    at: sparse.csr_array
    names: tuple[str, ...]
    tolerance: float
    moved: NDArray[Any] | None


def _answer(
    organ: Organ, asked: Question, values: Any, wanted: _Wanted
) -> dict[str, NDArray[np.float64]]:
    steps = int(asked.numbers[STEPS.parameter.name])
    level = organ.solve(values, asked.numbers, steps=steps)
    if level.reference > 0.0:
        level.newton.solve(level.reference, wanted.tolerance)
    moved = level.displacement_mm()
    value, slope = wanted.misfit(moved)
    linear = min(TOLERANCE, wanted.tolerance)
    adjoint = Adjoint(organ, asked.laws)
    slopes = adjoint.gradients(slope, linear, supports=wanted.moved is not None)
    if wanted.moved is not None:
        slopes["prescribed_mm"] = slopes["prescribed_mm"][wanted.moved]
    changes = adjoint.changes(wanted.names, linear)
    return {
        "displacement_mm": moved,
        "modelled_mm": wanted.at @ moved,
        "misfit": np.asarray(value),
        **{f"misfit_per_{name}": np.asarray(slope) for name, slope in slopes.items()},
        **{f"modelled_mm_per_{name}": _at(wanted.at, change) for name, change in changes.items()},
    }


def _at(at: sparse.csr_array, change: Reals) -> Reals:
    """(k, 3, ...) of (n, 3, ...)."""
    flat = at @ change.reshape(len(change), -1)
    return np.asarray(flat).reshape(-1, *change.shape[1:])


def _own_settings(job: Job) -> tuple[tuple[str, ...], float, Job]:
    """The names to change, the tolerance, and the job without these settings."""
    settings = dict(job.settings)
    names = tuple(str(settings.pop(CHANGES, "")).split())
    given = settings.pop(RESIDUAL.parameter.name, RESIDUAL.parameter.default)
    if not isinstance(given, (int, float)):
        raise BadInput(f"{RESIDUAL.parameter.name}: {given!r} is not a number")
    try:
        tolerance = RESIDUAL.parameter.checked(float(given))
    except ContractError as error:
        raise BadInput(str(error)) from error
    return names, tolerance, dataclasses.replace(job, settings=settings)
