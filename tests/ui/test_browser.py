"""The browser: looking before importing, choosing, deciding on what is in doubt."""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from time import monotonic
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from organtwin.core.errors import BadInput
from organtwin.places import own_folder
from organtwin.ui.browser import Browser
from organtwin.ui.browser_rows import KIND, THING
from organtwin.ui.choosing import Listed, first_choice, misfit, problem, toggled
from organtwin.ui.dropping import Dropping, place_of
from organtwin.ui.looking import PREFIX
from organtwin.ui.pages.import_page import ImportPage
from organtwin.ui.window import MainWindow
from tests.slices import slice_of

SOON = 20_000
LeftBehind = Callable[[], set[Path]]


def write_series(folder: Path, name: str, **said: Any) -> Path:
    """Write a CT of 6 slices of 16 by 16, 3 mm apart; `heights` and elements by keyword differ."""
    heights = said.pop("heights", [3.0 * n for n in range(6)])
    where = folder / name
    where.mkdir(parents=True)
    said = {"SeriesInstanceUID": f"1.2.{abs(hash(name)) % 10**9}", "SeriesDescription": name} | said
    pixels = 900 + np.arange(256).reshape(16, 16)
    for n, height in enumerate(heights):
        one = slice_of(pixels + 10 * n, (0.0, 0.0, height), **said)
        one.save_as(where / f"{n}.dcm", enforce_file_format=True)
    return where


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path)


def write_images(parent: Path) -> Path:
    """Write two patients, two dates of one with three series, and a file that is no image."""
    folder = parent / "images"
    one = {"PatientName": "Ann^One", "PatientID": "A1"}
    write_series(folder, "arterial", AcquisitionDate="20240110", **one)
    write_series(folder, "portal venous", AcquisitionDate="20240110", **one)
    write_series(folder, "follow-up", AcquisitionDate="20240310", **one)
    write_series(folder, "elsewhere", PatientName="Bob^Two", PatientID="B2")
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def seen(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MainWindow]:
    """A window that has looked at `images`, for what changes nothing of it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("user")))
        made = MainWindow()
        made.resize(1280, 800)
        made.show()
        made.look_at(write_images(tmp_path_factory.mktemp("seen")))
        browser, began = page_of(made).browser, monotonic()
        while not (browser.listed and resting(browser)) and monotonic() - began < SOON / 1000:
            qapp.processEvents()
        yield made
        made.close()


@pytest.fixture
def only(images: Path) -> Path:
    """The one series of the follow-up."""
    return images / "follow-up"


def page_of(window: MainWindow) -> ImportPage:
    page = window.page("import")
    assert isinstance(page, ImportPage)
    return page


def looked(qtbot: QtBot, window: MainWindow, path: Path) -> Browser:
    """Look at a place and wait until everything of it is listed, thumbnails too."""
    window.look_at(path)
    browser = page_of(window).browser
    qtbot.waitUntil(lambda: bool(browser.listed) and resting(browser), timeout=SOON)
    return browser


def resting(browser: Browser) -> bool:
    return browser._child is not None and not browser._child.working


def kept(folder: Path) -> Mapping[Path, str]:
    """Return every file below a folder with its content's hash; jobs are a cache."""
    files = [p for p in folder.rglob("*") if p.is_file() and "jobs" not in p.parts]
    return {path: sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def left_behind() -> LeftBehind:
    """Return what tells the temporary folders that were made since."""

    def there() -> set[Path]:
        return set(Path(gettempdir()).glob(f"{PREFIX}*"))

    before = there()
    return lambda: there() - before


def press(qtbot: QtBot, where: QWidget, text: str) -> None:
    """Click the visible button of a text."""
    (button,) = [
        b
        for b in where.findChildren(QPushButton)
        if b.text().replace("&", "").startswith(text) and b.isVisible()
    ]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def said_in(where: QWidget) -> str:
    QApplication.processEvents()
    return "\n".join(label.text() for label in where.findChildren(QLabel) if label.isVisible())


def rows_of(browser: Browser, kind: str) -> list[Any]:
    """Return what the visible rows of a kind show."""
    found = []

    def walk(parent: Any) -> None:
        for number in range(browser.filtered.rowCount(parent)):
            index = browser.filtered.index(number, 0, parent)
            if index.data(KIND) == kind:
                found.append(index.data(THING))
            walk(index)

    walk(browser.tree.rootIndex())
    return found


def go_to(browser: Browser, title: str) -> None:
    """Put the list's cursor on a series."""
    key = next(s.key for s in browser.listed if s.title == title)
    place = browser.rows.item_of(key).index()
    browser.tree.setCurrentIndex(browser.filtered.mapFromSource(place))


def drop(window: MainWindow, *urls: QUrl) -> None:
    """Drag something over the window, where it is told what for, and let it go."""
    held = QMimeData()
    held.setUrls(list(urls))
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    no_key = Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPointF(400, 300), copy, held, left, no_key)
    QApplication.sendEvent(window, entering)
    assert window.findChild(Dropping).isVisibleTo(window)
    dropped = QDropEvent(QPointF(400, 300), copy, held, left, no_key)
    QApplication.sendEvent(window, dropped)


# -- what is found ----------------------------------------------------------------------------


def test_that_two_patients_are_kept_apart(seen: MainWindow) -> None:
    browser = page_of(seen).browser
    assert [row["title"] for row in rows_of(browser, "patient")] == ["Ann, One", "Bob, Two"]
    assert browser.chosen == ()
    assert "Several patients" in said_in(page_of(seen))


def test_that_choosing_a_patient_chooses_by_the_rule(seen: MainWindow) -> None:
    browser = page_of(seen).browser
    ann, bob = (row["person"] for row in rows_of(browser, "patient"))
    browser._ticked(bob)
    assert [browser.series(key).title for key in browser.chosen] == ["elsewhere"]
    browser._ticked(bob)
    browser._ticked(ann)
    assert [browser.series(k).title for k in browser.chosen] == ["portal venous", "follow-up"]
    browser._ticked(ann)
    assert browser.chosen == ()


def test_that_a_guess_is_shown_with_its_reason(seen: MainWindow) -> None:
    browser = page_of(seen).browser
    go_to(browser, "portal venous")
    shown = next(s for s in rows_of(browser, "series") if s.title == "portal venous")
    assert shown.guess == "portal"
    assert shown.reason
    assert shown.reason in said_in(browser.details)
    assert shown.reason in browser.rows.item_of(shown.key).toolTip()


def test_that_refused_files_are_shown_with_the_reason(seen: MainWindow) -> None:
    (row,) = rows_of(page_of(seen).browser, "refused")
    assert "known format" in row["title"]
    assert "notes.txt" in row["told"]


def test_that_every_series_gets_its_thumbnail(seen: MainWindow) -> None:
    """16 by 16 pixels of 1 mm by 2 mm."""
    browser = page_of(seen).browser
    for series in browser.listed:
        picture = browser.rows.item_of(series.key).data(Qt.ItemDataRole.DecorationRole)
        assert (picture.width(), picture.height()) == (48, 96)


def test_that_the_filter_leaves_what_was_asked_for(seen: MainWindow) -> None:
    browser = page_of(seen).browser
    browser.filter.setText("ann portal")
    assert [s.title for s in rows_of(browser, "series")] == ["portal venous"]
    assert len(rows_of(browser, "patient")) == 1
    browser.filter.setText("")
    assert len(rows_of(browser, "series")) == 4


def test_that_three_hundred_series_are_listed_at_once(window: MainWindow, qtbot: QtBot) -> None:
    """300 series of 20 patients in less than half a second, drawn."""
    browser = page_of(window).browser
    window.choose_page("import")
    said = {"labels": [], "refused": [], "series": [described(n) for n in range(300)]}
    browser.path = Path("archive")
    began = monotonic()
    browser._show_found(said)
    browser.tree.repaint()
    assert monotonic() - began < 0.5
    assert len(rows_of(browser, "patient")) == 20
    browser.close_place()


def described(n: int, **other: Any) -> dict[str, Any]:
    """Return what the process that looks says of a series."""
    return {
        "key": f"1.{n}",
        "uid": f"1.{n}",
        "part": None,
        "person": n % 20,
        "study_uid": f"2.{n // 3}",
        "study": "abdomen",
        "folder": "",
        "modality": "CT",
        "description": f"series {n}",
        "acquired": f"20{10 + n % 15}-01-01",
        "patient": {"name": f"P{n % 20}", "id": str(n % 20), "birth": "", "sex": "F"},
        "size": [512, 512, 100],
        "images": 100,
        "files": 100,
        "unit": "HU",
        "inverted": False,
        "guess": {"name": "", "reason": ""},
        "body_part": ["", ""],
        "localizer": False,
        "refusal": None,
        "geometry": {
            "spacing_mm": [0.7, 0.7, 2.0],
            "orientation": "LPS",
            "tilt_deg": 0.0,
            "gap_min_mm": 2.0,
            "gap_max_mm": 2.0,
            "grade": "good",
            "findings": [],
            "established": [],
            "residual_mm": 0.0,
            "interpolated_ml": 0.0,
            "naive_offset_mm": 0.0,
            "resampled_from": 0,
            "consequence": "none",
        },
    } | other


def test_that_label_files_hang_under_their_series(window: MainWindow, qtbot: QtBot) -> None:
    browser = page_of(window).browser
    window.choose_page("import")
    sources = [
        {"path": "/x/a.dcm", "kind": "SEG", "names": ["Liver"], "series_uid": "1.1"},
        {"path": "/x/b.dcm", "kind": "RTSTRUCT", "names": ["GTV"], "series_uid": "9.9"},
    ]
    series = [described(1), described(2)]
    browser._show_found({"series": series, "labels": sources, "refused": []})
    (hung,) = rows_of(browser, "labels")
    assert hung["title"] == "SEG: Liver"
    assert browser.rows.item_of("1.1").rowCount() == 1
    assert [row["title"] for row in rows_of(browser, "refused")] == ["RTSTRUCT: GTV"]
    browser.close_place()


def test_that_a_person_says_what_a_file_does_not(window: MainWindow) -> None:
    page = page_of(window)
    browser = page.browser
    window.choose_page("import")
    plain = described(1, modality="", unit="1", acquired="2025-01-01")
    browser._show_found({"series": [plain], "labels": [], "refused": []})
    assert not browser.chosen
    browser.details.stated.emit("1.1", "CT")
    assert browser.chosen == ("1.1",)
    assert browser.series("1.1").unit == "HU"
    browser.details.stated.emit("1.1", "PT")
    assert browser.chosen == ()
    browser.close_place()


def test_that_a_head_is_no_liver() -> None:
    (head,) = listed({"body_part": ["head", "BodyPartExamined says 'head'"]})
    assert "looks like a head scan" in misfit(head, "liver")


# -- what is chosen ---------------------------------------------------------------------------


def listed(*others: Mapping[str, Any]) -> list[Listed]:
    """Return series of one patient that differ as said."""
    return [Listed.of(described(n, person=0, **other)) for n, other in enumerate(others)]


def test_that_the_portal_phase_is_chosen_then_the_thinnest_slices() -> None:
    portal = {"guess": {"name": "portal", "reason": "said so"}, "acquired": "2024-01-01"}
    thick = {**described(0)["geometry"], "spacing_mm": [0.7, 0.7, 5.0]}
    found = listed(
        {"acquired": "2024-01-01"},
        {**portal, "geometry": thick},
        {"acquired": "2024-02-01", "geometry": thick},
        {"acquired": "2024-02-01"},
    )
    assert first_choice(found) == ("1.1", "1.3")


@pytest.mark.parametrize(
    "other",
    [
        {"modality": "MR"},
        {"refusal": {"reason": "a localizer", "advice": ""}},
        {"geometry": {**described(0)["geometry"], "grade": "withheld"}},
        {"acquired": "2023-05-05"},
    ],
)
def test_that_what_is_in_doubt_is_not_chosen_by_itself(other: Mapping[str, Any]) -> None:
    assert first_choice(listed(other), ("2023-05-05",)) == ()


def test_that_a_date_has_one_series_and_it_is_said() -> None:
    found = listed({"acquired": "2024-01-01"}, {"acquired": "2024-01-01"})
    chosen, said = toggled(found, ("1.0",), "1.1")
    assert chosen == ("1.1",)
    assert "takes the place" in said


def test_that_a_series_before_the_first_visit_is_told_beforehand() -> None:
    found = listed({"acquired": "2020-01-01"})
    assert "before" in problem(found, ("1.0",), ("2024-01-01",))
    assert "already" in problem(found, ("1.0",), ("2020-01-01",))
    assert problem(found, ("1.0",)) == ""


def test_that_space_chooses_from_the_keyboard(seen: MainWindow, qtbot: QtBot) -> None:
    browser = page_of(seen).browser
    go_to(browser, "follow-up")
    qtbot.keyClick(browser.tree, Qt.Key.Key_Space)
    assert [browser.series(key).title for key in browser.chosen] == ["follow-up"]
    qtbot.keyClick(browser.tree, Qt.Key.Key_Space)
    assert browser.chosen == ()


def test_that_a_click_on_the_tick_chooses(seen: MainWindow, qtbot: QtBot) -> None:
    browser = page_of(seen).browser
    go_to(browser, "arterial")
    row = browser.tree.visualRect(browser.tree.currentIndex())
    place = QPoint(row.left() + 16, row.center().y())
    for chosen in (["arterial"], []):
        qtbot.mouseClick(browser.tree.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert [browser.series(key).title for key in browser.chosen] == chosen


def test_that_everything_focusable_in_the_browser_has_a_name(seen: MainWindow) -> None:
    nameless = [
        type(widget).__name__
        for widget in page_of(seen).browser.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.isVisible()
        and not isinstance(widget, QScrollArea)
        and not widget.accessibleName()
    ]
    assert nameless == []


def test_that_phases_of_one_series_are_shown_and_imported_apart(
    empty: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    """Two temporal positions at the same places, 100 HU apart, as two parts of one series."""
    folder = tmp_path / "images"
    for phase in (1, 2):
        said = {"SeriesInstanceUID": "1.2.77", "SeriesDescription": "dynamic"}
        said |= {"TemporalPositionIdentifier": phase, "RescaleIntercept": -1000 + 100 * phase}
        write_series(folder, f"phase {phase}", **said)
    browser = looked(qtbot, empty, folder)
    titles = [s.title for s in browser.listed]
    assert titles == ["dynamic (part 1)", "dynamic (part 2)"]
    if browser.chosen != ("1.2.77#1",):
        browser.toggle("1.2.77#1")
    assert browser.chosen == ("1.2.77#1",)
    press(qtbot, page_of(empty), "Import chosen")
    qtbot.waitUntil(lambda: not empty.session.busy, timeout=SOON)
    (visit,) = empty.session.case.visits
    assert empty.session.get(visit.volume).voxels.min() == 900 - 1000 + 200


# -- quick look -------------------------------------------------------------------------------


def test_that_a_quick_look_stores_nothing(
    left_behind: LeftBehind,
    window: MainWindow,
    qtbot: QtBot,
    images: Path,
    case_path: Path,
) -> None:
    before, there = kept(case_path), kept(images)
    browser = looked(qtbot, window, images)
    go_to(browser, "arterial")
    view = browser.quick_look
    qtbot.waitUntil(lambda: view.viewing.volume is not None and resting(browser), timeout=SOON)
    assert view.viewing.volume.array.shape == (16, 16, 6)
    first = view.view.number
    qtbot.keyClick(view.view, Qt.Key.Key_Up)
    assert view.view.number == first + 1
    browser.close_place()
    qtbot.waitUntil(lambda: not left_behind(), timeout=SOON)
    assert kept(case_path) == before
    assert kept(images) == there


def test_that_the_first_slice_is_there_in_half_a_second(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    """The best of three, for other programs may hold the processor."""
    big = np.zeros((512, 512))
    (tmp_path / "big").mkdir()
    for n in range(40):
        one = slice_of(big + n, (0.0, 0.0, 2.0 * n), SeriesDescription="big")
        one.save_as(tmp_path / "big" / f"{n}.dcm", enforce_file_format=True)
    browser = looked(qtbot, window, tmp_path / "big")
    took = []
    for _ in range(3):
        browser.tree.setCurrentIndex(browser.filtered.index(0, 0))
        qtbot.waitUntil(lambda: resting(browser), timeout=SOON)
        began = monotonic()
        go_to(browser, "big")
        qtbot.waitUntil(lambda: browser.quick_look.viewing.volume is not None, timeout=SOON)
        took.append(monotonic() - began)
        qtbot.waitUntil(lambda: resting(browser), timeout=SOON)
    assert min(took) < 0.5


def test_that_what_a_killed_look_left_is_swept_next_time(
    left_behind: LeftBehind, window: MainWindow, qtbot: QtBot, only: Path
) -> None:
    browser = looked(qtbot, window, only)
    (folder,) = left_behind()
    window.session.failed.disconnect()
    browser._child._process.kill()
    qtbot.waitUntil(lambda: not browser.is_looking, timeout=SOON)
    assert folder.exists()
    looked(qtbot, window, only)
    assert not folder.exists()
    browser.close_place()
    qtbot.waitUntil(lambda: not left_behind(), timeout=SOON)


def test_that_looking_needs_no_case_and_makes_one_when_asked(qtbot: QtBot, only: Path) -> None:
    made = MainWindow()
    qtbot.addWidget(made)
    made.show()
    looked(qtbot, made, only)
    assert not made.session.is_open
    assert not [path for path in own_folder().rglob("*") if "scans" in path.name]
    page = page_of(made)
    page._pseudonym.setText("nobody")
    press(qtbot, page, "Make a case")
    qtbot.waitUntil(lambda: len(made.session.case.visits) == 1, timeout=SOON)
    assert made.session.case.patient == "nobody"
    assert page.pictures() is None
    made.close()


# -- dropping ---------------------------------------------------------------------------------


def test_that_a_zip_dropped_anywhere_is_looked_at(
    left_behind: LeftBehind, window: MainWindow, qtbot: QtBot, images: Path
) -> None:
    packed = images.parent / "from elsewhere.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (images / "follow-up").iterdir():
            archive.write(path, f"a/{path.name}")
    window.choose_page("mesh")
    drop(window, QUrl.fromLocalFile(str(packed)))
    browser = page_of(window).browser
    qtbot.waitUntil(lambda: bool(browser.listed), timeout=SOON)
    assert [s.title for s in browser.listed] == ["follow-up"]
    browser.close_place()
    qtbot.waitUntil(lambda: not left_behind(), timeout=SOON)


def test_that_only_one_place_of_this_computer_can_be_dropped(tmp_path: Path) -> None:
    def held(*urls: str) -> QMimeData:
        made = QMimeData()
        made.setUrls([QUrl(url) for url in urls])
        return made

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for name in ("1.dcm", "2.dcm"):
        (tmp_path / name).touch()
    here = tmp_path.as_uri()
    assert place_of(held(f"{here}/a")) == tmp_path / "a"
    assert place_of(held(f"{here}/1.dcm", f"{here}/2.dcm")) == tmp_path
    with pytest.raises(BadInput, match="this computer"):
        place_of(held("https://example.org/x.zip"))
    with pytest.raises(BadInput, match="2 things"):
        place_of(held(f"{here}/a", f"{here}/b"))


def test_that_a_case_folder_that_is_dropped_is_opened(qtbot: QtBot, case_path: Path) -> None:
    made = MainWindow()
    qtbot.addWidget(made)
    drop(made, QUrl.fromLocalFile(str(case_path)))
    assert made.session.case.patient == "phantom"
    assert not made.findChild(Dropping).isVisible()
    made.close()


# -- cancelling -------------------------------------------------------------------------------


def test_that_a_cancelled_scan_leaves_nothing(
    left_behind: LeftBehind,
    window: MainWindow,
    qtbot: QtBot,
    images: Path,
    case_path: Path,
) -> None:
    before = kept(case_path)
    window.look_at(images)
    browser = page_of(window).browser
    child = browser._child
    qtbot.waitUntil(lambda: child.pid > 0, timeout=SOON)
    press(qtbot, browser, "Cancel")
    assert not browser.is_looking
    qtbot.waitUntil(lambda: not left_behind() and not window.session._questions, timeout=SOON)
    assert kept(case_path) == before


def test_that_a_cancelled_import_leaves_nothing(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, case_path: Path
) -> None:
    big = 900 + np.random.default_rng(0).integers(0, 500, (512, 512))
    for visit in range(4):
        (tmp_path / "big" / str(visit)).mkdir(parents=True)
        for n in range(20):
            said = {"SeriesInstanceUID": f"1.9.{visit}", "AcquisitionDate": f"2025010{visit + 1}"}
            one = slice_of(big, (0.0, 0.0, 2.0 * n), **said)
            one.save_as(tmp_path / "big" / str(visit) / f"{n}.dcm", enforce_file_format=True)
    before = kept(case_path)
    objects = window.session.folder.objects.root
    counted = len(list(objects.glob("??/*")))
    assert window.session.do("import", {"path": str(tmp_path / "big")})
    qtbot.waitUntil(lambda: len(list(objects.glob("??/*"))) > counted + 1, timeout=SOON)
    window.session.cancel()
    qtbot.waitUntil(lambda: not window.session.busy, timeout=SOON)
    assert len(window.session.case.visits) == 1
    assert kept(case_path) == before


# -- deciding ---------------------------------------------------------------------------------


@pytest.fixture
def empty(qtbot: QtBot, tmp_path: Path) -> Any:
    """A window on a case without visits."""
    made = MainWindow()
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    assert made.session.create(tmp_path / "empty", "nobody")
    yield made
    made.close()


def imported(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    """Look at a place, choose its only series, import it."""
    browser = looked(qtbot, window, path)
    if not browser.chosen:
        browser.toggle(browser.listed[0].key)
    count = len(window.session.case.visits)
    press(qtbot, page_of(window), "Import chosen")
    qtbot.waitUntil(lambda: not window.session.busy, timeout=SOON)
    assert len(window.session.case.visits) == count + 1


def decide(qtbot: QtBot, window: MainWindow, text: str, reason: str) -> None:
    page = page_of(window)
    (field,) = [f for f in page.findChildren(QLineEdit) if f.accessibleName().startswith("Reason")]
    (button,) = [b for b in page.findChildren(QPushButton) if text in b.text().replace("&", "")]
    assert not button.isEnabled()
    qtbot.keyClicks(field, reason)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    QApplication.processEvents()


def test_that_an_acknowledgement_reaches_the_journal(
    empty: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    heights = [0.0, 3.0, 6.0, 12.0, 15.0, 18.0]  # the one at 9 mm is missing
    imported(qtbot, empty, write_series(tmp_path / "images", "gap", heights=heights))
    assert "volumes and margins are withheld" in said_in(page_of(empty))
    assert "missing" in said_in(page_of(empty))
    decide(qtbot, empty, "Acknowledge", "the gap lies below the liver")
    last = empty.session.entries[-1].done
    assert last.step == "acknowledge"
    assert last.arguments["reason"] == "the gap lies below the liver"
    assert "withheld" not in said_in(page_of(empty))


@pytest.mark.parametrize(("text", "visits"), [("Same patient", 2), ("Another patient", 1)])
def test_that_a_held_visit_waits_for_a_decision(
    empty: MainWindow, qtbot: QtBot, images: Path, text: str, visits: int
) -> None:
    imported(qtbot, empty, images / "follow-up")
    other = {"PatientName": "Eve^Four", "PatientID": "E4", "AcquisitionDate": "20240601"}
    imported(qtbot, empty, write_series(images, "later", **other))
    assert empty.session.case.visits[1].held
    said = said_in(page_of(empty))
    assert "another patient?" in said
    assert "Ann, One" in said
    assert "Eve, Four" in said
    decide(qtbot, empty, text, "asked the ward")
    last = empty.session.entries[-1].done
    assert (last.step, last.arguments["reason"]) == ("identify", "asked the ward")
    assert len(empty.session.case.visits) == visits
    assert not any(visit.held for visit in empty.session.case.visits)
