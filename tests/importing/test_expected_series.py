"""Every series of `../shared/data` is what two other readers read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from organtwin.core.errors import WrongGeometry
from organtwin.core.volume import to_index, to_lps
from organtwin.importing import (
    read_volume,
)
from organtwin.importing.geometry import heights_mm, normal_of, orientation_of, plane_grid
from tests.importing.facts import (
    DATA,
    FOLDERS,
    PLACE_MM,
    ROUNDED_MM,
    UNIT,
    WATCH,
    Check,
    Part,
    about,
    check_header,
    compare,
    looked_at,
    near,
    same,
    with_uids,
)


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


ALL_SERIES = [
    pytest.param(folder, one, id=f"{folder}-{n}")
    for folder, known in FOLDERS.items()
    for n, one in enumerate(known.get("series", ()))
]


@pytest.mark.parametrize(("folder", "known"), ALL_SERIES)
def test_that_a_series_is_what_two_other_readers_read(folder: str, known: Any) -> None:
    uid = known["header"]["series_uid"]
    parts = [Part(folder, s) for s in with_uids(folder) if s.uid == uid]
    compare(parts, known, SERIES)
