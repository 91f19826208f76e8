"""DICOM series of single-frame images (CT, MR, PET): one file a slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from organtwin.core.errors import WrongGeometry
from organtwin.importing.assembling import series_of
from organtwin.importing.dictionary import tag_of
from organtwin.importing.elements import Elements, merged, wanted
from organtwin.importing.formats import ImageFormat
from organtwin.importing.found import Found, Pixels, Slice
from organtwin.importing.guessing import WANTED as GUESSED_BY
from organtwin.importing.opening import Opened
from organtwin.importing.planes import (
    CODING,
    IDENTITY,
    axes_of,
    compared,
    is_reformatted,
    padding_of,
    pixels_of,
    position_of,
    spacing_of,
)
from organtwin.importing.telling import MAY_FOLLOW, WOVEN
from organtwin.importing.values import MAPPING, RESCALE, WHOLE, meaning_of
from organtwin.importing.voxels import read

WANTED: Final = merged(
    IDENTITY,
    CODING,
    WHOLE,
    RESCALE,
    MAPPING,
    GUESSED_BY,
    wanted(
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "SliceThickness",
        "SpacingBetweenSlices",
        "SliceLocation",
        "GantryDetectorTilt",
        "PixelPaddingValue",
        "AcquisitionNumber",
        "TemporalPositionIdentifier",
        "EchoTime",
        "InversionTime",
        "FlipAngle",
        "ConvolutionKernel",
        "ContrastBolusAgent",
        "TriggerTime",
        "DiffusionBValue",
        "StackID",
        "KVP",
        "NumberOfSlices",
        "ImagesInAcquisition",
        "AcquisitionTime",
        "ContentTime",
    ),
)
PHASES: Final = (
    "TemporalPositionIdentifier",
    "EchoTime",
    "DiffusionBValue",
    "TriggerTime",
    "AcquisitionNumber",
    "ImageType",
    "AcquisitionTime",
    "ContentTime",
)
"""What tells apart images of one series at one place, most telling first."""
ONE_EACH: Final = (
    "EchoTime",
    "TemporalPositionIdentifier",
    "StackID",
    "KVP",
    "DiffusionBValue",
    "InversionTime",
    "FlipAngle",
    "AcquisitionDate",
)
"""What one volume has one of."""
TIMES: Final = frozenset(
    map(tag_of, ("AcquisitionTime", "ContentTime", "TriggerTime", "AcquisitionNumber"))
)
OWN: Final = TIMES | set(map(tag_of, ("SOPInstanceUID", "ImagePositionPatient", "SliceLocation")))
"""What each slice of a series may say of its own; they hardly ever differ in more."""
Shared = tuple[Any, ...]


def claims(file: Opened) -> bool:
    """Return whether a file is a DICOM image of one frame, or what is left of one."""
    said = file.elements
    if file.dataset is None or "SegmentSequence" in said:
        return False
    if "PerFrameFunctionalGroupsSequence" in said or said.text("Modality") == "RTDOSE":
        return False
    if file.dataset.damage and "SeriesInstanceUID" in said:
        return True
    return "Rows" in said or _is_image(file.sop_class)


def _is_image(sop_class: str) -> bool:
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    return "Image Storage" in UID(sop_class, IGNORE).name


def slices_of(file: Opened) -> tuple[Slice, ...]:
    """Return the one slice of a file; raises UnreadableFile or WrongGeometry."""
    said, pixels = file.elements, pixels_of(file)
    if pixels.frames != 1:
        raise WrongGeometry(f"{pixels.frames} frames without a place each", where=str(file.path))
    row, column = axes_of(said)
    mappings = said.items("RealWorldValueMappingSequence")
    meaning = meaning_of(said, pixels, rescale=said, mappings=mappings)
    return (
        Slice(
            pixels,
            0,
            position_of(said),
            row,
            column,
            spacing_of(said),
            **vars(meaning),
            padding=padding_of(said, signed=pixels.kind == "i"),
            thickness_mm=said.number("SliceThickness", 0.0),
            sop_uid=said.text("SOPInstanceUID"),
            phase=_phase(said),
            between_mm=compared(said, "SpacingBetweenSlices"),
            location_mm=compared(said, "SliceLocation"),
            gantry_deg=compared(said, "GantryDetectorTilt"),
            reformatted=is_reformatted(said),
            localizer="LOCALIZER" in said.texts("ImageType"),
            setting=_setting(said),
        ),
    )


def _phase(said: Elements) -> tuple[str, ...]:
    return tuple(said.shown(keyword) for keyword in PHASES)


def _setting(said: Elements) -> tuple[tuple[str, str], ...]:
    """Return what one volume has one of."""
    return (*((keyword, said.shown(keyword)) for keyword in ONE_EACH + WOVEN), *_following(said))


def _following(said: Elements) -> tuple[tuple[str, str], ...]:
    """Return the acquisition, of which one volume has one in CT alone."""
    is_ct = said.text("Modality") == "CT"
    return tuple((k, said.shown(k) if is_ct else "") for k in MAY_FOLLOW)


class _Slices:
    """Reads slices; one that says the same as the last of its series takes that one's values."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[Opened, Shared, Slice]] = {}

    def __call__(self, file: Opened) -> tuple[Slice, ...]:
        """Return the one slice of a file; raises as `slices_of`."""
        uid, shared = file.elements.text("SeriesInstanceUID"), _shared(file)
        before, same, like = self._last.get(uid, (None, None, None))
        if before is None or like is None or same != shared:
            (made,) = slices_of(file)
        else:
            made = _another(file, before, like)
        self._last[uid] = (file, shared, made)
        return (made,)


def _shared(file: Opened) -> Shared:
    """Return everything a file says but what each slice has of its own."""
    held = file.dataset
    raw = {tag: value for tag, value in file.elements.raw.items() if tag not in OWN}
    kind = (held.pixel_tag, held.pixel_length) if held else None
    return raw, file.elements.big, file.elements.encodings, file.transfer_syntax, kind


def _another(file: Opened, before: Opened, like: Slice) -> Slice:
    """Return the slice of a file that differs from the one before in its own values at most."""
    said, last = file.elements.raw, before.elements.raw
    same = all(said.get(tag) == last.get(tag) for tag in TIMES)
    pixels = {
        "path": file.path,
        "size_bytes": file.size_bytes,
        "modified_ns": file.modified_ns,
        "offset": file.dataset.pixel_offset if file.dataset else 0,
    }
    own = {
        "pixels": Pixels(**(vars(like.pixels) | pixels)),
        "position_mm": position_of(file.elements),
        "sop_uid": file.elements.text("SOPInstanceUID"),
        "location_mm": compared(file.elements, "SliceLocation"),
        "phase": like.phase if same else _phase(file.elements),
        "setting": like.setting
        if same
        else like.setting[: -len(MAY_FOLLOW)] + _following(file.elements),
    }
    return Slice(**(vars(like) | own))


def series(files: Sequence[Opened]) -> Found:
    """Group files into Series."""
    return series_of("dicom_series", files, _Slices())


IMAGES: Final = ImageFormat("dicom_series", WANTED, claims, series, read)
