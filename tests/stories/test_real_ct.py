"""The same verbs on a real abdominal CT with an RTSTRUCT that cites absent slices."""

import json
from pathlib import Path

import pytest

from organtwin.casefolder import CaseFolder
from organtwin.cli import main

DATA = Path(__file__).parents[3] / "shared" / "data" / "ccth-a01-abdomen"
TILT = json.dumps({"down": [0.34, 0.94, 0.0]})


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared real data is not beside this checkout")
def test_that_a_real_ct_goes_from_import_to_report(tmp_path: Path) -> None:
    case = str(tmp_path / "case")
    assert main(["import", str(DATA), "--case", case]) == 0
    assert main(["segment", case, "--visit", "0", "--labels", str(DATA / "RTstruct.dcm")]) == 0
    assert main(["mesh", case, "--organ-edge-mm", "14"]) == 0
    assert main(["simulate", case, "deform", "--arguments", TILT]) == 0
    assert main(["report", case, "--to", str(tmp_path / "report")]) == 0
    assert (tmp_path / "report" / "report.pdf").is_file()
    expected = json.loads((DATA / "expected.json").read_text())["rtstruct_on_this_subset"]
    with CaseFolder.open(Path(case), write=False) as folder:
        measured = folder.get(folder.case.visits[0].labels).volume_ml("liver")
    for way in ("volume_mL_polygon_area_x_gap", "volume_mL_raster_xor", "volume_mL_raster_union"):
        assert measured == pytest.approx(expected["liver"][way], rel=0.02)
