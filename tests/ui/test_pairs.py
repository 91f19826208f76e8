"""Two visits at once: linked through the registration or a common frame, or not and said so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case, Visit
from organtwin.core.errors import Missing
from organtwin.core.journal import Done
from organtwin.core.labelmap import LabelMap
from organtwin.core.registration import Registration
from organtwin.core.volume import GeometryReport, Volume, to_lps
from organtwin.ui.pairing import Mode, Pairing
from organtwin.ui.views.blending import sampled
from organtwin.ui.views.framing import Frame, rotation
from organtwin.ui.views.linking import link
from organtwin.ui.views.reslicing import Raster
from organtwin.ui.window import MainWindow

SHIFT_MM = np.array([6.0, -4.0, 8.0])
BUMP_MM = np.array([2.0, 0.0, 0.0])


def moved() -> Registration:
    """Turned by 10 degrees about S, shifted, with a bump of 2 mm towards L in the middle."""
    rigid = np.eye(4)
    rigid[:3, :3] = rotation(np.array([0.0, 0.0, 1.0]), 10.0)
    rigid[:3, 3] = SHIFT_MM
    bump = np.zeros((9, 9, 9, 3), np.float32)
    bump[3:6, 3:6, 3:6, 0] = 2.0
    affine = np.diag([20.0, 20.0, 20.0, 1.0])
    affine[:3, 3] = -80.0
    return Registration(rigid, bump, affine, "made up", 1.5)


@pytest.fixture
def pair(tmp_path: Path, phantom: tuple[Volume, LabelMap]) -> Path:
    """Two visits with their own frames of reference; the second lies as `moved` says."""
    volume, labels = phantom
    rigid = np.eye(4)
    rigid[:3, 3] = SHIFT_MM
    shift = Registration(rigid, np.zeros((1, 1, 1, 3), np.float32), np.eye(4), "a shift", 0.5)
    away = replace(volume, affine=rigid @ volume.affine, series_uid="1.9", frame_uid="1.8")
    path = tmp_path / "pair"
    with CaseFolder.create(path, Case("pair"), "tester") as folder:
        first = Visit(0.0, None, folder.put(volume), labels=folder.put(labels), seen=True)
        second = Visit(30.0, None, folder.put(away), registration=folder.put(shift), seen=True)
        folder.append(folder.case.having(visits=(first, second)), Done("import", summary="2"))
    return path


@pytest.fixture
def two(qtbot: QtBot, pair: Path) -> MainWindow:
    window = MainWindow()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    assert window.open_case(pair)
    window.choose_page("segment")
    return window


def choose(qtbot: QtBot, window: MainWindow, mode: Mode) -> Pairing:
    """Choose a mode and wait until the second visit is read."""
    pairing = window.stage.pairing
    pairing.choose(mode)
    qtbot.waitUntil(lambda: bool(pairing.said))
    return pairing


def test_that_a_registration_links_both_ways() -> None:
    things = {"r": moved()}
    visits = (Visit(0.0, None, "a"), Visit(30.0, None, "b", registration="r"))
    found = link(visits, 0, 1, things.__getitem__)
    points = np.array([[0.0, 0.0, 0.0], [30.0, -20.0, 10.0]])
    assert np.allclose(found.back(found.there(points)), points, atol=2e-3)
    assert found.there(points[:1])[0] == pytest.approx(SHIFT_MM + BUMP_MM, abs=1e-6)
    assert "1.5 mm" in found.how


def test_that_a_common_frame_of_reference_links(phantom: tuple[Volume, LabelMap]) -> None:
    volume = replace(phantom[0], frame_uid="1.2.3")
    visits = (Visit(0.0, None, "a"), Visit(1.0, None, "a"))
    found = link(visits, 0, 1, {"a": volume}.__getitem__)
    assert np.array_equal(found.there(np.ones(3)), np.ones(3))
    assert "frame of reference" in found.how


def test_that_nothing_links_strangers(phantom: tuple[Volume, LabelMap]) -> None:
    things = {n: replace(phantom[0], frame_uid=f"1.{n}") for n in "12"}
    visits = (Visit(0.0, None, "1"), Visit(30.0, None, "2"))
    with pytest.raises(Missing, match="no registration of day 30"):
        link(visits, 0, 1, things.__getitem__)


def test_that_a_blend_finds_each_place_of_the_other_visit() -> None:
    """The other image holds its own L coordinate, so a sample must say where the link led."""
    shape, affine = (60, 60, 60), np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = -88.5
    place = to_lps(affine, np.stack(np.indices(shape), axis=-1))[..., 0].astype(np.float32)
    other = Volume(
        np.asfortranarray(place), affine, "1", "MR", GeometryReport((3.0, 3.0, 3.0), "LPS")
    )
    visits = (Visit(0.0, None, "a"), Visit(30.0, None, "b", registration="r"))
    found = link(visits, 0, 1, {"r": moved()}.__getitem__)
    frame = Frame(rotation(np.array([1.0, 0.0, 0.0]), 20.0), np.zeros(3), (100.0, 100.0))
    raster = Raster(-40.0, -30.0, 0.9, (90, 70), 2.0)
    values, inside = sampled(other, found, frame, raster)
    u, v = np.meshgrid(-40.0 + 0.9 * np.arange(90), -30.0 + 0.9 * np.arange(70))
    places = frame.place_mm(np.stack([u, v, np.full_like(u, 2.0)], axis=-1))
    assert inside.all()
    # The link is followed every 8th sample (7 mm here) of a field with nodes 20 mm apart.
    assert np.abs(values - found.there(places)[..., 0]).max() < 0.3


def test_that_the_crosshair_follows_into_the_other_visit(qtbot: QtBot, two: MainWindow) -> None:
    choose(qtbot, two, "beside")
    first, second = two.stage.pairing.first, two.stage.pairing.second
    first.move_to(np.array([4.0, 8.0, -12.0]))
    assert second.cursor_mm == pytest.approx(first.cursor_mm + SHIFT_MM, abs=2e-3)
    second.move_to(second.cursor_mm + np.array([4.0, 0.0, 0.0]))
    assert first.cursor_mm == pytest.approx([8.0, 8.0, -12.0], abs=2e-3)


def test_that_zoom_and_place_on_the_screen_are_the_same_on_both_sides(
    qtbot: QtBot, two: MainWindow
) -> None:
    choose(qtbot, two, "beside")
    left, right = two.stage.beside.first, two.stage.beside.second
    left.zoom_at(left.to_screen(left.viewing.cursor_mm), 2.0)
    assert right.scale() == pytest.approx(left.scale())
    ends = [view.to_screen(view.viewing.cursor_mm) for view in (left, right)]
    assert ends[0].y() == pytest.approx(ends[1].y(), abs=0.5)


def test_that_each_side_says_its_day(qtbot: QtBot, two: MainWindow) -> None:
    two.stage.tools.modes["beside"].click()
    qtbot.waitUntil(lambda: bool(two.stage.pairing.said))
    beside = two.stage.beside
    assert beside.isVisible()
    assert beside.first.caption.startswith("Day 0")
    assert beside.second.caption.startswith("Day 30")


def test_that_windows_and_planes_are_shared(qtbot: QtBot, two: MainWindow) -> None:
    choose(qtbot, two, "beside")
    first, second = two.stage.pairing.first, two.stage.pairing.second
    first.set_window(55.0, 333.0)
    first.set_oblique(True)
    second.turn("axial", 20.0)
    assert second.window == (55.0, 333.0)
    for plane in ("axial", "coronal", "sagittal"):
        assert np.allclose(first.frame(plane).axes, second.frame(plane).axes, atol=1e-9)
    first.set_oblique(False)
    assert second.oblique is None


@pytest.mark.parametrize("mode", ["beside", "blended"])
def test_that_strangers_are_not_linked_and_that_is_said(
    qtbot: QtBot, two: MainWindow, mode: Mode
) -> None:
    session = two.session
    visits = session.case.visits
    stranger = replace(visits[1], registration="")
    case = session.case.having(visits=(visits[0], stranger))
    session.folder.append(case, Done("import", summary="registration taken away"))
    session.case_changed.emit()
    pairing = choose(qtbot, two, mode)
    assert pairing.link is None
    assert pairing.blend is None
    assert "no registration of day 30" in two.stage.pair_bar._said.text()
    before = pairing.second.cursor_mm.copy()
    pairing.first.move_to(pairing.first.cursor_mm + 8.0)
    assert np.array_equal(pairing.second.cursor_mm, before)


def test_that_a_blend_shows_through_to_the_other_image(qtbot: QtBot, two: MainWindow) -> None:
    """The second image equals the first, shifted as the registration says: blending changes it
    by no more than the interpolation of edges.
    """
    view = two.stage.slices["axial"]
    alone = view.grab().toImage()
    choose(qtbot, two, "blended")
    assert two.stage.pairing.blend is not None
    view.viewing.set_fill(0.0)
    two.stage.pairing.set_opacity(1.0)
    over = view.grab().toImage()
    x, y = view.width() // 2 + 9, view.height() // 2 + 14
    assert abs(over.pixelColor(x, y).lightness() - alone.pixelColor(x, y).lightness()) < 40
    two.stage.pairing.choose("off")
    assert view.veil is None


def test_that_flicker_and_swipe_show_one_image_at_a_place(qtbot: QtBot, two: MainWindow) -> None:
    pairing = choose(qtbot, two, "blended")
    two.stage.pair_bar.swipe.click()
    assert pairing.blend.swipe == pytest.approx(0.5)
    two.stage.pair_bar.flicker.click()
    seen = {pairing.blend.opacity}
    pairing._turn_over()
    assert seen | {pairing.blend.opacity} == {0.0, 1.0}


def test_that_the_crosshair_stays_at_its_place_when_the_visit_changes(
    qtbot: QtBot, two: MainWindow
) -> None:
    viewing = two.showing.viewing
    viewing.move_to(np.array([4.0, 8.0, -12.0]))
    image = viewing.image
    two.showing.choose_visit(1)
    qtbot.waitUntil(lambda: viewing.image != image)
    assert viewing.cursor_mm == pytest.approx(np.array([10.0, 4.0, -4.0]), abs=2e-3)


def test_that_a_single_visit_has_no_pair(window: MainWindow) -> None:
    assert not window.stage.tools.modes["beside"].isEnabled()
