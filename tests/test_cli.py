"""Exit status and errors of the command line."""

import json
from pathlib import Path

import pytest

from organtwin.casefolder import CaseFolder
from organtwin.cli import main
from organtwin.core.case import Case
from organtwin.demo import MARK

ROOT = Path(__file__).parents[1]


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(capsys.readouterr().out)
    return found


def test_that_an_empty_folder_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    status = main(["import", str(tmp_path / "empty"), "--case", str(tmp_path / "c"), "--json"])
    assert (status, said(capsys)["error"]["class"]) == (2, "NoImages")


def test_that_a_failed_import_leaves_no_case_behind(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "letter.dcm").write_text("not an image")
    assert main(["import", str(tmp_path / "images"), "--case", str(tmp_path / "c")]) == 2
    assert not (tmp_path / "c").exists()


def test_that_import_never_touches_a_folder_in_use(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    assert main(["import", str(tmp_path), "--case", str(tmp_path / "mine")]) == 2
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_that_a_verb_without_its_forerunner_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = ROOT / "sample_dicom" / "images" / "day000"
    assert main(["import", str(images), "--case", str(tmp_path / "c")]) == 0
    capsys.readouterr()
    assert main(["mesh", str(tmp_path / "c"), "--json"]) == 2
    assert "segment" in said(capsys)["error"]["advice"]


def test_that_the_same_visit_twice_is_refused(tmp_path: Path) -> None:
    images = str(ROOT / "sample_dicom" / "images" / "day000")
    assert main(["import", images, "--case", str(tmp_path / "c")]) == 0
    assert main(["import", images, "--case", str(tmp_path / "c")]) == 2


def test_that_a_folder_without_a_case_is_bad_input(tmp_path: Path) -> None:
    assert main(["mesh", str(tmp_path)]) == 2


def test_that_a_demo_never_empties_a_folder_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x")
    assert main(["demo", "--to", str(tmp_path)]) == 2
    assert (tmp_path / "thesis.txt").exists()


def test_that_an_earlier_demo_is_emptied_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / MARK).write_text("x")
    (tmp_path / "report.html").write_text("x")
    assert main(["demo", "--to", str(tmp_path)]) == 2
    assert (tmp_path / "report.html").exists()


def test_that_a_report_is_written_over_another_only_when_asked(tmp_path: Path) -> None:
    with CaseFolder.create(tmp_path / "case", Case("P")):
        pass
    (tmp_path / "report.html").write_text("x")
    assert main(["report", str(tmp_path / "case"), "--to", str(tmp_path)]) == 2
    assert (tmp_path / "report.html").read_text() == "x"


def test_that_an_unknown_verb_ends_with_two() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fly"])
    assert ended.value.code == 2
