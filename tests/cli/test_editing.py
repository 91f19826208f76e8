"""`organtwin edit`, `structure` and `mark` on a small case."""

import json
from datetime import date
from getpass import getuser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.casefolder import CaseFolder
from organtwin.cli import main
from organtwin.core.case import Case, Visit
from organtwin.core.journal import Done
from organtwin.core.volume import GeometryReport, Volume

Capsys = pytest.CaptureFixture[str]
BALL = 4 / 3 * np.pi * 9.0**3 / 1000


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A case whose only visit has no labels."""
    geometry = GeometryReport((1.0, 1.0, 1.0), "LPS")
    volume = Volume(np.zeros((30, 30, 30), np.int16), np.eye(4), "HU", "CT", geometry)
    with CaseFolder.create(tmp_path / "case", Case("P")) as folder:
        visit = Visit(0.0, date(2026, 1, 1), folder.put(volume), seen=True)
        folder.append(Case("P", visits=(visit,)), Done("made"))
    return tmp_path / "case"


def told(capsys: Capsys, *words: str) -> tuple[int, Any]:
    status = main([*words, "--json"])
    out = capsys.readouterr().out
    return status, json.loads(out) if out else None


def test_that_a_liver_is_made_by_hand(case: Path, capsys: Capsys, tmp_path: Path) -> None:
    assert told(capsys, "structure", str(case), "add", "liver")[0] == 0
    gesture = {"structure": "liver", "points": [[15.2, 14.8, 15.1]], "radius_mm": 9}
    (tmp_path / "ball.json").write_text(json.dumps(gesture))
    status, said = told(
        capsys, "edit", str(case), "--tool", "paint", "--arguments", f"@{tmp_path / 'ball.json'}"
    )
    assert status == 0
    assert said["tables"]["Structures"][0]["volume mL"] == pytest.approx(BALL, rel=0.02)
    status, said = told(
        capsys, "mark", str(case), "--structure", "liver", "--state", "reviewed", "--who", "A. B."
    )
    assert said["tables"]["Work"] == [
        {
            "visit": 0,
            "structure": "liver",
            "state": "reviewed",
            "who": f"A. B. (account {getuser()})",
        }
    ]


@pytest.mark.parametrize("said", ["{", "[]", '{"structure": "liver"}', "@nowhere", "[" * 100_000])
def test_that_a_gesture_that_is_none_is_refused(case: Path, capsys: Capsys, said: str) -> None:
    told(capsys, "structure", str(case), "add", "liver")
    assert told(capsys, "edit", str(case), "--tool", "paint", "--arguments", said)[0] == 2


def test_that_the_tools_are_listed(capsys: Capsys) -> None:
    status, said = told(capsys, "edit")
    assert (status, "scissors" in {row["tool"] for row in said["tables"]["Tools"]}) == (0, True)
