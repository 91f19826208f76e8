"""Measures are in patient mm and the image's own values, whatever the grid."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from organtwin.core.errors import CaseDamaged
from organtwin.core.journal import Done
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Volume
from organtwin.ui.measure_journal import measures_in
from organtwin.ui.measures import Measures, as_text, lines_of
from organtwin.ui.viewing import Viewing
from organtwin.ui.views.framing import Frame, rotation, voxel_frame
from organtwin.ui.views.measuring import Kind, Measure, Values, handles_mm, measured, reshaped
from organtwin.ui.views.slice_view import SliceView
from organtwin.ui.views.slicing import AXES, PLANES, Canonical, Plane, canonical
from organtwin.ui.window import MainWindow

SPACING = (0.7, 0.9, 2.5)
SHAPE = (40, 50, 30)


def turned_affine() -> NDArray[np.float64]:
    """Anisotropic, rotated by 25° about an axis of no plane, stored right to left."""
    affine = np.eye(4)
    axis = np.array([0.36, 0.48, 0.8])
    affine[:3, :3] = rotation(axis, 25.0) @ np.diag([-1.0, 1.0, 1.0]) @ np.diag(SPACING)
    affine[:3, 3] = (12.0, -40.0, 7.0)
    return affine


@pytest.fixture(params=["along the patient", "turned"])
def grid(request: pytest.FixtureRequest) -> Canonical:
    rng = np.random.default_rng(3)
    values = rng.integers(-300, 300, SHAPE).astype(np.int16)
    affine = turned_affine() if request.param == "turned" else np.diag([*SPACING, 1.0])
    return canonical(np.asfortranarray(values), affine)


def drawn(kind: Kind, points: NDArray[np.float64], frame: Frame, plane: Plane) -> Measure:
    axes = tuple(tuple(float(v) for v in frame.axes[:, i]) for i in range(3))
    return Measure(kind, tuple(tuple(map(float, p)) for p in points), plane, axes, "image")


def in_plane(grid: Canonical, plane: Plane, corners: list[tuple[float, float]]) -> NDArray:
    """Places at (across, down) indices in the middle slice of a plane."""
    across, down, through = AXES[plane]
    index = np.zeros((len(corners), 3))
    index[:, across], index[:, down] = np.array(corners).T
    index[:, through] = grid.array.shape[through] // 2
    return grid.position_mm(index)


def slab(grid: Canonical, plane: Plane) -> NDArray:
    """The middle slice as [across, down]."""
    through = AXES[plane][2]
    return np.take(grid.array, grid.array.shape[through] // 2, axis=through)


@pytest.mark.parametrize("plane", PLANES)
def test_that_a_distance_is_in_mm_of_the_patient(grid: Canonical, plane: Plane) -> None:
    """3 voxels across and 4 down: the hypotenuse of their lengths in mm."""
    across, down, _ = AXES[plane]
    ends = in_plane(grid, plane, [(5, 6), (8, 10)])
    length = measured(drawn("ruler", ends, voxel_frame(grid, plane), plane), grid).length_mm
    spacing = grid.spacing_mm
    assert length == pytest.approx(np.hypot(3 * spacing[across], 4 * spacing[down]), abs=1e-9)


@pytest.mark.parametrize("plane", PLANES)
def test_that_an_angle_is_that_of_the_patient_not_of_pixels(grid: Canonical, plane: Plane) -> None:
    across, down, _ = AXES[plane]
    points = in_plane(grid, plane, [(15, 5), (5, 5), (15, 15)])
    angle = measured(drawn("angle", points, voxel_frame(grid, plane), plane), grid).angle_deg
    spacing = grid.spacing_mm
    assert angle == pytest.approx(np.degrees(np.arctan2(spacing[down], spacing[across])), abs=1e-9)


@pytest.mark.parametrize("plane", PLANES)
def test_that_a_rectangle_takes_the_voxels_whose_centres_lie_inside(
    grid: Canonical, plane: Plane
) -> None:
    """Across 4.6 to 9.4 and down 10.5 to 19.5: indices 5..9 and 11..19."""
    across, down, _ = AXES[plane]
    corners = in_plane(grid, plane, [(4.6, 10.5), (9.4, 19.5)])
    found = measured(drawn("rectangle", corners, voxel_frame(grid, plane), plane), grid)
    inside = slab(grid, plane)[5:10, 11:20].astype(float)
    assert (found.count, found.lowest, found.highest) == (45, inside.min(), inside.max())
    assert found.mean == pytest.approx(inside.mean(), abs=1e-9)
    assert found.sd == pytest.approx(inside.std(ddof=1), abs=1e-9)
    area = 4.8 * grid.spacing_mm[across] * 9.0 * grid.spacing_mm[down]
    assert found.area_mm2 == pytest.approx(area, rel=1e-9)


@pytest.mark.parametrize("plane", PLANES)
def test_that_an_ellipse_takes_the_voxels_inside_it(grid: Canonical, plane: Plane) -> None:
    """Semi-axes of 6 and 8 voxels: area π a b in mm, voxels by the equation of the ellipse."""
    across, down, _ = AXES[plane]
    corners = in_plane(grid, plane, [(6, 5), (18, 21)])
    found = measured(drawn("ellipse", corners, voxel_frame(grid, plane), plane), grid)
    plate = slab(grid, plane)
    a, b = np.ogrid[: plate.shape[0], : plate.shape[1]]
    inside = plate[((a - 12) / 6) ** 2 + ((b - 13) / 8) ** 2 <= 1 + 1e-9].astype(float)
    assert found.count == inside.size
    assert found.mean == pytest.approx(inside.mean(), abs=1e-9)
    area = np.pi * 6 * grid.spacing_mm[across] * 8 * grid.spacing_mm[down]
    assert found.area_mm2 == pytest.approx(area, rel=1e-9)


def test_that_a_drawn_border_encloses_its_triangle(grid: Canonical) -> None:
    """Legs of 10 voxels: half their product in mm; 45 voxel centres lie strictly inside."""
    points = in_plane(grid, "axial", [(4.5, 4.5), (14.5, 4.5), (4.5, 14.5)])
    found = measured(drawn("freehand", points, voxel_frame(grid, "axial"), "axial"), grid)
    legs = 10 * grid.spacing_mm[0], 10 * grid.spacing_mm[1]
    assert found.area_mm2 == pytest.approx(legs[0] * legs[1] / 2, rel=1e-9)
    values = [slab(grid, "axial")[i, j] for i in range(5, 15) for j in range(5, 15) if i + j < 19]
    # Centres on the slanted side (i + j = 19) may fall either way.
    assert len(values) <= found.count <= len(values) + 10


def test_that_a_region_beyond_the_image_counts_only_what_is_there(grid: Canonical) -> None:
    corners = in_plane(grid, "axial", [(-9.0, -9.0), (2.4, 3.4)])
    found = measured(drawn("rectangle", corners, voxel_frame(grid, "axial"), "axial"), grid)
    assert found.count == 3 * 4


def test_that_an_oblique_region_samples_a_slope_exactly() -> None:
    """Values grow by 2 per mm towards L: linear sampling gives the mean at the middle."""
    shape, affine = (60, 60, 60), np.diag([1.0, 0.8, 1.2, 1.0])
    slope = np.broadcast_to(2.0 * np.arange(60, dtype=np.float32)[:, None, None], shape)
    grid = canonical(np.asfortranarray(slope), affine)
    middle = grid.position_mm(np.array([30.0, 30, 30]))
    frame = Frame(rotation(np.array([0.0, 1.0, 0.0]), 30.0), middle, (1.0, 1.0))
    corners = frame.place_mm(np.array([[-8.0, -6.0, 0.0], [8.0, 6.0, 0.0]]))
    found = measured(replace(drawn("rectangle", corners, frame, "axial"), oblique=True), grid)
    assert found.mean == pytest.approx(2.0 * middle[0], abs=0.02)
    assert found.sampled_mm == pytest.approx(0.8)
    assert found.area_mm2 == pytest.approx(192.0, rel=1e-9)
    # A uniform spread over 16 mm at 30°: 2 · 16 · cos 30° / √12.
    assert found.sd == pytest.approx(2 * 16 * np.cos(np.radians(30)) / np.sqrt(12), rel=0.01)


def test_that_a_corner_put_elsewhere_leaves_the_opposite_one(grid: Canonical) -> None:
    frame = voxel_frame(grid, "axial")
    box = drawn("ellipse", in_plane(grid, "axial", [(5, 5), (15, 15)]), frame, "axial")
    moved = reshaped(box, 1, in_plane(grid, "axial", [(20, 2)])[0])
    flat = frame.flat(handles_mm(moved))
    assert flat[3, :2] == pytest.approx(frame.flat(handles_mm(box))[3, :2], abs=1e-9)
    want = frame.flat(in_plane(grid, "axial", [(20, 2)])[0])[:2]
    assert flat[1, :2] == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("ruler", Values(length_mm=12.34), "length withheld"),
        ("angle", Values(angle_deg=30.0), "angle withheld"),
        ("ellipse", Values(area_mm2=9.0, count=4, mean=1.0, sd=1.0), "area withheld, 4 voxels"),
    ],
)
def test_that_a_doubtful_geometry_withholds_mm(kind: Kind, values: Values, said: str) -> None:
    measure = Measure(kind, ((0.0, 0.0, 0.0),) * 3, "axial", ((1.0, 0, 0),) * 3, "image")
    assert lines_of(measure, values, unit="HU", withheld=True)[0] == said


def test_that_a_copy_has_a_line_for_each_measure() -> None:
    rows = as_text([("Distance", "day 0, axial slice 3", "12.3 mm")]).splitlines()
    assert rows[1].split("\t") == ["Distance", "day 0, axial slice 3", "12.3 mm"]


@pytest.fixture
def view(qtbot: QtBot, phantom: tuple[Volume, LabelMap]) -> SliceView:
    shown = SliceView("axial", Viewing(Measures()))
    qtbot.addWidget(shown)
    shown.resize(400, 300)
    shown.viewing.show_image(phantom[0])
    shown.show()
    return shown


def drag(qtbot: QtBot, view: SliceView, start: QPoint, end: QPoint) -> None:
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    for part in (0.3, 0.6, 1.0):
        qtbot.mouseMove(view, pos=start + (end - start) * part)
        move(view, QPointF(start + (end - start) * part))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)


def move(view: SliceView, to: QPointF) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent

    left, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    kind = QEvent.Type.MouseMove
    view.mouseMoveEvent(QMouseEvent(kind, to, view.mapToGlobal(to), left, left, keys))


def test_that_a_drag_with_the_ruler_is_a_distance(qtbot: QtBot, view: SliceView) -> None:
    view.viewing.measures.choose_tool("ruler")
    drag(qtbot, view, QPoint(100, 150), QPoint(220, 150))
    (ruler,) = view.viewing.measures.of(view.viewing.image)
    values = view.viewing.measures.values(ruler, view.grid())
    assert values.length_mm == pytest.approx(120 / view.scale(), rel=1e-6)


def test_that_a_handle_can_be_dragged(qtbot: QtBot, view: SliceView) -> None:
    view.viewing.measures.choose_tool("ruler")
    drag(qtbot, view, QPoint(100, 150), QPoint(220, 150))
    drag(qtbot, view, QPoint(220, 150), QPoint(160, 150))
    (ruler,) = view.viewing.measures.of(view.viewing.image)
    values = view.viewing.measures.values(ruler, view.grid())
    assert values.length_mm == pytest.approx(60 / view.scale(), rel=1e-6)


def test_that_an_angle_is_a_drag_and_a_click(qtbot: QtBot, view: SliceView) -> None:
    view.viewing.measures.choose_tool("angle")
    drag(qtbot, view, QPoint(100, 150), QPoint(200, 150))
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 80))
    (angle,) = view.viewing.measures.of(view.viewing.image)
    assert view.viewing.measures.values(angle, view.grid()).angle_deg == pytest.approx(90.0)


def test_that_a_measure_can_be_made_and_deleted_from_the_keyboard(
    qtbot: QtBot, view: SliceView
) -> None:
    view.viewing.measures.choose_tool("ruler")
    qtbot.keyClick(view, Qt.Key.Key_Space)
    for _ in range(5):
        qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    (ruler,) = view.viewing.measures.of(view.viewing.image)
    assert view.viewing.measures.values(ruler, view.grid()).length_mm == pytest.approx(20.0)
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert view.viewing.measures.of(view.viewing.image) == ()


def test_that_a_measure_is_seen_in_its_own_slice_only(qtbot: QtBot, view: SliceView) -> None:
    from organtwin.ui.views.measure_drawing import shown

    view.viewing.measures.choose_tool("ruler")
    drag(qtbot, view, QPoint(100, 150), QPoint(220, 150))
    assert len(shown(view)) == 1
    view.step(1)
    assert shown(view) == []


def test_that_a_withheld_image_shows_no_scale_in_mm(
    qtbot: QtBot, view: SliceView, phantom: tuple[Volume, LabelMap]
) -> None:
    doubtful = GeometryReport((4.0, 4.0, 4.0), "LPS", grade="withheld")
    before = view.grab().toImage()
    view.viewing.show_image(replace(phantom[0], geometry=doubtful))
    assert view.viewing.withheld
    assert view.grab().toImage() != before


def test_that_measures_come_back_with_the_case(
    qtbot: QtBot, window: MainWindow, case_path: Path
) -> None:
    stage, viewing = window.stage, window.showing.viewing
    view = stage.slices["axial"]
    stage.tools.kinds["ruler"].click()
    middle = QPoint(view.width() // 2, view.height() // 2)
    drag(qtbot, view, middle, middle + QPoint(40, 0))
    (drawn,) = viewing.measures.of(viewing.image)
    entry = window.session.entries[-1]
    length = f"{view.viewing.measures.values(drawn, view.grid()).length_mm:.1f} mm"
    assert (entry.done.step, entry.done.summary) == (
        "measure",
        f"1 measure of day 0: Distance {length}",
    )
    drag(qtbot, view, middle + QPoint(40, 0), middle + QPoint(60, 0))
    (moved,) = viewing.measures.of(viewing.image)
    undone = window.session.can_undo
    window.session.close()
    window.session.case_changed.emit()
    assert viewing.measures.of(viewing.image) == ()
    window.open_case(case_path)
    (back,) = viewing.measures.of(viewing.image)
    assert np.allclose(back.points_mm, moved.points_mm, atol=1e-4)
    assert window.session.can_undo == undone
    assert len(window.session.entries) == entry.sequence + 1
    viewing.measures.remove([back.number])
    assert window.session.entries[-1].done.summary == "0 measures of day 0"


def test_that_measures_that_are_none_are_refused(window: MainWindow) -> None:
    said = {"kind": "ruler", "plane": "axial", "oblique": False, "points_mm": [[0, 0, 0]]}
    arguments = {"image": "x", "measures": [said | {"axes": np.eye(3).tolist()}]}
    entry = replace(window.session.entries[-1], done=Done("measure", arguments))
    with pytest.raises(CaseDamaged, match="cannot be read"):
        measures_in(entry, "x")


def test_that_measures_are_listed_and_copied(qtbot: QtBot, window: MainWindow) -> None:
    stage = window.stage
    stage.tools.list.click()
    view = stage.slices["axial"]
    stage.tools.kinds["ellipse"].click()
    middle = QPoint(view.width() // 2, view.height() // 2)
    drag(qtbot, view, middle, middle + QPoint(30, 30))
    assert stage.measures.table.rowCount() == 1
    stage.measures.copy.click()
    assert "Ellipse\tday 0, axial slice" in QGuiApplication.clipboard().text()
    stage.measures.table.selectRow(0)
    stage.measures.drop.click()
    assert stage.measures.table.rowCount() == 0
