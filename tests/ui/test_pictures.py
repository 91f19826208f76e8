import subprocess
import sys

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from scipy.spatial import Delaunay

from organtwin.actions import ActionKind, action_kinds
from organtwin.core.labelmap import LabelMap
from organtwin.core.observation import Observation
from organtwin.core.scenario import Action, Scenario
from organtwin.core.twin import Forecast
from organtwin.core.volume import Volume
from organtwin.ui.forms import Form, readable
from organtwin.ui.pages.action_card import ActionCard, first_values
from organtwin.ui.plans import scene_of
from organtwin.ui.scene import Layer, Scene
from organtwin.ui.shapes import disc, ellipsoid, isosurface, rod
from organtwin.ui.views.compare_view import CompareView
from organtwin.ui.views.density_plot import density
from organtwin.ui.views.organ_view import OrganView
from organtwin.ui.views.timeline import Timeline
from organtwin.ui.views.tracks import Stop, Track


def enclosed_mm3(points: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (points[triangles[:, i]] for i in range(3))
    return abs(float(np.einsum("ij,ij->i", np.cross(a, b), c).sum())) / 6.0


def test_that_an_ellipsoid_has_its_volume() -> None:
    """4/3 π a b², polygons lie inside it by about 1 %."""
    volume = enclosed_mm3(*ellipsoid(np.zeros(3), np.array([1.0, 2, 3]), 20.0, 10.0))
    assert volume == pytest.approx(4 / 3 * np.pi * 20 * 100, rel=0.02)


def test_that_a_rod_has_its_volume() -> None:
    volume = enclosed_mm3(*rod(np.zeros(3), np.array([0.0, 0, 50]), 2.0))
    assert volume == pytest.approx(np.pi * 4 * 50, rel=0.02)


def test_that_a_disc_lies_in_its_plane() -> None:
    points, _ = disc(np.array([1.0, 2, 3]), np.array([1.0, 1, 0]), 30.0)
    assert np.allclose((points - [1, 2, 3]) @ [1, 1, 0], 0.0)


def test_that_an_isosurface_of_a_plane_is_the_plane() -> None:
    """One tetrahedron cut at x = 0.25: a triangle of area (1 - 0.25)² / 2."""
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    corners, triangles = isosurface(points, np.array([[0, 1, 2, 3]]), points[:, 0], 0.25)
    assert np.allclose(corners[:, 0], 0.25)
    a, b, c = corners[triangles[0]]
    area = np.linalg.norm(np.cross(b - a, c - a)) / 2
    assert len(triangles) == 1
    assert area == pytest.approx(0.75**2 / 2)


def test_that_an_isosurface_faces_the_lower_values() -> None:
    """A ball of level 0.5: the signed volume its triangles enclose is positive."""
    axis = np.linspace(-1.0, 1.0, 9)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    cells = Delaunay(points).simplices
    radius = np.linalg.norm(points, axis=1)
    corners, triangles = isosurface(points, cells, 1.2 - radius, 0.5)
    a, b, c = (corners[triangles[:, i]] for i in range(3))
    signed = float(np.einsum("ij,ij->i", np.cross(a, b), c).sum()) / 6.0
    assert signed == pytest.approx(4 / 3 * np.pi * 0.7**3, rel=0.08)


def test_that_a_kernel_density_holds_one() -> None:
    at = np.linspace(-6, 6, 600)
    samples = np.random.default_rng(0).standard_normal(200)
    assert float(density(samples, at).sum() * (at[1] - at[0])) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("kind", action_kinds().values(), ids=lambda kind: kind.name)
def test_that_every_action_makes_a_form_that_gives_it_back(qtbot: QtBot, kind: ActionKind) -> None:
    begin = Action(kind.name, 30.0, first_values(kind, (1.0, 2.0, 3.0)))
    shown = ActionCard(kind, begin)
    qtbot.addWidget(shown)
    again = kind.checked(shown.action())
    wanted = kind.checked(begin)
    assert again.day == wanted.day
    for name, value in wanted.arguments.items():
        if isinstance(value, str):
            assert again.arguments[name] == value
        else:
            assert np.allclose(again.arguments[name], value, rtol=1e-2)


def test_that_units_leave_the_names_people_read() -> None:
    assert readable("diffusion_mm2_per_day", "mm²/day") == "Diffusion"


def test_that_a_form_keeps_bounds(qtbot: QtBot) -> None:
    parameter = action_kinds()["irradiate"].form[0]
    form = Form((parameter,))
    qtbot.addWidget(form)
    form.fields[parameter.name].setValue(1e9)
    assert form.values()[parameter.name] <= parameter.high


def test_that_a_resection_divides_the_organ(phantom: tuple[Volume, LabelMap]) -> None:
    shell = ellipsoid(np.zeros(3), np.array([0.0, 0, 1]), 50.0, 80.0)
    organ = Layer("organ", *shell, (0.7, 0.3, 0.3), 0.4)
    cut = Action("resect", 0.0, {"point_mm": (0.0, 0, 0), "normal": (1.0, 0, 0)})
    scene = scene_of(Scenario("cut", 0.0, (cut,)), Scene((organ,)), phantom[1])
    kept = next(layer for layer in scene.layers if layer.name.endswith("kept"))
    middle = kept.points[kept.triangles].mean(axis=1)
    assert (middle[:, 0] < 1e-6).all()


def test_that_one_camera_serves_all_scenarios(qtbot: QtBot) -> None:
    shown = CompareView()
    qtbot.addWidget(shown)
    shown.resize(600, 300)
    shown.show()
    ball = Layer("ball", *ellipsoid(np.zeros(3), np.array([0.0, 0, 1]), 9.0, 9.0), (1, 0, 0))
    shown.show_scenes([Scene((ball,)), Scene((ball,))], ["one", "two"])
    shown.views[1].turn(30.0, 10.0)
    assert shown.views[0].camera.GetPosition() == shown.views[1].camera.GetPosition()


def test_that_the_organ_is_drawn(qtbot: QtBot) -> None:
    """The middle of the picture is the ball's red; its corner is not."""
    shown = OrganView()
    qtbot.addWidget(shown)
    shown.resize(240, 200)
    shown.show()
    ball = Layer("ball", *ellipsoid(np.zeros(3), np.array([0.0, 0, 1]), 9.0, 9.0), (1, 0, 0))
    shown.show_scene(Scene((ball,)))
    qtbot.waitUntil(lambda: shown.drawn, timeout=10_000)
    picture = shown.grab().toImage()
    assert picture.pixelColor(120, 100).red() > 100
    assert picture.pixelColor(235, 195).red() < 60


def test_that_the_first_layer_is_drawn_like_any_other() -> None:
    """A mapper made before OpenGL is loaded would be the abstract one, which draws nothing."""
    code = (
        "import numpy as np; from organtwin.ui.scene import Layer; "
        "from organtwin.ui.views.actors import actor_of; "
        "layer = Layer('a', np.eye(3), np.array([[0, 1, 2]]), (1, 0, 0)); "
        "print(actor_of(layer, None).GetMapper().GetClassName())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "vtkOpenGLPolyDataMapper"


def test_that_a_dragged_grip_moves_the_plane_along_its_normal(qtbot: QtBot) -> None:
    shown = OrganView()
    qtbot.addWidget(shown)
    shown.resize(240, 200)
    shown.show()
    ball = Layer("ball", *ellipsoid(np.zeros(3), np.array([0.0, 0, 1]), 9.0, 9.0), (1, 0, 0))
    shown.show_scene(Scene((ball,)))
    shown.set_plane(np.zeros(3), np.array([1.0, 0, 0]))
    told = []
    shown.plane_moved.connect(lambda point, normal: told.append((point, normal)))
    start = shown.to_screen(np.zeros(3))
    assert shown.grab_drag(start)
    shown.drag_to(shown.to_screen(np.array([4.0, 0, 0])))
    assert told[0][0] == pytest.approx([4.0, 0, 0], abs=0.4)


def test_that_a_click_on_the_timeline_chooses_a_visit(qtbot: QtBot) -> None:
    shown = Timeline()
    qtbot.addWidget(shown)
    shown.resize(600, 160)
    seen = Observation("tumour-1", 0.0, 10.0, 0.08, "unsourced")
    ahead = Forecast("tumour-1", 0.0, 45.0, np.linspace(8, 20, 50), 0.9, "")
    track = Track("tumour-1", (1.0, 0.8, 0.2), (seen,), (ahead,))
    shown.show_tracks([Stop(0, 0.0, True, True), Stop(1, 45.0, False, True)], [track])
    with qtbot.waitSignal(shown.visit_chosen) as chosen:
        from PySide6.QtCore import QPoint, Qt

        qtbot.mouseClick(shown, Qt.MouseButton.LeftButton, pos=QPoint(int(shown._x(45.0)), 80))
    assert chosen.args == [1]
