"""Pictures are drawn without a display; what is asked is where things stand and what colour."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from organtwin.core.errors import BadArgument
from organtwin.core.observation import Observation
from organtwin.core.parameter import Belief, Ensemble
from organtwin.core.simulation import Simulation
from organtwin.core.twin import Forecast
from organtwin.core.volume import GeometryReport, Volume
from organtwin.organs import Window, tumour
from organtwin.reporting import (
    Scene,
    Shape,
    beliefs,
    comparison_picture,
    pixels,
    png_bytes,
    render,
    slice_picture,
    timeline,
)
from organtwin.reporting.solids import border, cut_face, rod, split
from tests.phantoms import LIVER, ball, painted

FRONT = (0.0, -1.0, 0.0)


def globe(name: str, kind: str, radius: float, colour: tuple[float, float, float]) -> Shape:
    sphere = pv.Sphere(radius=radius, theta_resolution=60, phi_resolution=60)
    triangles = np.asarray(sphere.faces).reshape(-1, 4)[:, 1:]
    return Shape(name, kind, np.asarray(sphere.points), triangles, colour)


ORGAN = globe("liver", "organ", 50.0, (0.72, 0.32, 0.26))
TUMOUR = globe("tumour-1", "tumour", 12.0, (0.93, 0.76, 0.18))


def grid_of_plane(x_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Signed distance to what lies at greater x than a plane, on a 4 mm grid."""
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -64.0
    x = -64.0 + 4.0 * np.arange(33, dtype=np.float32)
    return np.broadcast_to((x_mm - x)[:, None, None], (33, 33, 33)).copy(order="F"), affine


CUT = Scene("cut", (ORGAN, TUMOUR), grid_of_plane(20.0), "cut", lines=("one line",))


def test_that_a_picture_has_the_size_asked_for_and_white_corners() -> None:
    image = render(Scene("whole", (ORGAN, TUMOUR)), width_px=160, height_px=120, view_from=FRONT)
    assert image.shape == (120, 160, 3)
    assert image.dtype == np.uint8
    assert (image[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()


def test_that_the_tumour_shines_through_the_organ() -> None:
    """Yellow in the middle (blue far below red), pink beside it."""
    image = render(Scene("whole", (ORGAN, TUMOUR)), width_px=160, height_px=160, view_from=FRONT)
    middle, beside = image[80, 80].astype(int), image[80, 35].astype(int)
    assert middle[0] - middle[2] > 60
    assert 5 < beside[0] - beside[2] < 60


def test_that_the_part_removed_is_grey_and_what_stays_is_not() -> None:
    """From the front, greater x (patient's left) is at the right of the picture."""
    image = render(CUT, width_px=200, height_px=200, view_from=FRONT).astype(int)
    stays, gone = image[100, 40], image[100, 163]
    assert stays[0] - stays[2] > 8
    assert abs(gone[0] - gone[2]) <= 8
    assert gone.max() < 252


def test_that_trimming_cuts_the_white_border_off() -> None:
    image = render(
        Scene("whole", (ORGAN,)), width_px=300, height_px=150, view_from=FRONT, trim=True
    )
    assert image.shape[1] < 230


def test_that_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(BadArgument, match="surface"):
        render(Scene("empty", ()))


def test_that_side_by_side_is_as_wide_as_asked() -> None:
    scenes = [CUT, Scene("wait", (ORGAN, TUMOUR), lines=("a", "b"))]
    image = comparison_picture(scenes, width_px=600)
    assert image.shape[1] == 600
    assert image.std() > 10


def test_that_comparing_nothing_is_refused() -> None:
    with pytest.raises(BadArgument):
        comparison_picture([])


def test_that_the_cut_face_of_a_ball_is_its_disc() -> None:
    """Plane at x = 20 through a ball of 50: disc of radius √(50² - 20²), area π 2100 mm²."""
    face = cut_face(ORGAN, CUT.removed)  # type: ignore[arg-type]
    assert face is not None
    assert face.area == pytest.approx(np.pi * 2100, rel=0.01)
    assert np.abs(face.points[:, 0] - 20.0).max() < 0.1


def test_that_a_plane_beside_the_organ_leaves_no_face() -> None:
    assert cut_face(ORGAN, grid_of_plane(60.0)) is None


def test_that_a_split_surface_keeps_its_area() -> None:
    kept, taken = split(ORGAN, CUT.removed)
    assert taken is not None
    assert kept.area + taken.area == pytest.approx(4 * np.pi * 2500, rel=0.005)


def test_that_a_zone_s_surface_lies_where_its_distance_is_zero() -> None:
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -30.0
    index = np.stack(np.meshgrid(*[np.arange(31)] * 3, indexing="ij"), axis=-1)
    distance = np.linalg.norm(index * 2.0 - 30.0, axis=-1) - 15.0
    surface = border((distance.astype(np.float32), affine))
    assert np.abs(np.linalg.norm(surface.points, axis=1) - 15.0).max() < 0.1


def test_that_a_probe_reaches_from_beyond_its_entry_to_its_target() -> None:
    shaft = rod((0.0, 0.0, 60.0), (0.0, 0.0, 10.0))
    assert shaft.bounds[4:] == pytest.approx((10.0, 95.0))


def ramp(affine: np.ndarray) -> Volume:
    """Brighter toward the patient's left (+x), whichever way the voxels run."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in (40, 40, 20)], indexing="ij"), axis=-1)
    x = (index @ affine[:3, :3].T + affine[:3, 3])[..., 0]
    return Volume(x.astype(np.float32), affine, "HU", "CT", GeometryReport((2, 2, 3), "LPS"))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_that_the_patient_s_left_is_at_the_right_whichever_way_voxels_run(sign: float) -> None:
    affine = np.diag([2.0 * sign, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-39.0 * sign, -39.0, -28.5)
    labels = painted({LIVER: ball((0, 0, 0), 20)}, half_mm=(30, 30, 20))
    image = slice_picture(
        ramp(affine), labels, (0, 0, 0), window=Window("w", 0.0, 80.0), field_mm=60.0, size_px=300
    ).astype(int)
    row = image[image.shape[0] // 2 + 25]
    assert row[225].mean() > row[75].mean() + 60


def test_that_an_outline_has_its_structure_s_colour() -> None:
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-39.0, -39.0, -28.5)
    shapes = {LIVER: ball((0, 0, 0), 30), tumour(1, "liver"): ball((5, 0, 0), 8)}
    labels = painted(shapes, half_mm=(36, 36, 28))
    image = slice_picture(ramp(affine), labels, (0, 0, 0), window=Window("w", 0.0, 80.0))
    wanted = np.array([0.93, 0.76, 0.18]) * 255
    assert (np.abs(image - wanted).max(axis=2) < 12).any()


def test_that_a_point_outside_the_image_is_refused() -> None:
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    labels = painted({LIVER: ball((0, 0, 0), 20)}, half_mm=(30, 30, 20))
    with pytest.raises(BadArgument, match="outside the image"):
        slice_picture(ramp(affine), labels, (999, 0, 0), window=Window("w", 0.0, 80.0))


def growth() -> Simulation:
    days = np.array([90.0, 180.0, 270.0])
    volumes = np.linspace(8, 12, 9)[:, None] * np.exp(0.004 * (days - 90))[None]
    return Simulation("tumour", "tumour-1", "", "", "", days, {}, {"volume_ml": volumes}, {}, {})


def test_that_a_timeline_shows_observed_forecast_and_scenarios() -> None:
    figure = timeline(
        "tumour-1",
        observed=[Observation("tumour-1", 0.0, 6.0, 0.08, "none")],
        forecasts=[Forecast("tumour-1", 0.0, 90.0, np.linspace(5, 80, 20), 0.9, "")],
        scenarios={"wait": growth(), "ablate": growth()},
        start_day=90.0,
    )
    words = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert {"wait, 90 %", "ablate, 90 %", "forecast on day 0, 90 %"} <= set(words)


def test_that_other_tumours_stay_out_of_a_timeline() -> None:
    figure = timeline("tumour-1", observed=[Observation("tumour-2", 0.0, 6.0, 0.08, "none")])
    assert figure.axes[0].get_legend() is None


def test_that_a_chart_of_beliefs_has_an_axis_for_each_parameter() -> None:
    samples = np.random.default_rng(2).lognormal(size=(32, 2))
    belief = Belief("tumour-1", 0.0, Ensemble(("a_per_day", "b_kpa"), ("1/day", "kPa"), samples))
    figure = beliefs(belief, belief)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b"]


def test_that_charts_leave_pyplot_alone() -> None:
    pixels(timeline("tumour-1", scenarios={"wait": growth()}))
    assert (
        "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
    )


def test_that_an_image_becomes_a_png() -> None:
    assert png_bytes(np.zeros((4, 5, 3), np.uint8)).startswith(b"\x89PNG")


def test_that_a_picture_needs_no_display(tmp_path: Path) -> None:
    code = (
        "import numpy as np; from organtwin.reporting import *\n"
        "p = np.array([[0,0,0],[9,0,0],[0,9,0],[0,0,9.]]); "
        "t = np.array([[1,2,3],[0,3,2],[0,1,3],[0,2,1]])\n"
        "s = Scene('a', (Shape('liver', 'organ', p, t, (1.0, 0.0, 0.0)),))\n"
        "print(render(s, width_px=40, height_px=30).min())"
    )
    bare = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    found = subprocess.run(
        [sys.executable, "-c", code], env=bare, capture_output=True, text=True, check=True
    )
    assert int(found.stdout) < 255


def test_that_a_removal_is_a_step_on_its_day() -> None:
    job = json.dumps({"events": [{"kind": "remove_region", "day": 0.0}]})
    volumes = np.tile([20.0, 0.0, 0.0], (4, 1))
    cut = replace(
        growth(), days=np.array([90.0, 105.0, 120.0]), job_json=job,
        quantities={"volume_ml": volumes},
    )  # fmt: skip
    line = timeline("tumour-1", scenarios={"cut": cut}, start_day=90.0).axes[0].lines[0]
    assert list(np.asarray(line.get_xdata())) == [90.0, 90.0, 105.0, 120.0]
    assert list(np.asarray(line.get_ydata())) == [20.0, 0.0, 0.0, 0.0]
