"""DICOM series of single-frame images (CT, MR, PET): one file a slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from organtwin.core.errors import WrongGeometry
from organtwin.importing.assembling import series_of
from organtwin.importing.elements import Elements, merged, wanted
from organtwin.importing.formats import ImageFormat
from organtwin.importing.found import Found, Slice
from organtwin.importing.guessing import WANTED as GUESSED_BY
from organtwin.importing.opening import Opened
from organtwin.importing.parting import MAY_FOLLOW
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
    "AcquisitionDate",
)
"""What one volume has one of."""


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
            phase=tuple(said.shown(keyword) for keyword in PHASES),
            between_mm=compared(said, "SpacingBetweenSlices"),
            location_mm=compared(said, "SliceLocation"),
            gantry_deg=compared(said, "GantryDetectorTilt"),
            reformatted=is_reformatted(said),
            localizer="LOCALIZER" in said.texts("ImageType"),
            setting=_setting(said),
        ),
    )


def _setting(said: Elements) -> tuple[tuple[str, str], ...]:
    """Return what one volume has one of; acquisitions are that in CT alone."""
    is_ct = said.text("Modality") == "CT"
    one_each = tuple((keyword, said.shown(keyword)) for keyword in ONE_EACH)
    return one_each + tuple((k, said.shown(k) if is_ct else "") for k in MAY_FOLLOW)


def series(files: Sequence[Opened]) -> Found:
    """Group files into Series."""
    return series_of("dicom_series", files, slices_of)


IMAGES: Final = ImageFormat("dicom_series", WANTED, claims, series, read)
