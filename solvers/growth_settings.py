"""The settings and arrays of a tumour job, as ``describe`` tells them."""

from __future__ import annotations

from typing import Final

from solvers.contract import Input, Parameter
from solvers.growth_fields import TENSOR
from solvers.settings import Setting
from solvers.terrain import LINEAR_TOLERANCE

_HERE: Final = "choice of this solver"


def _setting(
    name: str, unit: str, low: float, high: float, *, meaning: str, usual: float
) -> Setting:
    return Setting(Parameter(name, unit, low, high, meaning, _HERE, usual))


SETTINGS: Final = (
    Setting(Parameter("days", "day", 0.0, 3650.0, "days to report, ascending", _HERE), 0),
    _setting("step_days", "day", 0.01, 10.0, meaning="longest time step", usual=2.0),
    _setting("visible_density", "1", 0.01, 0.95, meaning="density seen as tumour", usual=0.5),
    _setting(
        "edge_mm", "mm", 0.0, 20.0, meaning="longest edge near the tumour; 0: as given", usual=4.0
    ),
    _setting("refine_radius_mm", "mm", 0.0, 100.0, meaning="how far beyond it is near", usual=12.0),
    _setting("keep_members", "1", 0.0, 1.0, meaning="1: keep every member's field", usual=0.0),
    _setting(
        "time_tolerance",
        "1",
        0.0,
        0.1,
        meaning="steps adapt to this relative L2 error in time; 0: all as long as step_days allows",
        usual=0.0,
    ),
    _setting(
        "linear_tolerance",
        "1",
        1e-13,
        1e-4,
        meaning="residual of a linear solve over the mass",
        usual=LINEAR_TOLERANCE,
    ),
)
INPUTS: Final = (
    Input("points_mm", "(n, 3)", "float64", "mm", "nodes, LPS"),
    Input("tetrahedra", "(m, 4)", "int32", "1", "nodes of each cell"),
    Input("regions", "(m,)", "int32", "1", "label of each cell"),
    Input(
        "distance_mm",
        "(i, j, k)",
        "float32",
        "mm",
        "to the visible surface on day 0, inside < 0; or give density",
        False,
    ),
    Input("distance_affine", "(4, 4)", "float64", "mm", "index to LPS", False),
    Input(
        "density",
        "(n,) or (species, n)",
        "float64",
        "1",
        "on day 0, with edge_mm = 0; in place of distance_mm",
        False,
    ),
    Input("<parameter>", "(m,)", "float64", "its own", "a parameter cell by cell", False),
    Input(TENSOR, "(m, 6)", "float64", "1", "times D: xx, yy, zz, xy, xz, yz", False),
    Input(
        "<where>_mm",
        "(i, j, k)",
        "float32",
        "mm",
        "to the border an event names, inside < 0",
        False,
    ),
    Input("<where>_gy", "(i, j, k) or (n,)", "float32", "Gy", "dose an irradiation names", False),
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
    Input(
        "density@<species>",
        "(members, t, n2)",
        "float32",
        "1",
        "with keep_members = 1, of each species where there are several",
        False,
    ),
)
