"""Enhanced multi-frame DICOM images (CT, MR, PET): many slices in one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from organtwin.core.errors import UnreadableFile
from organtwin.importing.assembling import series_of
from organtwin.importing.elements import Elements, merged, wanted
from organtwin.importing.formats import ImageFormat
from organtwin.importing.found import Found, Pixels, Slice
from organtwin.importing.guessing import WANTED_OF_MANY
from organtwin.importing.opening import Opened
from organtwin.importing.planes import (
    CODING,
    IDENTITY,
    axes_of,
    compared,
    frames_of,
    functional_groups,
    is_reformatted,
    padding_of,
    pixels_of,
    position_of,
    spacing_of,
)
from organtwin.importing.telling import TIME
from organtwin.importing.values import MAPPING, RESCALE, WHOLE, meaning_of
from organtwin.importing.voxels import read

PHASES: Final = (
    ("FrameContentSequence", "StackID"),
    ("FrameContentSequence", "TemporalPositionIndex"),
    ("MREchoSequence", "EffectiveEchoTime"),
    ("MRDiffusionSequence", "DiffusionBValue"),
    ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    ("MRImageFrameTypeSequence", "FrameType"),
    ("FrameContentSequence", "FrameAcquisitionNumber"),
)
"""What tells apart frames at one place (group, value), most telling first."""
ONE_EACH: Final = (
    *PHASES[:4],
    ("CTXRayDetailsSequence", "KVP"),
    ("MRModifierSequence", "InversionTimes"),
    ("MRTimingAndRelatedParametersSequence", "FlipAngle"),
)
"""What one volume has one of."""
WOVEN: Final = (
    ("CTReconstructionSequence", "ConvolutionKernel"),
    ("PixelMeasuresSequence", "SliceThickness"),
)
"""Those of `telling.WOVEN` that each frame says."""
WANTED: Final = merged(
    IDENTITY,
    CODING,
    WANTED_OF_MANY,
    WHOLE,
    wanted("PixelPaddingValue"),
    functional_groups(
        MAPPING,
        wanted(PixelValueTransformationSequence=RESCALE),
        wanted(CTAcquisitionDetailsSequence=wanted("GantryDetectorTilt")),
        *(wanted(**{group: wanted(value)}) for group, value in (*PHASES, *ONE_EACH, *WOVEN)),
        wanted(FrameContentSequence=wanted("FrameAcquisitionDateTime")),
    ),
)


def claims(file: Opened) -> bool:
    """Return whether a file is a DICOM image with a place for each of its frames."""
    said = file.elements
    if "Rows" not in said or "SegmentSequence" in said:
        return False
    return "PerFrameFunctionalGroupsSequence" in said


def slices_of(file: Opened) -> tuple[Slice, ...]:
    """Return the slices of a file; raises UnreadableFile or WrongGeometry."""
    said, pixels = file.elements, pixels_of(file)
    frames = frames_of(said)
    if len(frames) != pixels.frames:
        raise UnreadableFile(
            f"{pixels.frames} frames, but {len(frames)} places for them", where=str(file.path)
        )
    padding = padding_of(said, signed=pixels.kind == "i")
    return tuple(
        _slice(said, pixels, n, group=group, padding=padding) for n, group in enumerate(frames)
    )


def _slice(
    said: Elements,
    pixels: Pixels,
    n: int,
    *,
    group: Callable[[str], Elements],
    padding: float | None,
) -> Slice:
    row, column = axes_of(group("PlaneOrientationSequence"))
    measures = group("PixelMeasuresSequence")
    rescale = group("PixelValueTransformationSequence")
    mappings = _mappings(said, n)
    return Slice(
        pixels,
        n,
        position_of(group("PlanePositionSequence")),
        row,
        column,
        spacing_of(measures),
        **vars(meaning_of(said, pixels, rescale=rescale, mappings=mappings)),
        padding=padding,
        thickness_mm=measures.number("SliceThickness", 0.0),
        sop_uid=said.text("SOPInstanceUID"),
        phase=tuple(group(name).shown(value) for name, value in PHASES),
        between_mm=compared(measures, "SpacingBetweenSlices"),
        reformatted=is_reformatted(said),
        localizer="LOCALIZER" in said.texts("ImageType"),
        setting=_setting(said, group),
        gantry_deg=compared(group("CTAcquisitionDetailsSequence"), "GantryDetectorTilt"),
    )


def _setting(said: Elements, group: Callable[[str], Elements]) -> tuple[tuple[str, str], ...]:
    """Return what one volume has one of; acquisitions are that in CT alone."""
    taken = group("FrameContentSequence").text("FrameAcquisitionDateTime")
    one_each = ((value, group(name).shown(value)) for name, value in ONE_EACH + WOVEN)
    time = taken[8:].split("+")[0].split("-")[0] if said.text("Modality") == "CT" else ""
    return (*one_each, ("AcquisitionDate", taken[:8]), (TIME, time))


def _mappings(said: Elements, n: int) -> tuple[Elements, ...]:
    """Return the real-world value mappings of one frame: its own, else those of all."""
    own = said.items("PerFrameFunctionalGroupsSequence")[n].items("RealWorldValueMappingSequence")
    shared = said.first("SharedFunctionalGroupsSequence")
    return own or shared.items("RealWorldValueMappingSequence")


def series(files: Sequence[Opened]) -> Found:
    """Group files into Series."""
    return series_of("dicom_enhanced", files, slices_of)


IMAGES: Final = ImageFormat("dicom_enhanced", WANTED, claims, series, read)
