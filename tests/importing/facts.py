"""What two other readers found in the sets of `../shared/data`, and how facts are compared.

The walk goes by the keys of the facts: each is compared by a function of the table of its kind, or
stands with a reason in `NOT_OURS`; a key in neither fails as one that nobody compares.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import UID

from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing import (
    Scan,
    Series,
    read_volume,
    scan,
)
from organtwin.importing.elements import wanted
from organtwin.importing.formats import everything_wanted
from organtwin.importing.geometry import heights_mm
from organtwin.importing.opening import Opened, opened
from organtwin.importing.pixels import FrameReader

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
WATCH = Watch()
PLACE_MM = 0.01
ROUNDED_MM = 5.1e-4
"""Places of voxels are given to three decimals, values and everything else to four or more."""
ROUNDED = 5.1e-5
UNIT = 2.1e-5
"""Directions are made unit vectors at right angles here; the facts repeat them as the files say."""

NOT_OURS = {
    "kind": "of the case, names what else is known of it",
    "what": "of the case, a remark",
    "dtype": "of the file; voxels here are int16 or float32",
    "pydicom_read_strict": "of the other reader",
    "tools_agree": "of the two other readers",
    "max_abs_difference": "of the two other readers",
    "max_abs_difference_pydicom_simpleitk": "of the two other readers",
    "compared_as": "of the two other readers",
    "monochrome1_note": "of the two other readers",
    "pydicom_read_force": "of the other reader: the file is broken, and refused here",
    "simpleitk_error": "of the other reader: what is refused here stands in ERRORS",
    "nibabel_axcodes_ras": "axes_ijk_lps says the same",
    "nibabel_zooms": "spacing says the same",
    "voxels_union": "contours combine by the even-odd rule here (PS3.3 C.8.8.6.3)",
    "volume_mL_raster_union": "contours combine by the even-odd rule here (PS3.3 C.8.8.6.3)",
    "head_dice_pre_post_unregistered": "a registration's start, nothing that is read",
    "correlation_pre_post_unregistered": "a registration's start, nothing that is read",
    "dates_shifted": "of supplementary.csv; the NIfTI files have no dates",
    "days_between": "of supplementary.csv; the NIfTI files have no dates",
    "source_note": "a remark",
}
"""Facts that are not compared, and why; btp-longitudinal-a's geometry is compared as its headers
say it, although they are wrong (geometry_warning)."""


def facts_of(name: str) -> Any:
    return json.loads((DATA / name / "expected.json").read_text(encoding="utf-8"))


SETS = sorted(p.parent.name for p in DATA.glob("*/expected.json"))
EXPECTED = {name: facts_of(name) for name in SETS}
Check = Callable[[Any, Any], None]


def compare(found: Any, facts: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    """Compare everything known of one thing with what was found."""
    for key, fact in facts.items():
        if key not in NOT_OURS:
            assert key in checks, f"nobody compares {key!r}"
            try:
                checks[key](found, fact)
            except AssertionError as error:
                raise AssertionError(f"{key}: {error}") from error


def about(found: Any, fact: Any, within: float = ROUNDED) -> None:
    assert found == pytest.approx(fact, abs=within, rel=1.2e-7)


def same(of: Callable[[Any], Any]) -> Check:
    """Return the comparison of what `of` gives with the fact, exactly."""

    def check(found: Any, fact: Any) -> None:
        assert of(found) == fact

    return check


def near(of: Callable[[Any], Any], within: float = ROUNDED) -> Check:
    """Return the comparison of the numbers that `of` gives with the fact."""
    return lambda found, fact: about(np.ravel(of(found)).tolist(), np.ravel(fact).tolist(), within)


@cache
def scanned(folder: str) -> Scan:
    return scan(DATA / folder, WATCH)


@lru_cache(maxsize=3)
def volume_of(folder: str, number: int) -> Volume:
    return read_volume(scanned(folder).series[number], WATCH)


@cache
def looked_at(path: Path) -> Opened:
    tree = dict(everything_wanted()) | wanted(*HEADER.values())
    return opened(path, tree)


HEADER = {
    "modality": "Modality",
    "photometric": "PhotometricInterpretation",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "patient_name": "PatientName",
    "patient_id": "PatientID",
    "patient_position": "PatientPosition",
    "study_date": "StudyDate",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "series_description": "SeriesDescription",
    "gantry_tilt": "GantryDetectorTilt",
    "slice_thickness": "SliceThickness",
    "spacing_between_slices": "SpacingBetweenSlices",
    "rows": "Rows",
    "cols": "Columns",
    "frames": "NumberOfFrames",
    "bits_allocated": "BitsAllocated",
    "bits_stored": "BitsStored",
    "pixel_representation": "PixelRepresentation",
    "specific_character_set": "SpecificCharacterSet",
    "sop_class": "SOPClassUID",
}
NUMBERS = ("rows", "cols", "bits_allocated", "bits_stored", "pixel_representation")


def check_header(file: Opened, fact: Mapping[str, Any]) -> None:
    compare(file, fact, HEADER_CHECKS)


def _text(keyword: str) -> Check:
    return same(lambda file: file.elements.text(keyword))


def _character_set(file: Opened, fact: str) -> None:
    parts = list(file.elements.texts("SpecificCharacterSet"))
    assert fact == (parts[0] if len(parts) == 1 else str(parts))


HEADER_CHECKS: dict[str, Check] = {
    **{key: _text(keyword) for key, keyword in HEADER.items()},
    **{key: same(lambda f, k=HEADER[key]: f.elements.integer(k)) for key in NUMBERS},
    "frames": same(lambda file: file.elements.integer("NumberOfFrames", 1) or 1),
    "sop_class": same(lambda file: UID(file.elements.text("SOPClassUID")).name),
    "specific_character_set": _character_set,
    "transfer_syntax": lambda file, fact: compare(
        UID(file.transfer_syntax), fact, {"uid": same(str), "name": same(lambda uid: uid.name)}
    ),
}


def folders() -> dict[str, Any]:
    """Return every folder of DICOM images by its place below the data, with what is known of it."""
    found = {
        f"{name}/dicom" if (DATA / name / "dicom").is_dir() else name: known["dicom"]
        for name, known in EXPECTED.items()
        if "dicom" in known
    }
    for name, known in EXPECTED.items():
        found |= {f"{name}/{case}": facts for case, facts in known.get("cases", {}).items()}
    return found


FOLDERS = folders()


def with_uids(folder: str) -> list[Series]:
    """Return the DICOM series of a folder."""
    return [s for s in scanned(folder).series if s.origin is not None]


def elsewhere(found: Any, fact: Any) -> None:
    """Compared by a test of its own."""


@dataclass(frozen=True)
class Part:
    """One Series as found, and where."""

    folder: str
    series: Series

    @property
    def readable(self) -> bool:
        return self.series.refusal is None

    @property
    def exact(self) -> bool:
        """Whether each measured slice is a plane of the volume."""
        return self.readable and self.series.geometry.tilt_deg < 0.05 and self._whole

    @property
    def _whole(self) -> bool:
        heights = (heights_mm(self.series.slices) - heights_mm(self.series.slices)[0]) / (
            self.series.geometry.spacing_mm[2]
        )
        return bool(np.abs(heights - np.round(heights)).max() < 0.01)

    @property
    def volume(self) -> Volume:
        return volume_of(self.folder, scanned(self.folder).series.index(self.series))

    def planes(self) -> Iterator[np.ndarray]:
        """Yield each measured slice, (rows, columns) float64 in the image's unit."""
        for one in self.series.slices:
            samples = FrameReader(one.pixels).frame(one.frame)
            yield samples.astype(np.float64) * one.slope + one.intercept

    def place_mm(self, n: int, row: int, column: int) -> np.ndarray:
        """Return where a pixel of a slice lies, by its header alone."""
        one = self.series.slices[n]
        across = np.multiply(one.row, one.spacing_mm[0] * column)
        return np.add(one.position_mm, across + np.multiply(one.column, one.spacing_mm[1] * row))
