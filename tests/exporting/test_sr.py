"""The numbers as a Structured Report, read by highdicom and by hand."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import highdicom
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from organtwin.core.errors import BadArgument
from organtwin.core.scenario import Quantity
from organtwin.exporting import Finding
from organtwin.exporting.sr import name_of
from tests.exporting.visits import whole, written


def items(seen: Dataset) -> Iterator[Dataset]:
    for item in seen.get("ContentSequence", []):
        yield item
        yield from items(item)


def meaning(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)


def numbers(seen: Dataset) -> dict[str, tuple[float, str]]:
    found = {}
    for item in items(seen):
        if item.ValueType == "NUM":
            said = item.MeasuredValueSequence[0]
            unit = said.MeasurementUnitsCodeSequence[0].CodeValue
            found[meaning(item)] = (float(said.NumericValue), str(unit))
    return found


def report(folder: Path, **more: object) -> Dataset:
    return pydicom.dcmread(written("sr", whole(**more), folder)[0])


def test_that_numbers_stand_with_their_units(tmp_path: Path) -> None:
    found = numbers(report(tmp_path))
    assert found["Volume"] == (11.4, "mL")
    assert found["Long axis"] == (28.0, "mm")
    assert found["remnant fraction"] == (61.2, "%")


def test_that_lengths_have_the_codes_of_dicom() -> None:
    names = ("longest diameter", "short axis", "longest diameter in 3D")
    terms = [name_of(Quantity(name, "tumour-1", 9.0, "mm")) for name in names]
    lengths = codes.CID7470  # linear measurements
    wanted = [lengths.LongAxis, lengths.ShortAxis, lengths.Maximum3DDiameterOfAMesh]
    assert [(t.value, t.scheme) for t in terms] == [(w.value, w.scheme_designator) for w in wanted]


def test_that_an_interval_is_said_as_reach_above_and_below(tmp_path: Path) -> None:
    volume = next(i for i in items(report(tmp_path)) if meaning(i) == "Volume")
    reach = {
        meaning(i): (
            float(i.MeasuredValueSequence[0].NumericValue),
            i.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
        )
        for i in volume.ContentSequence
        if i.ValueType == "NUM"
    }
    assert reach["+, range of upper measurement uncertainty"] == (1.6, "mL")  # 13.0 − 11.4
    assert reach["-, range of lower measurement uncertainty"] == (2.4, "mL")  # 11.4 − 9.0


def test_that_a_group_points_at_its_segment_of_the_same_export(tmp_path: Path) -> None:
    one = whole(chosen=("seg", "sr"))
    seg = pydicom.dcmread(written("seg", one, tmp_path)[0])
    seen = highdicom.sr.srread(str(written("sr", one, tmp_path)[0]))
    (group,) = seen.content.get_volumetric_roi_measurement_groups()
    segment = next(s for s in seg.SegmentSequence if s.SegmentLabel == "tumour-1")
    assert [m.value for m in group.get_measurements()] == [11.4, 28.0]
    assert group.tracking_uid == segment.TrackingUID
    pointed = next(i for i in items(seen) if i.ValueType == "IMAGE").ReferencedSOPSequence[0]
    assert pointed.ReferencedSOPInstanceUID == seg.SOPInstanceUID
    assert pointed.ReferencedSegmentNumber == segment.SegmentNumber


def test_that_without_a_segmentation_no_segment_is_pointed_at(tmp_path: Path) -> None:
    assert not any(item.ValueType == "IMAGE" for item in items(report(tmp_path)))


def test_that_what_makes_numbers_doubtful_stands_beside_them(tmp_path: Path) -> None:
    said = [item.TextValue for item in items(report(tmp_path)) if item.ValueType == "TEXT"]
    assert "geometry acknowledged: a gap" in said
    assert "a vessel is cut" in said
    assert "volume: voxels; interval: 90%" in said
    assert "RESEARCH USE ONLY; not a medical device." in said


def test_that_a_finding_without_numbers_is_written_with_its_reason(tmp_path: Path) -> None:
    withheld = (Finding("liver", "liver", (), ("volumes and margins withheld: a gap",)),)
    one = replace(whole(), findings=lambda: withheld)
    seen = pydicom.dcmread(written("sr", one, tmp_path)[0])
    assert numbers(seen) == {}
    assert "volumes and margins withheld: a gap" in [i.get("TextValue") for i in items(seen)]


def test_that_a_unit_without_a_code_is_refused(tmp_path: Path) -> None:
    odd = (Finding("liver", "liver", (Quantity("speed", "liver", 1.0, "furlong"),)),)
    with pytest.raises(BadArgument, match="furlong"):
        written("sr", replace(whole(), findings=lambda: odd), tmp_path)
