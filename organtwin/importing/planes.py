"""What one DICOM header says of an image plane: words shared by single and multi-frame images."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np

from organtwin.core.errors import BadInput, UnreadableFile, WrongGeometry
from organtwin.core.origin import Identity
from organtwin.importing.codings import check_syntax
from organtwin.importing.dictionary import tag_of
from organtwin.importing.elements import Elements, merged, wanted
from organtwin.importing.found import Pixels
from organtwin.importing.opening import Opened

IDENTITY: Final = wanted(
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "Modality",
    "SeriesDescription",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "IssuerOfPatientID",
    "StudyID",
    "StudyTime",
    "AccessionNumber",
    "StudyDescription",
    "AcquisitionDate",
    "ContentDate",
    "SeriesDate",
    "StudyDate",
    "ImageType",
)
CODING: Final = wanted(
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
SQUARE: Final = 0.01
REFORMATTED: Final = frozenset({"REFORMATTED", "MPR", "CSA MPR", "CSAMPR", "RESAMPLED"})
GREY: Final = frozenset(["MONOCHROME1", "MONOCHROME2"])
Direction = tuple[float, float, float]


def pixels_of(file: Opened) -> Pixels:
    """Return where the pixels of a file lie.

    MONOCHROME1 is measured as stored like MONOCHROME2: the two differ in how grey values are to be
    shown (PS3.3 C.7.6.3.1.2), so only a view is inverted. The indices of a SEG's labels into a
    palette are no colours and are read.

    Raises:
        BadInput: colours, or indices into a palette of them, which measure nothing.
        UnreadableFile: no pixels, coded as is not read, or samples not in the lowest bits.
    """
    dataset, said = file.dataset, file.elements
    if dataset is None or not dataset.pixel_tag:
        raise UnreadableFile(
            (dataset.damage if dataset else "") or "no pixels in it", where=str(file.path)
        )
    if said.integer("SamplesPerPixel", 1) != 1 or "Rows" not in said or "Columns" not in said:
        raise BadInput("colour images are not measured", where=str(file.path))
    photometric = said.text("PhotometricInterpretation")
    if photometric not in GREY and "SegmentSequence" not in said:
        raise BadInput(
            f"its values are no grey values (PhotometricInterpretation {photometric or 'absent'})",
            where=str(file.path),
            advice="export the images as they were measured",
        )
    check_syntax(file.transfer_syntax, str(file.path))
    bits = said.integer("BitsAllocated", 16)
    bits_stored = said.integer("BitsStored", bits) or bits
    _check_high_bit(said, bits_stored, file)
    integer_kind = "i" if said.integer("PixelRepresentation") else "u"
    return Pixels(
        file.path,
        file.size_bytes,
        file.modified_ns,
        file.transfer_syntax,
        dataset.pixel_offset,
        dataset.pixel_length,
        rows=said.integer("Rows"),
        columns=said.integer("Columns"),
        frames=max(said.integer("NumberOfFrames", 1), 1),
        kind="f" if dataset.pixel_tag == 0x7FE00008 else integer_kind,
        bits=bits,
        bits_stored=bits_stored,
        photometric=photometric,
    )


def _check_high_bit(said: Elements, bits_stored: int, file: Opened) -> None:
    """Raise UnreadableFile for samples not in the lowest bits, as PS3.3 C.7.6.3 has them."""
    high_bit = said.integer("HighBit", bits_stored - 1)
    if high_bit != bits_stored - 1:
        raise UnreadableFile(
            f"its {bits_stored} bits stored end at bit {high_bit}, not {bits_stored - 1} (HighBit)",
            where=str(file.path),
            advice="export the images again, HighBit one less than BitsStored",
        )


def position_of(plane: Elements) -> Direction:
    """Return ImagePositionPatient; raises WrongGeometry when there is none."""
    position = plane.floats("ImagePositionPatient")
    if len(position) != 3:
        raise WrongGeometry(
            "an image has no position in the patient",
            advice="only images that say where they lie can be measured",
        )
    return position[0], position[1], position[2]


def directions_of(plane: Elements) -> tuple[Direction, Direction]:
    """Return unit vectors along a row and down a column from ImageOrientationPatient.

    Raises:
        WrongGeometry: there are none, or they are no right angle of unit vectors.
    """
    return _directions(plane.floats("ImageOrientationPatient"))


def axes_of(plane: Elements) -> tuple[Direction, Direction]:
    """Return the two directions as ImageOrientationPatient says them; raises as `directions_of`.

    They may be off a right angle or a length of 1 by what `directions_of` lets pass.
    """
    directions_of(plane)
    i, j, k, u, v, w = plane.floats("ImageOrientationPatient")
    return (i, j, k), (u, v, w)


@lru_cache(64)
def _directions(said: tuple[float, ...]) -> tuple[Direction, Direction]:
    six = np.array(said)
    if six.shape != (6,):
        raise WrongGeometry(
            "an image has no orientation in the patient",
            advice="only images that say where they lie can be measured",
        )
    row, column = six[:3], six[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if np.abs(np.subtract(lengths, 1)).max() > SQUARE or abs(row @ column) > SQUARE:
        raise WrongGeometry("the image axes are not a right angle of unit vectors")
    row = row / lengths[0]
    column = column - row * (row @ column)
    column = column / np.linalg.norm(column)
    return (
        (float(row[0]), float(row[1]), float(row[2])),
        (float(column[0]), float(column[1]), float(column[2])),
    )


def is_reformatted(said: Elements) -> bool:
    """Return whether ImageType says that planes were computed on another grid than was scanned.

    From value 3 on (PS3.3 C.7.6.1.1.2, C.8.16.1); DERIVED alone may be no more than compressed.
    """
    return not REFORMATTED.isdisjoint(said.texts("ImageType")[2:])


def spacing_of(measures: Elements) -> tuple[float, float]:
    """Return mm between pixels along i and j; PixelSpacing gives rows first (PS3.3 10.7.1.3)."""
    spacing = measures.floats("PixelSpacing")
    if len(spacing) != 2 or min(spacing) <= 0:
        raise WrongGeometry(
            "an image does not say how far apart its pixels are",
            advice="only images with PixelSpacing can be measured",
        )
    return spacing[1], spacing[0]


def date_of(said: Elements, keyword: str) -> date | None:
    """Return a date, None where the file says none or nonsense."""
    return day_in(said.text(keyword))


def day_in(text: str) -> date | None:
    """Return the day a text says, None for none or nonsense (also YYYY.MM.DD of ACR-NEMA)."""
    digits = text.replace(".", "")
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


def identity_of(said: Elements) -> Identity:
    """Return whom a file says it shows."""
    return Identity(
        said.text("PatientName"),
        said.text("PatientID"),
        date_of(said, "PatientBirthDate"),
        said.text("PatientSex"),
        issuer=said.text("IssuerOfPatientID"),
    )


def compared(said: Elements, keyword: str) -> float | None:
    """Return a number that is only compared with others: None where it is absent or damaged."""
    try:
        return next(iter(said.floats(keyword)), None)
    except UnreadableFile:
        return None


def padding_of(said: Elements, *, signed: bool) -> float | None:
    """Return PixelPaddingValue as stored (its representation follows the pixels'), or None."""
    _, value = said.raw.get(tag_of("PixelPaddingValue"), ("", b""))
    if not isinstance(value, bytes) or len(value) < 2:
        return None
    order: Literal["big", "little"] = "big" if said.big else "little"
    return float(int.from_bytes(value[:2], order, signed=signed))


FUNCTIONAL: Final = wanted(
    PlanePositionSequence=wanted("ImagePositionPatient"),
    PlaneOrientationSequence=wanted("ImageOrientationPatient"),
    PixelMeasuresSequence=wanted("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
)


def functional_groups(*more: dict[int, Any]) -> dict[int, Any]:
    """Return what to read of a multi-frame header: where each frame lies, and `more`."""
    groups = merged(FUNCTIONAL, *more)
    return wanted(SharedFunctionalGroupsSequence=groups, PerFrameFunctionalGroupsSequence=groups)


def frames_of(said: Elements) -> tuple[Callable[[str], Elements], ...]:
    """Return, for each frame, what gives the item of one of its functional groups by name."""
    shared = said.first("SharedFunctionalGroupsSequence")

    def group_of(own: Elements) -> Callable[[str], Elements]:
        return lambda name: (own if name in own else shared).first(name)

    return tuple(group_of(own) for own in said.items("PerFrameFunctionalGroupsSequence"))
