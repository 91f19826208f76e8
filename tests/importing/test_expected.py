"""Every fact of every `expected.json` in `../shared/data`, computed by two other readers, is ours.

The walk goes by the keys of the facts: each is compared by a function of the table of its kind, or
stands with a reason in `NOT_OURS`; a key in neither fails as one that nobody compares.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import UID
from scipy.ndimage import binary_erosion, generate_binary_structure

from organtwin.core.errors import UnreadableFile, WrongGeometry
from organtwin.core.volume import Volume, to_index, to_lps
from organtwin.core.watch import Watch
from organtwin.importing import (
    LabelSource,
    Scan,
    Series,
    dicomdir,
    label_source,
    read_masks,
    read_volume,
    rtstruct,
    scan,
)
from organtwin.importing.dicom_seg import segments_of
from organtwin.importing.dicomdir import cited, records_of
from organtwin.importing.elements import Elements, wanted
from organtwin.importing.formats import Mask, everything_wanted
from organtwin.importing.geometry import heights_mm, normal_of, orientation_of, plane_grid
from organtwin.importing.nifti import beginning_of, header_of
from organtwin.importing.opening import Opened, opened
from organtwin.importing.pixels import FrameReader
from organtwin.importing.planes import directions_of, frames_of, pixels_of, position_of, spacing_of

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


# --- Headers ------------------------------------------------------------------------------------

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


# --- Series of single-frame images --------------------------------------------------------------


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


@lru_cache(maxsize=3)
def measured(part: Part) -> tuple[np.ndarray, ...]:
    return tuple(part.planes())


def check_values(part: Part, fact: Mapping[str, Any]) -> None:
    """Every measured value, and that the volume holds exactly those."""
    planes = measured(part)
    stack = {
        "min": min(p.min() for p in planes),
        "max": max(p.max() for p in planes),
        "mean": float(np.mean([p.mean() for p in planes])),
    }
    compare(stack, fact, {key: near(lambda s, k=key: s[k], 1e-4) for key in stack})
    if part.exact:
        voxels = part.volume.voxels
        heights = heights_mm(part.series.slices)
        for plane, height in zip(planes, heights - heights[0], strict=True):
            k = round(float(height) / part.volume.spacing_mm[2])
            assert np.array_equal(voxels[:, :, k].T, plane.astype(voxels.dtype))


def check_samples(part: Part, fact: list[dict[str, Any]]) -> None:
    for sample in fact:
        compare((part, sample), sample, SAMPLE)


def check_place(of: tuple[Part, Any], fact: list[float]) -> None:
    part, sample = of
    place = part.place_mm(sample["slice"], sample["row"], sample["col"])
    assert np.abs(place - fact).max() <= PLACE_MM + ROUNDED_MM
    if part.exact:
        index = np.round(to_index(part.volume.affine, np.array(fact)))
        assert index[:2].tolist() == [sample["col"], sample["row"]]
        off = np.abs(to_lps(part.volume.affine, index) - fact)
        assert off.max() <= PLACE_MM + ROUNDED_MM


def check_value(of: tuple[Part, Any], fact: float) -> None:
    part, sample = of
    place = np.array(sample["lps"])
    about(measured(part)[sample["slice"]][sample["row"], sample["col"]], fact)
    if part.exact:
        index = np.round(to_index(part.volume.affine, place)).astype(int)
        about(float(part.volume.voxels[tuple(index)]), fact)
    elif part.readable:
        check_interpolated(part, sample["slice"], place)


def check_interpolated(part: Part, n: int, place: np.ndarray) -> None:
    """The voxel nearest to a measured one lies between the measured values around it."""
    volume = part.volume
    index = np.round(to_index(volume.affine, place)).astype(int)
    at = to_lps(volume.affine, index)
    around = []
    for m in range(max(n - 1, 0), min(n + 2, len(part.series.slices))):
        one = part.series.slices[m]
        off = at - np.array(one.position_mm)
        column, row = off @ one.row / one.spacing_mm[0], off @ one.column / one.spacing_mm[1]
        rows = slice(int(np.floor(row)), int(np.ceil(row)) + 1)
        around.append(measured(part)[m][rows, int(np.floor(column)) : int(np.ceil(column)) + 1])
    low, high = min(a.min() for a in around), max(a.max() for a in around)
    assert low - 0.5 <= volume.voxels[tuple(index)] <= high + 0.5


def check_ends(end: int) -> Check:
    def check(part: Part, fact: list[float]) -> None:
        place = np.array(part.series.slices[end].position_mm)
        assert np.abs(place - fact).max() <= PLACE_MM
        if part.exact:
            index = to_index(part.volume.affine, np.array(fact))
            off = to_lps(part.volume.affine, np.round(index)) - fact
            assert np.abs(off).max() <= PLACE_MM

    return check


def check_missing(part: Part, fact: int) -> None:
    """Counted where gaps are multiples of one spacing; changing gaps are a finding of their own."""
    report = part.series.geometry
    if not part.readable and fact:
        assert f"{fact} slices are missing" in part.series.refusal.reason
    elif report.missing_slices != fact:
        assert report.missing_slices == 0
        assert any("gaps change" in finding for finding in report.findings)


def check_shear(part: Part, fact: float) -> None:
    places = np.array([s.position_mm for s in part.series.slices])
    up = np.outer(heights_mm(part.series.slices), normal_of(part.series.slices[0]))
    aside = np.linalg.norm((places - up) - (places - up)[0], axis=1).max()
    about(aside, fact, 1.1e-3)
    if fact > PLACE_MM:
        assert any(f"{fact:.2f} mm" in f for f in part.series.geometry.findings)


def check_other_reader(part: Part, fact: Mapping[str, Any]) -> None:
    """Where another reader places the volume rightly, ours is the same; else ours says so."""
    off_mm = max(fact["last_slice_position_error_mm"], fact["mid_slice_position_error_mm"])
    if not part.readable:
        return
    if off_mm > 0.011:
        assert part.series.geometry.naive_offset_mm >= off_mm - 2e-3
        assert part.series.geometry.grade == "withheld"
        return
    affine = part.volume.affine
    about(part.volume.voxels.shape, fact["size"])
    about(part.volume.spacing_mm, fact["spacing"], 1e-5)
    about(affine[:3, 3].tolist(), fact["origin"], PLACE_MM)
    about((affine[:3, :3] / part.volume.spacing_mm).ravel().tolist(), fact["direction"], 1e-5)


def check_letters(part: Part, fact: list[str]) -> None:
    letters = "".join(axis.rstrip("~") for axis in fact)
    assert orientation_of(plane_grid(part.series.slices[0], 1.0)) == letters
    assert part.series.geometry.orientation == letters


def check_right_elsewhere(part: Part, fact: bool) -> None:
    if part.readable and not fact:
        assert part.series.geometry.grade == "withheld"


SAMPLE: dict[str, Check] = {
    "slice": same(lambda of: of[1]["slice"]),
    "row": same(lambda of: of[1]["row"]),
    "col": same(lambda of: of[1]["col"]),
    "sop": same(lambda of: of[0].series.slices[of[1]["slice"]].sop_uid),
    "lps": check_place,
    "value": check_value,
}
NO_VOLUMES = {
    "odd-dicom-a/localizer-3-planes": "a localizer",
    "odd-dicom-a/dicomdir-77654033/CT2": "161 slices are missing",
}
"""Folders whose series are refused (WrongGeometry) although they have 3 slices or more, and why."""


def check_slices(part: Part, fact: int) -> None:
    """All slices are there; they make a volume, or are refused for what they are."""
    first = part.series.files[0].parent
    place = f"{part.folder}-{first.relative_to(DATA / part.folder)}".removesuffix("-.")
    assert len(part.series.slices) == fact
    refusal = part.series.refusal
    if fact >= 3 and place not in NO_VOLUMES:
        assert refusal is None
        return
    assert refusal is not None
    assert NO_VOLUMES.get(place, "not a volume") in refusal.reason
    assert refusal.error_class == "WrongGeometry"
    with pytest.raises(WrongGeometry):
        read_volume(part.series, WATCH)


VOLUME: dict[str, Check] = {
    "n_slices": check_slices,
    "rows": same(lambda part: part.series.slices[0].pixels.rows),
    "cols": same(lambda part: part.series.slices[0].pixels.columns),
    "row_direction": near(lambda part: part.series.slices[0].row, UNIT),
    "col_direction": near(lambda part: part.series.slices[0].column, UNIT),
    "slice_normal": near(lambda part: normal_of(part.series.slices[0]), UNIT),
    "axes_ijk": check_letters,
    "pixel_spacing_row_col": near(lambda part: part.series.geometry.spacing_mm[1::-1], 1e-6),
    "first_slice_position_lps": check_ends(0),
    "last_slice_position_lps": check_ends(-1),
    "first_sop": same(lambda part: part.series.slices[0].sop_uid),
    "last_sop": same(lambda part: part.series.slices[-1].sop_uid),
    "slice_gap_min": near(lambda part: part.series.geometry.gap_min_mm),
    "slice_gap_max": near(lambda part: part.series.geometry.gap_max_mm),
    "slice_gap_median": near(lambda part: np.median(np.diff(heights_mm(part.series.slices)))),
    "uniform_spacing": same(
        lambda part: part.series.geometry.gap_max_mm - part.series.geometry.gap_min_mm < 0.05
    ),
    "duplicate_positions": same(
        lambda part: int((np.diff(heights_mm(part.series.slices)) < 1e-3).sum())
    ),
    "missing_slices_estimate": check_missing,
    "shear_mm": check_shear,
    "shear_angle_deg": near(lambda part: part.series.geometry.tilt_deg, 5e-3),
    "values_pydicom": check_values,
    "values_simpleitk": check_values,
    "sample_voxels": check_samples,
    "simpleitk_series_geometry": check_other_reader,
    "simpleitk_geometry_correct": check_right_elsewhere,
}


def check_volumes(parts: list[Part], fact: list[dict[str, Any]]) -> None:
    assert len(parts) == len(fact)
    for one in fact:
        (part,) = [p for p in parts if one["first_sop"] in {s.sop_uid for s in p.series.slices}]
        compare(part, one, VOLUME)


def check_series_header(parts: list[Part], fact: Mapping[str, Any]) -> None:
    check_header(looked_at(parts[0].series.files[0]), fact)
    for series in (part.series for part in parts):
        assert series.identity.name == fact.get("patient_name", "")
        assert series.identity.patient_id == fact.get("patient_id", "")
        assert (series.modality, series.study_uid) == (fact["modality"], fact["study_uid"])
        assert series.description == fact.get("series_description", "")


SERIES: dict[str, Check] = {
    "n_files": same(lambda parts: len({f for part in parts for f in part.series.files})),
    "header": check_series_header,
    "transfer_syntaxes": same(
        lambda parts: Counter(s.pixels.transfer_syntax for p in parts for s in p.series.slices)
    ),
    "duplicate_sop_uids": same(
        lambda parts: sum("copies" in f for p in parts for f in p.series.geometry.findings)
    ),
    "n_orientation_or_size_groups": same(len),
    "volumes": check_volumes,
    "folder": same(
        lambda parts: str(parts[0].series.files[0].parent.relative_to(DATA / parts[0].folder))
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
ALL_SERIES = [
    pytest.param(folder, one, id=f"{folder}-{n}")
    for folder, known in FOLDERS.items()
    for n, one in enumerate(known.get("series", ()))
]


def with_uids(folder: str) -> list[Series]:
    """Return the DICOM series of a folder."""
    return [s for s in scanned(folder).series if s.origin is not None]


@pytest.mark.parametrize(("folder", "known"), ALL_SERIES)
def test_that_a_series_is_what_two_other_readers_read(folder: str, known: Any) -> None:
    uid = known["header"]["series_uid"]
    parts = [Part(folder, s) for s in with_uids(folder) if s.uid == uid]
    compare(parts, known, SERIES)


# --- Folders and single files -------------------------------------------------------------------


def elsewhere(found: Any, fact: Any) -> None:
    """Compared by a test of its own."""


FOLDER: dict[str, Check] = {
    "n_image_series": same(lambda folder: len({s.uid for s in with_uids(folder)})),
    "n_studies": same(lambda folder: len({s.study_uid for s in with_uids(folder)})),
    "series": elsewhere,
    "files": elsewhere,
    "other_files": elsewhere,
    "dicomdir": elsewhere,
    "compared_with_uncompressed": elsewhere,
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_that_a_folder_holds_the_series_it_should(folder: str) -> None:
    compare(folder, FOLDERS[folder], FOLDER)


ERRORS = {
    "names/chrSQEncoding.dcm": "UnreadableFile",
    "names": "WrongGeometry",
    "enhanced-mr-small-syntaxes": "WrongGeometry",
    "big-endian-and-friends/image_dfl.dcm": "WrongGeometry",
    "dicomdir/77654033/CR": "WrongGeometry",
    "dicomdir-other-charset/PT000000": "UnreadableFile",
    "dicomdir-other-charset/README": "UnreadableFile",
    "broken/JPEG2000-embedded-sequence-delimiter.dcm": "WrongGeometry",
    "broken": "UnreadableFile",
    "dicomdir/DICOMDIR-empty.dcm": "NoImages",
    "dicomdir/DICOMDIR-nooffset": "UnreadableFile",
}
"""Beginning of a file's place in odd-dicom-a → class of the error it is refused with, longest
first; everything else is read."""


@dataclass(frozen=True)
class One:
    """One file of a folder."""

    folder: str
    name: str

    @property
    def path(self) -> Path:
        return DATA / self.folder / self.name

    @property
    def error(self) -> str:
        place = f"{self.folder}/{self.name}".removeprefix("odd-dicom-a/")
        beginnings = sorted(ERRORS, key=len, reverse=True)
        return next((ERRORS[b] for b in beginnings if place.startswith(b)), "")

    @property
    def parts(self) -> list[Part]:
        found = scanned(self.folder).series
        return [Part(self.folder, s) for s in found if self.path in s.files]

    @property
    def is_copy(self) -> bool:
        """Whether the same image was read from another file of the folder."""
        uid = looked_at(self.path).elements.text("SOPInstanceUID")
        series = with_uids(self.folder)
        return any(uid == image.sop_uid for s in series for image in s.slices)

    @property
    def label(self) -> LabelSource | None:
        return next((s for s in scanned(self.folder).labels if s.path == self.path), None)

    def masks(self) -> tuple[Mask, ...]:
        """Read the label file on the series it names, else on the only one there."""
        series = with_uids(self.folder)
        assert self.label is not None
        named = [s for s in series if s.uid == self.label.referenced_series_uid] or series
        (chosen,) = named
        volume = volume_of(self.folder, scanned(self.folder).series.index(chosen))
        return read_masks(self.label, volume, WATCH)

    def frames(self) -> Iterator[np.ndarray]:
        """Yield the frames of the file as decoded, rescaled."""
        file = looked_at(self.path)
        pixels = pixels_of(file)
        reader = FrameReader(pixels)
        slices = {
            s.frame: s for p in self.parts for s in p.series.slices if s.pixels.path == self.path
        }
        plain = (
            file.elements.number("RescaleSlope", 1.0),
            file.elements.number("RescaleIntercept", 0.0),
        )
        for n in range(pixels.frames):
            slope, intercept = (slices[n].slope, slices[n].intercept) if n in slices else plain
            yield reader.frame(n).astype(np.float64) * slope + intercept


def check_decoded(one: One, fact: Mapping[str, Any]) -> None:
    planes = list(one.frames())
    scale = 255 if one.label and fact["max"] == 255.0 else 1
    stack = {
        "shape": [*([len(planes)] if len(fact["shape"]) == 3 else []), *planes[0].shape],
        "min": scale * min(p.min() for p in planes),
        "max": scale * max(p.max() for p in planes),
        "mean": scale * float(np.mean([p.mean() for p in planes])),
    }
    within = ROUNDED * scale
    compare(stack, fact, {key: near(lambda s, k=key: s[k], within) for key in stack})


def check_decoded_elsewhere(one: One, fact: Mapping[str, Any]) -> None:
    """Compared unless only that reader decodes the file, or it turns grey scales (MONOCHROME1)."""
    alone = one.error == "UnreadableFile"
    if (
        not alone
        and looked_at(one.path).elements.text("PhotometricInterpretation") != "MONOCHROME1"
    ):
        planes = fact | {"shape": fact["shape"][-2:] if fact["shape"][0] == 1 else fact["shape"]}
        check_decoded(one, planes)


def check_undecoded(one: One, fact: str) -> None:
    """What has no pixels or cannot be decoded is refused, a label file, or a directory."""
    lossy = one.folder.endswith("codecs-wg04")
    assert one.error or one.label or lossy or one.name.startswith("DICOMDIR")


def check_places(one: One, fact: Mapping[str, Any]) -> None:
    file = looked_at(one.path)
    compare(frames_of(file.elements), fact, MULTIFRAME)


def _positions(frames: Any) -> list[np.ndarray]:
    return [np.array(position_of(group("PlanePositionSequence"))) for group in frames]


def _orientations(frames: Any) -> list[list[float]]:
    found = {directions_of(group("PlaneOrientationSequence")) for group in frames}
    return [[*row, *column] for row, column in found]


def _gaps(frames: Any) -> list[float]:
    row, column = directions_of(frames[0]("PlaneOrientationSequence"))
    heights = np.unique(np.round(np.array(_positions(frames)) @ np.cross(row, column), 3))
    return [np.diff(heights).min(), np.diff(heights).max()]


MULTIFRAME: dict[str, Check] = {
    "n_frames": same(len),
    "orientations": near(_orientations, 1e-4),
    "pixel_spacing": near(lambda f: spacing_of(f[0]("PixelMeasuresSequence"))[::-1], 1e-6),
    "slice_thickness": lambda f, fact: about(
        f[0]("PixelMeasuresSequence").number("SliceThickness", 0.0), float(fact)
    ),
    "distinct_positions": same(lambda f: len({tuple(p.round(3)) for p in _positions(f)})),
    "first_frame_position": near(lambda f: _positions(f)[0], PLACE_MM),
    "last_frame_position": near(lambda f: _positions(f)[-1], PLACE_MM),
    "slice_gap_min_max": near(_gaps, 2e-3),
}


def check_grid(one: One, fact: Mapping[str, Any]) -> None:
    """The other reader's grid of one file, where that file says how it lies."""
    parts = [p for p in one.parts if p.readable]
    for part in parts:
        first = part.series.slices[0]
        assert part.series.size == tuple(fact["size"])
        about(part.volume.affine[:3, 3].tolist(), fact["origin"], PLACE_MM)
        about(part.volume.spacing_mm, fact["spacing"], 2e-5)
        direction = part.volume.affine[:3, :3] / part.volume.spacing_mm
        about(direction.ravel().tolist(), fact["direction"], 1e-5)
        assert first.pixels.frames == fact["size"][2]
    for series in (p.series for p in one.parts if not p.readable):
        own = [s for s in series.slices if s.pixels.path == one.path]
        for plane in own if fact["size"][2] == 1 else ():
            about(plane.position_mm, fact["origin"], PLACE_MM)
            about(plane.spacing_mm, fact["spacing"][:2], 1e-5)
            about(
                [*plane.row, *plane.column], np.ravel(fact["direction"])[[0, 3, 6, 1, 4, 7]], 1e-5
            )


def check_segments(one: One, fact: list[dict[str, Any]]) -> None:
    said = segments_of(looked_at(one.path).elements)
    assert [(s.number, s.name) for s in said] == [(f["number"], f["label"]) for f in fact]


def check_segment_voxels(one: One, fact: Mapping[str, int]) -> None:
    segments = segments_of(looked_at(one.path).elements)
    counts = {
        str(s.number): int(np.count_nonzero(mask.voxels))
        for s, mask in zip(segments, one.masks(), strict=True)
    }
    assert counts == fact


def check_segment_volumes(one: One, fact: Mapping[str, float]) -> None:
    segments = segments_of(looked_at(one.path).elements)
    for segment, mask in zip(segments, one.masks(), strict=True):
        about(mask.source_ml, fact[str(segment.number)], 6e-4)


def check_pixels(one: One, fact: bool) -> None:
    """There are pixels; in files too broken to be read it cannot be told."""
    if one.error != "UnreadableFile":
        dataset = looked_at(one.path).dataset
        assert (dataset is not None and dataset.pixel_tag != 0) == fact


FILE: dict[str, Check] = {
    "size": same(lambda one: one.path.stat().st_size),
    "sha256": same(lambda one: hashlib.sha256(one.path.read_bytes()).hexdigest()),
    "header": lambda one, fact: check_header(looked_at(one.path), fact) if fact else None,
    "has_pixels": check_pixels,
    "pydicom_values": check_decoded,
    "simpleitk_values": check_decoded_elsewhere,
    "pydicom_decode_error": check_undecoded,
    "simpleitk_geometry": check_grid,
    "multiframe": check_places,
    "segments": check_segments,
    "segmentation_type": same(lambda one: looked_at(one.path).elements.text("SegmentationType")),
    "segment_voxels": check_segment_voxels,
    "segment_volume_mL_voxels_times_spacing": check_segment_volumes,
}
ALL_FILES = [
    pytest.param(One(folder, name), one, id=f"{folder}-{name}")
    for folder, known in FOLDERS.items()
    for name, one in {**known.get("files", {}), **known.get("other_files", {})}.items()
]


@pytest.mark.parametrize(("one", "known"), ALL_FILES)
def test_that_a_file_is_what_two_other_readers_read(one: One, known: Any) -> None:
    compare(one, known, FILE)


@pytest.mark.parametrize("one", [p.values[0] for p in ALL_FILES], ids=lambda one: one.name)
def test_that_a_file_is_read_or_refused_with_its_class(one: One) -> None:
    refused = {r.path: r.error_class for r in scanned(one.folder).refused}
    if one.error:
        assert refused[one.path] == one.error
        assert all(not part.readable for part in one.parts)
    else:
        assert one.path not in refused
        assert one.parts or one.label or one.is_copy or one.name.startswith("DICOMDIR")


CODECS = FOLDERS["odd-dicom-a/codecs-wg04"]["compared_with_uncompressed"] if FOLDERS else {}


def check_unknown_loss(off: np.ndarray, _: str) -> None:
    """JPEG Extended of 12 bits, which only one of the other readers decodes (its values are
    compared above): within a hundredth of the range, on average nearly as near as the other."""
    known = [one for name, one in CODECS.items() if name[:3] == "MR4" and "error" not in one]
    assert off.max() <= 0.01 * 4096
    assert off.mean() <= 1.05 * max(one["mean_abs_difference"] for one in known)


LOSS: dict[str, Check] = {
    "reference": elsewhere,
    "max_abs_stored_value_difference": same(lambda off: float(off.max())),
    "mean_abs_difference": near(lambda off: off.mean()),
    "error": check_unknown_loss,
}


@pytest.mark.parametrize("name", CODECS)
def test_that_a_codec_loses_as_much_as_it_did_elsewhere(name: str) -> None:
    folder = DATA / "odd-dicom-a" / "codecs-wg04"
    coded, plain = (
        FrameReader(pixels_of(looked_at(folder / n))).frame(0).astype(np.float64)
        for n in (name, CODECS[name]["reference"])
    )
    compare(np.abs(coded - plain), CODECS[name], LOSS)


# --- DICOMDIR -----------------------------------------------------------------------------------

DIRECTORIES = [
    pytest.param(folder, name, one, id=f"{folder}-{name}")
    for folder, known in FOLDERS.items()
    for name, one in known.get("dicomdir", {}).items()
]


def _records(path: Path) -> list[Elements]:
    return list(records_of(opened(path, dicomdir.WANTED)))


def _kind(record: Elements) -> str:
    return record.text("DirectoryRecordType") or "UNKNOWN"


def _kinds(path: Path) -> Counter[str]:
    return Counter(map(_kind, _records(path)))


def _patients(path: Path) -> list[str]:
    return [r.text("PatientName") for r in _records(path) if _kind(r) == "PATIENT"]


DIRECTORY: dict[str, Check] = {
    "records": same(_kinds),
    "referenced": same(lambda path: sum("ReferencedFileID" in r for r in _records(path))),
    "present": lambda path, fact: same(lambda p: len(cited(p)[0]))(path, fact) if fact else None,
    "patients": same(_patients),
}


@pytest.mark.parametrize(("folder", "name", "known"), DIRECTORIES)
def test_that_a_dicomdir_lists_what_it_should(folder: str, name: str, known: Any) -> None:
    path = DATA / folder / name
    if name == "DICOMDIR-nooffset":
        with pytest.raises(UnreadableFile, match="damaged"):  # longer than its file; see below
            cited(path)
    else:
        compare(path, known, DIRECTORY)


@pytest.mark.parametrize(("folder", "name", "known"), DIRECTORIES)
def test_that_a_dicomdir_leads_to_the_series_of_its_folder(
    folder: str, name: str, known: Any
) -> None:
    found = scan(DATA / folder / name, WATCH)
    assert [(s.uid, s.part, s.size) for s in found.series] == [
        (s.uid, s.part, s.size) for s in scanned(folder).series
    ]


# --- Contours -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """One region of interest: its contours as in the file, and its mask on a series."""

    folder: str
    path: Path
    name: str
    modality: str

    @property
    def number(self) -> int:
        found = scanned(self.folder).series
        return next(n for n, s in enumerate(found) if s.modality == self.modality)

    @property
    def volume(self) -> Volume:
        return volume_of(self.folder, self.number)

    @property
    def mask(self) -> Mask | None:
        return next(
            (m for m in masks_of(self.folder, self.number, self.path) if m.name == self.name), None
        )

    @property
    def voxels(self) -> np.ndarray:
        shape = self.volume.voxels.shape
        return self.mask.voxels if self.mask else np.zeros(shape, dtype=bool)

    def heights(self) -> np.ndarray:
        """Return the height of each contour along the normal of the slices, in mm."""
        said = opened(self.path, rtstruct.DRAWN).elements
        regions = {r.text("ROIName"): r for r in said.items("StructureSetROISequence")}
        number = regions[self.name].integer("ROINumber")
        (drawn,) = [
            c
            for c in said.items("ROIContourSequence")
            if c.integer("ReferencedROINumber") == number
        ]
        normal = self.volume.affine[:3, 2] / self.volume.spacing_mm[2]
        return np.array(
            [
                float((np.reshape(c.floats("ContourData"), (-1, 3)) @ normal).mean())
                for c in drawn.items("ContourSequence")
            ]
        )

    def absent(self) -> int:
        """Count the contours that lie on no slice that is here."""
        low = (
            float(self.volume.affine[:3, 3] @ self.volume.affine[:3, 2]) / self.volume.spacing_mm[2]
        )
        k = (self.heights() - low) / self.volume.spacing_mm[2]
        return int(((k < -0.5) | (k > self.volume.voxels.shape[2] - 0.5)).sum())


@lru_cache(maxsize=1)
def masks_of(folder: str, number: int, path: Path) -> tuple[Mask, ...]:
    source = next(s for s in scanned(folder).labels if s.path == path)
    return read_masks(source, volume_of(folder, number), WATCH)


def here_ml(drawn: Drawn) -> float:
    return int(drawn.voxels.sum()) * drawn.volume.voxel_ml


def check_ml(of: Callable[[Drawn], float], part: float) -> Check:
    return lambda drawn, fact: (
        pytest.approx(fact, rel=part, abs=1e-3) == of(drawn)
        or pytest.fail(f"{of(drawn)} mL, not {fact}")
    )


DRAWN: dict[str, Check] = {
    "n_contours": same(lambda drawn: len(drawn.heights())),
    "n_planes": same(lambda drawn: len(np.unique(drawn.heights().round(2)))),
    "z_range_along_normal": near(lambda d: [d.heights().min(), d.heights().max()], PLACE_MM),
    "contours_outside_available_slices": same(Drawn.absent),
    "voxels_xor": check_ml(lambda drawn: int(drawn.voxels.sum()), 0.005),
    "volume_mL_raster_xor": check_ml(here_ml, 0.005),
    "volume_mL_polygon_area_x_gap": check_ml(here_ml, 0.025),
    "slices_covered": same(lambda drawn: int(drawn.voxels.any(axis=(0, 1)).sum())),
}
"""Areas of polygons leave out what the grid rounds, and add up where contours overlap: 2.5 %."""
WHOLE = {
    **{key: DRAWN[key] for key in ("n_contours", "n_planes", "z_range_along_normal")},
    "volume_mL_raster_xor": check_ml(
        lambda drawn: drawn.mask.source_ml if drawn.mask else 0.0, 0.005
    ),
    "volume_mL_polygon_area_x_gap": check_ml(lambda d: d.mask.source_ml if d.mask else 0.0, 0.025),
}


ROIS = [
    (key, name, one)
    for key in ("rtstruct_on_this_subset", "rtstruct_on_full_series_296_slices")
    for name, one in EXPECTED.get("ccth-a01-abdomen", {}).get(key, {}).items()
]


@pytest.mark.parametrize(("key", "name", "known"), ROIS)
def test_that_contours_make_the_organs_they_should(key: str, name: str, known: Any) -> None:
    folder = "ccth-a01-abdomen"
    drawn = Drawn(folder, DATA / folder / "RTstruct.dcm", name, "CT")
    if key.endswith("subset"):
        compare(drawn, known, DRAWN)
    elif drawn.mask is not None:
        compare(drawn, {k: f for k, f in known.items() if k in WHOLE}, WHOLE)


BALL = generate_binary_structure(3, 2)
"""The facts were eroded twice by it: so the values of all organs of totalseg-abdomen-3mm agree."""


def check_organ(volume: Volume, mask: np.ndarray, known: Any, *, within: float) -> None:
    """Its sample voxel lies in it, where and with the value it should; so do its values."""
    values = volume.voxels[mask].astype(np.float64)
    core = volume.voxels[binary_erosion(mask, BALL, iterations=2, border_value=1)].astype(
        np.float64
    )
    found = {
        "ijk": mask[tuple(known["ijk"])],
        "lps": to_lps(volume.affine, known["ijk"]),
        "value": volume.voxels[tuple(known["ijk"])],
        "mean_in_mask": values.mean(),
        "sd_in_mask": values.std(),
        "mean_in_eroded_mask": core.mean(),
    }
    checks = {key: near(lambda f, k=key: f[k], within) for key in found}
    checks["ijk"] = lambda f, _: f["ijk"] or pytest.fail("the sample voxel is not in the organ")
    checks["lps"] = near(lambda f: f["lps"], PLACE_MM + ROUNDED_MM)
    checks["value"] = near(lambda f: f["value"])
    compare(found, known, checks)


@pytest.mark.parametrize("name", EXPECTED.get("ccth-a01-abdomen", {}).get("organ_voxels", {}))
def test_that_a_contoured_organ_holds_the_values_it_should(name: str) -> None:
    folder = "ccth-a01-abdomen"
    drawn = Drawn(folder, DATA / folder / "RTstruct.dcm", name, "CT")
    known = EXPECTED[folder]["organ_voxels"][name]
    check_organ(drawn.volume, drawn.voxels, known, within=3.5)


# --- Tumours ------------------------------------------------------------------------------------


def test_that_the_glioma_is_where_it_should_be() -> None:
    folder = "remind-022-brain-mr"
    known, series = EXPECTED[folder]["tumour"], with_uids(folder)[0]
    volume = volume_of(folder, scanned(folder).series.index(series))
    (source,) = scanned(folder).labels
    (mask,) = read_masks(source, volume, WATCH)
    centre = to_lps(volume.affine, np.argwhere(mask.voxels)).mean(axis=0)
    positions = _positions(frames_of(looked_at(source.path).elements))
    k = to_index(volume.affine, np.array(positions))[:, 2]
    found = {
        "label": mask.name,
        "voxels": np.count_nonzero(mask.voxels),
        "volume_mL": mask.source_ml,
        "centroid_lps": centre,
        "t1_mean_in_tumour": volume.voxels[mask.voxels].mean(),
        "max_out_of_plane_offset_mm": np.abs(k - np.round(k)).max() * volume.spacing_mm[2],
    }
    checks = {key: near(lambda f, k=key: f[k], PLACE_MM) for key in found}
    compare(found, known, checks | {"label": same(lambda f: f["label"])})


SARCOMA = {"CT": "CT", "MR_T1": "MR", "PET": "PT"}
STS = "sts-002/dicom"


@dataclass(frozen=True)
class Tumour:
    """The sarcoma on one of its three grids."""

    key: str

    @property
    def drawn(self) -> Drawn:
        path = DATA / STS / self.key / "mask" / "RS.dcm"
        return Drawn(STS, path, f"GTV_Mass_{self.key}", SARCOMA[self.key])

    @property
    def path(self) -> Path:
        return DATA / "sts-002" / "nifti" / f"{self.key}_mask.nii.gz"

    @property
    def nifti(self) -> np.ndarray:
        (mask,) = labelled(self.path, self.drawn.volume)
        return mask.voxels


def check_dice(tumour: Tumour, fact: float) -> None:
    a, b = tumour.drawn.voxels, tumour.nifti
    about(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)), fact)


def check_nifti_mask(tumour: Tumour, fact: Mapping[str, Any]) -> None:
    header = header_of(beginning_of(looked_at(tumour.path).beginning))
    counted = ("voxels", "volume_mL")
    grid = (np.empty(header.size, np.uint8), header.affine)
    compare(grid, {k: f for k, f in fact.items() if k not in counted}, GRID)
    compare((tumour.nifti, header.affine), {k: fact[k] for k in counted}, LABEL)


TUMOUR: dict[str, Check] = {
    "rtstruct": lambda tumour, fact: [
        compare(tumour.drawn, known, DRAWN) for _, known in fact.items()
    ],
    "nifti_mask": check_nifti_mask,
    "dice_raster_vs_nifti": check_dice,
    "mean_in_tumour": near(lambda t: t.drawn.volume.voxels[t.drawn.voxels].mean(), 6e-4),
    "sd_in_tumour": near(lambda t: t.drawn.volume.voxels[t.drawn.voxels].std(), 6e-4),
}


@pytest.mark.parametrize("key", EXPECTED.get("sts-002", {}).get("tumour", {}))
def test_that_the_sarcoma_is_what_it_should_be_on_each_grid(key: str) -> None:
    compare(Tumour(key), EXPECTED["sts-002"]["tumour"][key], TUMOUR)


# --- NIfTI --------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def nifti(path: Path) -> Volume:
    (series,) = scan(path, WATCH).series
    return read_volume(series, WATCH)


@lru_cache(maxsize=8)
def labelled(path: Path, volume: Volume) -> tuple[Mask, ...]:
    """Return the structures of a file of labels, in order of value, on an image's grid."""
    return read_masks(label_source(path), volume, WATCH)


def box_of(mask: np.ndarray) -> list[int]:
    """Return first index and size along i, j, k."""
    where = np.argwhere(mask)
    low, high = where.min(axis=0), where.max(axis=0)
    return [*low.tolist(), *(high - low + 1).tolist()]


def check_nifti_samples(of: tuple[np.ndarray, np.ndarray], fact: list[dict[str, Any]]) -> None:
    voxels, affine = of
    for known in fact:
        assert np.abs(to_lps(affine, known["ijk"]) - known["lps"]).max() <= PLACE_MM
        about(float(voxels[tuple(known["ijk"])]), known["value"])


GRID: dict[str, Check] = {
    "size_ijk": same(lambda of: list(of[0].shape)),
    "spacing": near(lambda of: np.linalg.norm(of[1][:3, :3], axis=0), 1e-5),
    "origin_lps": near(lambda of: of[1][:3, 3], PLACE_MM),
    "direction_lps": near(lambda of: of[1][:3, :3] / np.linalg.norm(of[1][:3, :3], axis=0), 1e-5),
    "axes_ijk_lps": same(lambda of: list(orientation_of(of[1]))),
    "min": near(lambda of: of[0].min()),
    "max": near(lambda of: of[0].max()),
    "mean": near(lambda of: of[0].mean(dtype=np.float64), 1.1e-4),
    "sample_voxels": check_nifti_samples,
}
LABEL: dict[str, Check] = {
    "name": elsewhere,
    "voxels": same(lambda of: int(np.count_nonzero(of[0]))),
    "volume_mL": near(lambda of: _ml(*of), 6e-4),
    "volume_mL_simpleitk": near(lambda of: _ml(*of), 6e-4),
    "centroid_lps": near(lambda of: to_lps(of[1], np.argwhere(of[0])).mean(axis=0), PLACE_MM),
    "bbox_ijk": same(lambda of: box_of(of[0])),
}


def _ml(mask: np.ndarray, affine: np.ndarray) -> float:
    return float(np.count_nonzero(mask) * abs(np.linalg.det(affine[:3, :3])) / 1000)


TOTAL = DATA / "totalseg-abdomen-3mm"
TOTAL_KNOWN = EXPECTED.get(TOTAL.name, {})


@pytest.mark.parametrize("name", TOTAL_KNOWN.get("images", {}))
def test_that_nifti_is_turned_from_ras_to_lps(name: str) -> None:
    volume = nifti(TOTAL / name)
    compare((volume.voxels, volume.affine), TOTAL_KNOWN["images"][name], GRID)


LABEL_FILES = {
    "labels_total_v2_fast.nii.gz": "example_ct.nii.gz",
    "labels_mr.nii.gz": "example_mr_sm.nii.gz",
}


def total_masks(name: str) -> dict[int, Mask]:
    """Return label value → structure of one of the label files."""
    values = sorted(map(int, TOTAL_KNOWN["labels"][name]))
    masks = labelled(TOTAL / name, nifti(TOTAL / LABEL_FILES[name]))
    return dict(zip(values, masks, strict=True))


@pytest.mark.parametrize("name", TOTAL_KNOWN.get("labels", {}))
def test_that_nifti_labels_are_what_they_should_be(name: str) -> None:
    volume = nifti(TOTAL / LABEL_FILES[name])
    for value, mask in total_masks(name).items():
        known = TOTAL_KNOWN["labels"][name][str(value)]
        compare((mask.voxels, volume.affine), known, LABEL)
        about(mask.source_ml, known["volume_mL"], 6e-4)
        if known["name"]:
            assert mask.name == known["name"]


@pytest.mark.parametrize("name", TOTAL_KNOWN.get("organs_v1", {}))
def test_that_a_nifti_mask_is_what_it_should_be(name: str) -> None:
    volume = nifti(TOTAL / "example_ct.nii.gz")
    (mask,) = labelled(TOTAL / "organs_v1" / f"{name}.nii.gz", volume)
    compare((mask.voxels, volume.affine), TOTAL_KNOWN["organs_v1"][name], LABEL)


@pytest.mark.parametrize("name", TOTAL_KNOWN.get("organ_voxels", {}))
def test_that_an_organ_holds_the_values_it_should(name: str) -> None:
    masks = {m.name: m for m in total_masks("labels_total_v2_fast.nii.gz").values()}
    known = TOTAL_KNOWN["organ_voxels"][name]
    check_organ(nifti(TOTAL / "example_ct.nii.gz"), masks[name].voxels, known, within=6e-4)


@dataclass(frozen=True)
class Exam:
    """T1 and tumour mask of one exam of one patient."""

    patient: str
    when: str

    @property
    def image(self) -> Volume:
        return nifti(DATA / "btp-longitudinal-a" / self.patient / f"{self.when}_Scan_T1.nii.gz")

    @property
    def mask(self) -> np.ndarray:
        path = DATA / "btp-longitudinal-a" / self.patient / f"{self.when}_Mask.nii.gz"
        (mask,) = labelled(path, self.image)
        return mask.voxels


def check_image(exam: Exam, fact: Mapping[str, Any]) -> None:
    """Placed as the header says, which lost the geometry (geometry_warning), and so withheld."""
    compare((exam.image.voxels, exam.image.affine), fact, GRID)
    assert exam.image.geometry.grade == "withheld"
    assert "the header says nothing of where and how large" in exam.image.geometry.findings[0]


def _slices(mask: np.ndarray) -> list[int]:
    k = np.flatnonzero(mask.any(axis=(0, 1)))
    return [int(k[0]), int(k[-1])]


def _brain(exam: Exam) -> np.ndarray:
    return exam.image.voxels[exam.image.voxels > 0]


EXAM: dict[str, Check] = {
    "image": check_image,
    "mask_voxels": same(lambda e: int(e.mask.sum())),
    "mask_slices": same(lambda e: _slices(e.mask)),
    "mask_centroid_ijk": near(lambda e: np.argwhere(e.mask).mean(axis=0), 6e-3),
    "mean_in_mask": near(lambda e: e.image.voxels[e.mask].mean(dtype=np.float64), 6e-3),
    "mean_in_brain_nonzero": near(lambda e: _brain(e).mean(dtype=np.float64), 6e-3),
}


def _ratio(patient: str) -> float:
    return float(Exam(patient, "Post").mask.sum() / Exam(patient, "Pre").mask.sum())


def _dice(patient: str) -> float:
    a, b = Exam(patient, "Pre").mask, Exam(patient, "Post").mask
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


PATIENT: dict[str, Check] = {
    "Pre": lambda patient, fact: compare(Exam(patient, "Pre"), fact, EXAM),
    "Post": lambda patient, fact: compare(Exam(patient, "Post"), fact, EXAM),
    "post_over_pre_voxels": near(_ratio),
    "dice_pre_post": near(_dice),
}


@pytest.mark.parametrize("patient", EXPECTED.get("btp-longitudinal-a", {}).get("patients", {}))
def test_that_both_exams_of_a_patient_are_read(patient: str) -> None:
    compare(patient, EXPECTED["btp-longitudinal-a"]["patients"][patient], PATIENT)


# --- Nothing left over --------------------------------------------------------------------------

WALKED = {
    "cases", "dicom", "images", "labels", "organ_voxels", "organs_v1", "patients",
    "rtstruct_on_full_series_296_slices", "rtstruct_on_this_subset", "tumour",
}  # fmt: skip
REMARKS = {
    "bytes", "dataset", "geometry_warning", "licence", "n_files", "note", "provenance",
    "reference_note", "title", "tools",
}  # fmt: skip
"""Of the set itself: where it comes from, how large it is, who computed the facts."""


@pytest.mark.parametrize("name", SETS)
def test_that_no_part_of_the_facts_is_left_out(name: str) -> None:
    assert set(EXPECTED[name]) <= WALKED | REMARKS
