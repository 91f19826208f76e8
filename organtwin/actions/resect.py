"""Cut along a plane and take away what lies beyond it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.actions import ActionKind, Effect
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.scenario import Action
from solvers.contract import Event, Parameter


def plane_distance_mm(
    points_mm: NDArray[np.float64], point_mm: NDArray[np.float64], normal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n,) the signed distance in mm of points (n, 3) to a plane, negative on the side
    its normal points to (the side that is removed).

    Raises:
        BadArgument: the normal has no length.
    """
    length = float(np.linalg.norm(normal))
    if length < 1e-9:
        raise BadArgument("a cutting plane needs a normal of some length", where="resect")
    result: NDArray[np.float64] = -(np.asarray(points_mm) - point_mm) @ (normal / length)
    return result


def _compile(action: Action, labels: LabelMap) -> Effect:
    del labels
    point_mm = np.array(action.arguments["point_mm"])
    normal = np.array(action.arguments["normal"])
    plane_distance_mm(point_mm[None], point_mm, normal)
    return Effect(
        events=(Event("remove_region", action.day, where="removed"),),
        signed_distance_mm=lambda points_mm: plane_distance_mm(points_mm, point_mm, normal),
        contact="cut",
    )


ACTION = ActionKind(
    "resect",
    "Resect along a plane",
    form=(
        Parameter(
            "point_mm", "mm", -2000.0, 2000.0, "a point of the cutting plane, LPS", "the plan"
        ),
        Parameter(
            "normal", "1", -1.0e3, 1.0e3, "direction toward the part removed, LPS", "the plan"
        ),
    ),
    vectors=frozenset({"point_mm", "normal"}),
    compile=_compile,
)
