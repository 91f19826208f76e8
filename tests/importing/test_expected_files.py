"""Every file and folder of `../shared/data` is what two other readers found it to be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.importing import (
    LabelSource,
    read_masks,
)
from organtwin.importing.dicom_seg import segments_of
from organtwin.importing.formats import Mask
from organtwin.importing.pixels import FrameReader
from organtwin.importing.planes import directions_of, frames_of, pixels_of, position_of, spacing_of
from tests.importing.facts import (
    DATA,
    FOLDERS,
    PLACE_MM,
    ROUNDED,
    WATCH,
    Check,
    Part,
    about,
    check_header,
    compare,
    elsewhere,
    looked_at,
    near,
    same,
    scanned,
    volume_of,
    with_uids,
)

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


def positions(frames: Any) -> list[np.ndarray]:
    return [np.array(position_of(group("PlanePositionSequence"))) for group in frames]


def _orientations(frames: Any) -> list[list[float]]:
    found = {directions_of(group("PlaneOrientationSequence")) for group in frames}
    return [[*row, *column] for row, column in found]


def _gaps(frames: Any) -> list[float]:
    row, column = directions_of(frames[0]("PlaneOrientationSequence"))
    heights = np.unique(np.round(np.array(positions(frames)) @ np.cross(row, column), 3))
    return [np.diff(heights).min(), np.diff(heights).max()]


MULTIFRAME: dict[str, Check] = {
    "n_frames": same(len),
    "orientations": near(_orientations, 1e-4),
    "pixel_spacing": near(lambda f: spacing_of(f[0]("PixelMeasuresSequence"))[::-1], 1e-6),
    "slice_thickness": lambda f, fact: about(
        f[0]("PixelMeasuresSequence").number("SliceThickness", 0.0), float(fact)
    ),
    "distinct_positions": same(lambda f: len({tuple(p.round(3)) for p in positions(f)})),
    "first_frame_position": near(lambda f: positions(f)[0], PLACE_MM),
    "last_frame_position": near(lambda f: positions(f)[-1], PLACE_MM),
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
