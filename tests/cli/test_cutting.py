from __future__ import annotations

import json
from pathlib import Path

import meshio
import pytest

from organtwin.casefolder import CaseFolder
from organtwin.cli import main
from organtwin.core.case import Case
from organtwin.core.journal import Done
from tests.meshing.cubes import cube


@pytest.fixture
def case(tmp_path: Path) -> Path:
    with CaseFolder.create(tmp_path / "case", Case("P"), "tester") as folder:
        folder.append(folder.case.having(mesh=folder.put(cube())), Done("mesh"))
    return tmp_path / "case"


def test_that_a_case_is_cut_and_both_parts_are_written(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = case.with_name("part.vtu")
    plane = "--plane=15,15,15,1,0.5,0.3"
    assert main(["cut", str(case), plane, "--to", str(to), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["remnant"]["volume_ml"] == pytest.approx(13.5, rel=0.01)
    assert told["remnant"]["volume_ml"] + told["specimen"]["volume_ml"] == pytest.approx(27.0)
    assert "liver.cut" in meshio.read(told["specimen"]["files"][0]).field_data
    assert told["pieces"] == {"remnant": 1, "specimen": 1}
    assert told["remarks"] == []
    with CaseFolder.open(case) as folder:
        assert folder.case.cut
        record = json.loads(to.with_name("part-specimen.vtu.json").read_text())
        assert record["sha256"]["cut"] == folder.case.cut


def test_that_a_plane_that_misses_is_refused(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cut", str(case), "--plane=99,99,99,1,0,0"]) == 2
    assert "one side" in capsys.readouterr().err


def test_that_a_case_is_cut_by_a_file_of_lines(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = case.with_name("lines.json")
    drawn = [[[-5, 15, 15], [15, 18, 15], [35, 15, 15]]]
    lines.write_text(json.dumps({"lines_mm": drawn, "along": [0, 0, -1]}))
    assert main(["cut", str(case), "--lines", str(lines), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["remnant"]["volume_ml"] + told["specimen"]["volume_ml"] == pytest.approx(27.0)
    lines.write_text("[1, 2]")
    assert main(["cut", str(case), "--lines", str(lines)]) == 2
