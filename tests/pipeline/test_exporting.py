"""Export of a visit: what is gathered, what is refused, what the journal says."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from organtwin.casefolder import CaseFolder
from organtwin.cli import main
from organtwin.core.case import Case, Visit
from organtwin.core.errors import BadArgument, BadInput, Missing, Stopped
from organtwin.core.journal import Done, JournalEntry
from organtwin.core.observation import Observation
from organtwin.core.scenario import Comparison, Outcome, Quantity, Scenario
from organtwin.core.volume import GeometryReport, Grade, Volume
from organtwin.core.watch import Watch
from organtwin.pipeline.exporting import export, made_by
from organtwin.pipeline.findings import PLANNED, findings_of
from tests.exporting.visits import ANN, complaints, origin_of
from tests.phantoms import liver_phantom

LABELS = liver_phantom((4.0, 4.0, 4.0))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[CaseFolder]:
    with CaseFolder.create(tmp_path / "case", Case("P")) as made:
        yield made


def a_case(folder: CaseFolder, grade: Grade = "good", **visit: Any) -> Case:
    geometry = GeometryReport((4.0, 4.0, 4.0), "LPS", grade=grade, findings=("a gap",))
    voxels = np.zeros(LABELS.labels.shape, np.int16)
    volume = Volume(voxels, LABELS.affine, "HU", "CT", geometry, date(2026, 1, 1))
    origin = origin_of(LABELS.affine, LABELS.labels.shape[2])
    first = Visit(
        0.0,
        date(2026, 1, 1),
        folder.put(volume),
        folder.put(LABELS),
        seen=True,
        origin=folder.put(origin),
        identity=folder.put(ANN),
    )
    return Case("P", visits=(replace(first, **visit),))


def exported(
    case: Case, folder: CaseFolder, *what: str, **more: Any
) -> tuple[tuple[Path, ...], Done]:
    given = {"visit": 0, "to": folder.path.parent / "out", "watch": Watch()} | more
    return export(case, folder, folder.entries, what=what, **given)


def test_that_the_entry_names_the_files_by_their_hashes_and_no_folder(folder: CaseFolder) -> None:
    paths, done = exported(a_case(folder), folder, "seg", "sr")
    assert [path.name for path in paths] == ["visit0-seg.dcm", "visit0-sr.dcm"]
    assert done.arguments["files"] == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }
    assert "out" not in str(done.arguments)


def test_that_the_report_points_at_the_segmentation_beside_it(folder: CaseFolder) -> None:
    seg, sr = (pydicom.dcmread(p) for p in exported(a_case(folder), folder, "seg", "sr")[0])
    assert seg.SOPInstanceUID in str(sr.CurrentRequestedProcedureEvidenceSequence)
    assert str(seg.PatientName) == ANN.name


def test_that_everything_is_written_when_asked(folder: CaseFolder) -> None:
    names = {path.name for path in exported(a_case(folder), folder, "all")[0]}
    assert {f"visit0-{n}.dcm" for n in ("seg", "rtstruct", "sr", "obj", "report")} <= names
    assert "visit0-labelmap.dcm" not in names
    assert {"visit0-stl-liver.dcm", "visit0-picture-1.dcm"} <= names


def test_that_a_held_visit_is_refused(folder: CaseFolder) -> None:
    with pytest.raises(BadInput, match="another patient"):
        exported(a_case(folder, held=("names differ",)), folder, "seg")


def test_that_a_visit_without_labels_is_missing_them(folder: CaseFolder) -> None:
    with pytest.raises(Missing):
        exported(a_case(folder, labels=""), folder, "seg")


@pytest.mark.parametrize(("what", "visit"), [("video", 0), ("seg", 7)])
def test_that_what_is_not_there_is_refused(folder: CaseFolder, what: str, visit: int) -> None:
    with pytest.raises(BadArgument):
        exported(a_case(folder), folder, what, visit=visit)


def test_that_a_stopped_export_leaves_nothing(folder: CaseFolder) -> None:
    watch = Watch(asked_to_stop=lambda: True)
    with pytest.raises(Stopped):
        exported(a_case(folder), folder, "seg", watch=watch)
    assert not list((folder.path.parent / "out").iterdir())


def test_that_withheld_geometry_gives_reasons_and_no_number(folder: CaseFolder) -> None:
    found = findings_of(a_case(folder, "withheld"), folder, 0)
    assert all(f.quantities == () for f in found)
    assert found[0].comments[0] == "volumes and margins withheld: a gap"


def test_that_acknowledged_geometry_is_said_beside_every_number(folder: CaseFolder) -> None:
    found = findings_of(a_case(folder, "acknowledged"), folder, 0)
    assert all("acknowledged geometry: a gap" in f.comments[0] for f in found)
    # Slices 4 mm apart: each end of the liver may lie 2 mm off, over its faces along the normal.
    most_ml = 2.0 * LABELS.ends_mm2("liver") / 1000.0
    assert f"the geometry may change this volume by up to {most_ml:.1f} mL" in found[0].comments
    assert found[0].quantities[0].value == LABELS.volume_ml("liver")


def test_that_an_observations_noise_becomes_the_volumes_interval(folder: CaseFolder) -> None:
    seen = folder.put(Observation("tumour-1", 0.0, 11.0, 0.1, "measured"))
    found = findings_of(a_case(folder, observations=(seen,)), folder, 0)
    volume = next(f for f in found if f.title == "tumour-1").quantities[0]
    # log-normal, sd 0.1: exp(±1.6449 × 0.1) = 1.1788 and its inverse
    assert volume.high == pytest.approx(1.1788 * volume.value, rel=1e-4)
    assert volume.low == pytest.approx(volume.value / 1.1788, rel=1e-4)


def test_that_the_diameters_of_a_tumour_are_those_of_the_ball(folder: CaseFolder) -> None:
    found = findings_of(a_case(folder), folder, 0)
    rows = next(f for f in found if f.title == "tumour-1").quantities
    lengths = {q.name: q.value for q in rows if q.unit == "mm"}
    assert set(lengths) == {"longest diameter", "short axis", "longest diameter in 3D"}
    assert lengths["longest diameter"] == pytest.approx(28.0, abs=2.0)
    assert lengths["short axis"] <= lengths["longest diameter"]


def test_that_scenarios_stand_in_the_visit_they_start_from(folder: CaseFolder) -> None:
    rows = (Quantity("remnant volume", "liver", 700.0, "mL"),)
    compared = Comparison(0.0, (Outcome(Scenario("resect", 0.0, ()), rows, ("close",)),))
    case = a_case(folder).having(comparison=folder.put(compared))
    found = findings_of(case, folder, 0)
    assert (found[-1].title, found[-1].comments) == ("resect: liver", (PLANNED, "close"))
    later = case.having(comparison=folder.put(replace(compared, day=45.0)))
    assert "resect: liver" not in [f.title for f in findings_of(later, folder, 0)]


def entry(step: str, inputs: tuple[str, ...], output: str, **arguments: Any) -> JournalEntry:
    done = Done(step, arguments, inputs, (output,))
    return JournalEntry(1, "", "", 0, "", done, "", "")


def test_that_the_journal_tells_how_labels_were_made() -> None:
    automatic = entry("segment", ("image",), "a", method="liver-ct")
    clicked = entry("segment", ("image", "a"), "b", method="tumour-click")
    assert made_by([automatic], "a").kind == "AUTOMATIC"
    assert made_by([automatic, clicked], "b").kind == "SEMIAUTOMATIC"
    assert made_by([automatic, clicked], "b").name == "liver-ct, tumour-click"


def test_that_the_journal_tells_what_was_edited_by_hand() -> None:
    automatic = entry("segment", ("image",), "a", method="liver-ct")
    edited = [entry("edit", (before, "image"), after) for before, after in ("ab", "bc")]
    made = made_by([automatic, *edited], "c")
    assert (made.kind, made.name) == ("SEMIAUTOMATIC", "liver-ct, edited by hand")
    begun = [entry("structure", ("image",), "a", do="add"), *edited]
    assert (made_by(begun, "c").kind, made_by(begun, "c").known) == ("MANUAL", True)
    assert not made_by([entry("label", ("image",), "a", path="x"), *edited], "c").known
    assert not made_by(edited, "c").known


def test_that_labels_from_a_file_claim_no_method() -> None:
    read = entry("label", ("image",), "a", path="x")
    assert not made_by([read], "a").known
    assert not made_by([], "a").known


def test_that_undo_passes_by_an_export(folder: CaseFolder) -> None:
    folder.append(a_case(folder), Done("import"))
    folder.append(folder.case, Done("export"))
    folder.undo()
    assert folder.case.visits == ()


def test_that_a_deidentified_export_names_nobody_and_stays_valid(
    folder: CaseFolder, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef" * 4)
    names = ("seg", "rtstruct", "stl")
    more = {"deidentify": ["descriptors"], "secret": secret}
    paths, done = exported(a_case(folder), folder, *names, **more)
    assert done.arguments["deidentified"] == ["descriptors"]
    for path in paths:
        seen = pydicom.dcmread(path)
        assert seen.PatientIdentityRemoved == "YES"
        assert "Müller".encode() not in path.read_bytes()
        assert complaints(path) == []


def test_that_everything_deidentified_leaves_the_report_out(
    folder: CaseFolder, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef" * 4)
    _, done = exported(a_case(folder), folder, "all", deidentify=[], secret=secret)
    assert "pdf" not in done.arguments["what"]
    with pytest.raises(BadInput):
        exported(a_case(folder), folder, "pdf", deidentify=[], secret=secret)


def test_that_the_command_line_exports_and_records(
    folder: CaseFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.append(a_case(folder), Done("import"))
    folder.close()
    out = tmp_path / "out"
    asked = ["export", str(folder.path), "--what", "rtstruct", "--to", str(out), "--json"]
    assert main(asked) == 0
    assert "visit0-rtstruct.dcm" in capsys.readouterr().out
    with CaseFolder.open(folder.path) as again:
        assert again.entries[-1].done.step == "export"
