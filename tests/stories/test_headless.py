"""The whole river on the sample patient without a window, judged by the patient's truth."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.casefolder import CaseFolder
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing import read_labels, scan
from organtwin.organs import organ
from organtwin.reporting.audit_check import verify_audit

ROOT = Path(__file__).parents[2]
TRUTH = ROOT / "sample_dicom" / "truth"
DAYS = (0, 45, 90, 135)


@pytest.fixture(scope="session")
def folder(demo: Path) -> CaseFolder:
    with CaseFolder.open(demo / "case", write=False) as folder:
        yield folder


def truth(day: int, volume: Volume) -> LabelMap:
    (source,) = scan(TRUTH / f"day{day:03d}_seg.dcm", Watch()).labels
    return read_labels(source, volume, organ("liver"), names=None, watch=Watch())


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return 2.0 * float((first & second).sum()) / float(first.sum() + second.sum())


def test_that_every_file_promised_is_there(demo: Path) -> None:
    promised = ("report.html", "report.pdf", "comparison.png", "outcomes.json", "forecasts.json",
                "audit.zip", "case")  # fmt: skip
    assert [name for name in promised if not (demo / name).exists()] == []


@pytest.mark.parametrize("visit", range(4))
def test_that_the_liver_and_both_tumours_are_found(folder: CaseFolder, visit: int) -> None:
    seen = folder.case.visits[visit]
    labels, volume = folder.get(seen.labels), folder.get(seen.volume)
    real = truth(DAYS[visit], volume)
    assert dice(labels.mask("liver"), real.mask("liver")) >= 0.95
    assert len(labels.of_kind("tumour")) == 2
    for name in ("tumour-1", "tumour-2"):
        assert dice(labels.mask(name), real.mask(name)) >= 0.85


def forecasts_of(demo: Path, day: float) -> list[dict[str, Any]]:
    visits = json.loads((demo / "forecasts.json").read_text(encoding="utf-8"))["visits"]
    (found,) = [visit["forecasts"] for visit in visits if visit["day"] == day]
    return list(found)


def test_that_three_forecasts_are_made_and_scored(demo: Path) -> None:
    assert {f["made_on_day"] for f in forecasts_of(demo, 135)} == {0, 45, 90}


def test_that_the_final_forecast_is_near_what_came(demo: Path) -> None:
    final = [f for f in forecasts_of(demo, 135) if f["made_on_day"] == 90]
    assert len(final) == 2
    assert all(abs(f["scores"]["error_percent"]) < 25 for f in final)


def test_that_every_outcome_has_a_unit_and_regrowth_an_interval(demo: Path) -> None:
    told = json.loads((demo / "outcomes.json").read_text(encoding="utf-8"))
    names = [scenario["name"] for scenario in told["scenarios"]]
    assert names == ["resect along a plane", "ablate", "wait under chemotherapy"]
    rows = [row for scenario in told["scenarios"] for row in scenario["rows"]]
    assert all(row["unit"] and row["basis"] for row in rows)
    regrowth = [row for row in rows if row["name"].startswith("visible volume")]
    assert len(regrowth) == 12
    assert all(
        row["interval"]["low"] <= row["value"] <= row["interval"]["high"] for row in regrowth
    )


def test_that_the_held_back_visit_never_entered_the_belief(folder: CaseFolder) -> None:
    held_back = set(folder.case.visits[3].observations)
    beliefs = [folder.get(b) for twin in folder.case.twins for b in folder.get(twin).beliefs]
    assert not held_back & {o for belief in beliefs for o in belief.observations}
    assert not folder.case.visits[3].seen


def test_that_the_audit_package_verifies(demo: Path, folder: CaseFolder) -> None:
    assert verify_audit(demo / "audit.zip", Watch()).root == folder.entries[-1].link


def test_that_the_report_says_research_use(demo: Path) -> None:
    assert "research use only" in (demo / "report.html").read_text(encoding="utf-8").lower()


def test_that_a_case_opens_after_the_demo_and_undoes(demo: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "case"
    shutil.copytree(demo / "case", copy, ignore=shutil.ignore_patterns("jobs"))
    with CaseFolder.open(copy) as case:
        case.undo()
        assert not case.case.comparison
