"""DICOM series of single-frame images (CT, MR, PET): one file a slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from organtwin.core.errors import WrongGeometry
from organtwin.importing.assembling import series_of
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
from organtwin.importing.repeating import TIMES, Kind
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
    "PhotometricInterpretation",
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


@dataclass
class _Known:
    """What is known of one kind of files: a slice, and what some of them told by their TIMES."""

    kind: Kind
    like: Slice
    told: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)


class _Slices:
    """Reads slices; one of the same kind as another takes from that what they say alike."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def __call__(self, file: Opened) -> tuple[Slice, ...]:
        """Return the one slice of a file; raises as `slices_of`."""
        known = self._known.get(id(file.kind))
        if known is not None:
            return (_another(file, known),)
        (made,) = slices_of(file)
        if file.kind is not None:
            self._known[id(file.kind)] = _Known(file.kind, made)
        return (made,)


def _another(file: Opened, known: _Known) -> Slice:
    """Return the slice of a file that says the same as another one but for its OWN values."""
    said, like = file.elements, known.like
    times = tuple(map(said.raw.get, TIMES))
    if times not in known.told:
        setting = like.setting[: -len(MAY_FOLLOW)] + _following(said)
        known.told[times] = {"phase": _phase(said), "setting": setting}
    pixels = {
        "path": file.path,
        "size_bytes": file.size_bytes,
        "modified_ns": file.modified_ns,
        "offset": file.dataset.pixel_offset if file.dataset else 0,
    }
    own = {
        "pixels": Pixels(**(vars(like.pixels) | pixels)),
        "position_mm": position_of(said),
        "sop_uid": said.text("SOPInstanceUID"),
        "location_mm": compared(said, "SliceLocation"),
    }
    return Slice(**(vars(like) | own | known.told[times]))


def series(files: Sequence[Opened]) -> Found:
    """Group files into Series."""
    return series_of("dicom_series", files, _Slices())


IMAGES: Final = ImageFormat("dicom_series", WANTED, claims, series, read)
