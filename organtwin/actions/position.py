"""Turn the patient or insufflate the abdomen: other loads on the organ than during the scan."""

from __future__ import annotations

import numpy as np

from organtwin.actions import ActionKind, Effect
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.scenario import Action
from solvers.contract import Parameter

STANDARD_GRAVITY_MM_PER_S2 = 9806.65
"""Standard acceleration of free fall (3rd CGPM, 1901)."""


def _unit(
    name: str, vector: tuple[float, float, float]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    length = float(np.linalg.norm(vector))
    if length < 1e-9:
        raise BadArgument(f"{name} needs some length", where="position")
    return np.array(vector) / length


def _compile(action: Action, labels: LabelMap) -> Effect:
    del labels
    now = _unit("gravity", action.arguments["gravity"])
    before = _unit("gravity_at_scan", action.arguments["gravity_at_scan"])
    x, y, z = (float(c) for c in STANDARD_GRAVITY_MM_PER_S2 * (now - before))
    return Effect(
        loads={
            "gravity_mm_per_s2": (x, y, z),
            "pressure_kpa": float(action.arguments["pressure_kpa"]),
        }
    )


ACTION = ActionKind(
    "position",
    "Turn the patient",
    form=(
        Parameter("gravity", "1", -1.0e4, 1.0e4, "direction of gravity now, LPS", "the plan"),
        Parameter(
            "gravity_at_scan",
            "1",
            -1.0e4,
            1.0e4,
            "direction of gravity during the scan, LPS; lying on the back it is posterior",
            "the patient's position in the DICOM header",
        ),
        Parameter(
            "pressure_kpa",
            "kPa",
            -4.0,
            4.0,
            "pressure on the organ beyond that of the scan (pneumoperitoneum 12 mmHg: 1.6 kPa)",
            "the plan",
            0.0,
        ),
    ),
    vectors=frozenset({"gravity", "gravity_at_scan"}),
    vector_defaults={"gravity_at_scan": (0.0, 1.0, 0.0)},
    compile=_compile,
)
