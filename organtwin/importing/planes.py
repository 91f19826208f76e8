"""What one DICOM header says of an image plane: words shared by single and multi-frame images."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache, partial
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
    "PixelRepresentation",
)
DATES: Final = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate")
SAME_DAYS: Final = 1
"""A study may go on past midnight."""
SQUARE: Final = 0.01
Direction = tuple[float, float, float]


def pixels_of(file: Opened) -> Pixels:
    """Return where the pixels of a file lie; raises BadInput when it has none to measure."""
    dataset, said = file.dataset, file.elements
    if dataset is None or not dataset.pixel_tag:
        raise UnreadableFile(
            (dataset.damage if dataset else "") or "no pixels in it", where=str(file.path)
        )
    if said.integer("SamplesPerPixel", 1) != 1 or "Rows" not in said or "Columns" not in said:
        raise BadInput("colour images are not measured", where=str(file.path))
    check_syntax(file.transfer_syntax, str(file.path))
    bits = said.integer("BitsAllocated", 16)
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
        bits_stored=said.integer("BitsStored", bits) or bits,
        photometric=said.text("PhotometricInterpretation"),
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


def spacing_of(measures: Elements) -> tuple[float, float]:
    """Return mm between pixels along i and j; PixelSpacing gives rows first (PS3.3 10.7.1.3)."""
    spacing = measures.floats("PixelSpacing")
    if len(spacing) != 2 or min(spacing) <= 0:
        raise WrongGeometry(
            "an image does not say how far apart its pixels are",
            advice="only images with PixelSpacing can be measured",
        )
    return spacing[1], spacing[0]


def acquired_of(said: Elements) -> date | None:
    """Return the day of the visit: of the study, else acquisition, series, content, else None.

    The study's date is what a hospital files images by, and one visit stays one when it goes on
    past midnight; what removes identities shifts it in every object alike.
    """
    return next((d for d in map(partial(date_of, said), DATES) if d is not None), None)


def dated(said: Elements) -> tuple[str, str]:
    """Return how the day was established, and the finding that it disagrees ("" when not)."""
    found = {keyword: day for keyword in DATES if (day := date_of(said, keyword)) is not None}
    if not found:
        return "the images say no date", ""
    keyword, day = next(iter(found.items()))
    other = next((k for k in DATES[1:] if k in found), keyword)
    if abs((found[other] - day).days) <= SAME_DAYS:
        return keyword, ""
    return f"{keyword}; {other} disagrees", (
        f"{other} is {found[other]}, {keyword} {day}: {keyword} is used"
    )


def date_of(said: Elements, keyword: str) -> date | None:
    """Return a date, None where the file says none or nonsense (also YYYY.MM.DD of ACR-NEMA)."""
    digits = said.text(keyword).replace(".", "")
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
