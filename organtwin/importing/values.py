"""What stored values stand for: scaling, unit, and what compression may have done to them.

Rescale (the Modality LUT, PS3.3 C.11.1 and C.7.6.16.2.9) is used when present. A real-world value
mapping (C.7.6.16.2.11) is used beside it when it is linear, covers every value that can be stored,
is in a unit of `UNITS`, and the header leaves the unit open: no Rescale, the identity, or the same
line. Anything else that it says is told and not applied; private scaling is never applied.

Rescale is slope and intercept, or neither: half of it, or none in some images of a series, is
refused. Both are of type 1 in CT and PET images (PS3.3 C.8.2.1, C.8.9.4): a CT without them is in
no unit, a PET image without its slope is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from organtwin.core.errors import BadInput, UnreadableFile
from organtwin.importing.elements import Elements, wanted
from organtwin.importing.found import Pixels, Slice

CODE: Final = wanted("CodeValue", "CodingSchemeDesignator")
MAPPING: Final[dict[int, Any]] = wanted(
    RealWorldValueMappingSequence=wanted(
        "RealWorldValueSlope",
        "RealWorldValueIntercept",
        "RealWorldValueFirstValueMapped",
        "RealWorldValueLastValueMapped",
        "DoubleFloatRealWorldValueFirstValueMapped",
        "DoubleFloatRealWorldValueLastValueMapped",
        MeasurementUnitsCodeSequence=CODE,
    )
)
RESCALE: Final[dict[int, Any]] = wanted("RescaleSlope", "RescaleIntercept", "RescaleType")
WHOLE: Final[dict[int, Any]] = wanted(
    "Units",
    "CorrectedImage",
    "DecayCorrection",
    "LossyImageCompression",
    "LossyImageCompressionMethod",
    "LossyImageCompressionRatio",
    "VolumeBasedCalculationTechnique",
    ModalityLUTSequence=wanted("ModalityLUTType"),
)
"""What is wanted of the dataset itself, whatever the number of frames."""
ARBITRARY: Final = "1"
UNITS: Final = {
    "[hnsf'U]": "HU",
    "Bq/ml": "Bq/mL",
    "Bq/mL": "Bq/mL",
    "g/ml": "g/mL",
    "g/mL": "g/mL",
    "{SUVbw}g/ml": "g/mL",
    "g/ml{SUVbw}": "g/mL",
    "mm2/s": "mm2/s",
    "um2/s": "um2/s",
    "10*-6.mm2/s": "um2/s",
    "10-6.mm2/s": "um2/s",
    "mg/ml": "mg/mL",
    "ms": "ms",
    "s": "s",
    "Gy": "Gy",
}
"""UCUM code → unit of a Volume."""
PET_UNITS: Final = {"BQML": "Bq/mL", "GML": "g/mL", "CNTS": "counts", "PCNT": "%", "NONE": "1"}
CORRECTIONS: Final = {"ATTN": "attenuation", "SCAT": "scatter"}
"""Terms of CorrectedImage (PS3.3 C.8.9.4.1.1) without which PET values are not of activity."""
SAME: Final = 1e-6
STEEPEST: Final = 1e28
"""Times the highest stored value of 32 bits this is still a float32."""
METHODS: Final = {
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
    "1.2.840.10008.1.2.4.91": "ISO_15444_1",
}
"""Transfer syntaxes that may lose something, and the defined term of their method (C.7.6.1.1.5)."""
LOSSLESS_ALLOWED: Final = "1.2.840.10008.1.2.4.91"
"""Loses nothing where the file says so."""


@dataclass(frozen=True)
class Meaning:
    """Stored value → value in `unit`, by slope and intercept; `notes` are for the report.

    Args:
        lossy: method of lossy compression, "" where nothing says there was any; ratio 0 unknown.
        rescaled: whether the file says slope and intercept.
    """

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ARBITRARY
    notes: tuple[str, ...] = ()
    lossy: str = ""
    ratio: float = 0.0
    rescaled: bool = True


def meaning_of(
    said: Elements, pixels: Pixels, *, rescale: Elements, mappings: Sequence[Elements]
) -> Meaning:
    """Return what the values of one image or frame stand for.

    Args:
        rescale: where Rescale is said: the dataset, or a frame's functional group.
        mappings: items of RealWorldValueMappingSequence that apply.

    Raises:
        BadInput: values are mapped by a table.
        UnreadableFile: the scaling is no number, 0, beyond any measurement, half or missing.
    """
    if said.items("ModalityLUTSequence"):
        raise BadInput(
            "its values are mapped by a table (ModalityLUTSequence), which is not linear",
            where=str(pixels.path),
            advice="export images with a linear rescale",
        )
    rescaled = _is_rescaled(said, rescale, pixels)
    slope = rescale.number("RescaleSlope", 1.0)
    intercept = rescale.number("RescaleIntercept", 0.0)
    _check(slope, intercept, pixels)
    unit = _unit(said, rescale, rescaled=rescaled)
    notes: tuple[str, ...] = ()
    for mapping in mappings:
        line, problem = _line(mapping, pixels)
        if line is None:
            notes += (problem,)
        elif unit not in (ARBITRARY, line.unit):
            notes += (f"a real-world mapping to {line.unit} is not applied: values are in {unit}",)
        elif (slope, intercept) in ((1.0, 0.0), (line.slope, line.intercept)) or _alike(
            line, slope, intercept
        ):
            slope, intercept, unit = line.slope, line.intercept, line.unit
        else:
            notes += (f"a real-world mapping to {line.unit} is not applied beside a Rescale",)
    lossy, ratio = _lost(said, pixels)
    notes += _doubts(said, unit)
    if pixels.photometric == "MONOCHROME1":
        notes += ("MONOCHROME1: low values are shown bright; the values are as stored",)
    return Meaning(slope, intercept, unit, notes, lossy, ratio, rescaled)


def _is_rescaled(said: Elements, rescale: Elements, pixels: Pixels) -> bool:
    """Return whether there is a Rescale; raises UnreadableFile for half of one, or a PET's none."""
    absent = [k for k in ("RescaleSlope", "RescaleIntercept") if not rescale.floats(k)]
    if len(absent) == 1 or (absent and said.text("Modality") == "PT"):
        raise UnreadableFile(
            f"no {' and no '.join(absent)}: what its values stand for is not known",
            where=str(pixels.path),
            advice="export the images again with RescaleSlope and RescaleIntercept",
        )
    return not absent


def _doubts(said: Elements, unit: str) -> tuple[str, ...]:
    """Return what keeps values from being those of their kind of image."""
    modality, done = said.text("Modality"), said.texts("CorrectedImage")
    if modality == "CT" and unit == ARBITRARY:
        return ("values are not in HU: no Rescale, or one to another unit (RescaleType)",)
    if modality != "PT":
        return ()
    unknown = "whether corrected for attenuation and scatter is not said (CorrectedImage)"
    notes: tuple[str, ...] = () if any(done) else (unknown,)
    absent = [name for term, name in CORRECTIONS.items() if any(done) and term not in done]
    absent += ["decay"] if said.text("DecayCorrection") == "NONE" else []
    if absent:
        notes += (f"values are not activity at one time: not corrected for {', '.join(absent)}",)
    return notes


def _check(slope: float, intercept: float, pixels: Pixels) -> None:
    if not 0 < abs(slope) <= STEEPEST or abs(intercept) > STEEPEST:
        raise UnreadableFile(
            f"a scaling of {slope:g} and {intercept:g} measures nothing", where=str(pixels.path)
        )


def _unit(said: Elements, rescale: Elements, *, rescaled: bool) -> str:
    """Return the unit that the header gives for rescaled values."""
    if said.text("Modality") == "CT":
        return "HU" if rescaled and rescale.text("RescaleType") in ("", "HU") else ARBITRARY
    units = said.text("Units")
    return PET_UNITS.get(units, units) or ARBITRARY


def _line(mapping: Elements, pixels: Pixels) -> tuple[Meaning | None, str]:
    """Return a mapping as a line, or why it is none to be trusted."""
    code = mapping.first("MeasurementUnitsCodeSequence").text("CodeValue")
    unit = UNITS.get(code, "")
    head = f"a real-world mapping to {code or 'no unit'} is not applied"
    if "RealWorldValueSlope" not in mapping:
        return None, f"{head}: it is not linear"
    if not unit:
        return None, f"{head}: its unit is not known here"
    line = Meaning(
        mapping.number("RealWorldValueSlope", 1.0),
        mapping.number("RealWorldValueIntercept", 0.0),
        unit,
    )
    _check(line.slope, line.intercept, pixels)
    if pixels.kind == "f":
        covers = (line.slope, line.intercept) == (1.0, 0.0)
    else:
        first, last = _range(mapping, signed=pixels.kind == "i")
        low = -(2 ** (pixels.bits_stored - 1)) if pixels.kind == "i" else 0
        covers = first <= low and low + 2**pixels.bits_stored - 1 <= last
    return (line, "") if covers else (None, f"{head}: it does not cover every value")


def _range(mapping: Elements, *, signed: bool) -> tuple[float, float]:
    """Return the stored values that a mapping is for, an empty range where it does not say."""
    keywords = "RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped"
    ends = [
        mapping.floats(keyword) or mapping.floats(f"DoubleFloat{keyword}") for keyword in keywords
    ]
    first, last = (end[0] if end else 0.0 for end in ends)
    if signed and first > 2**15 - 1:  # read as unsigned where the file does not say how
        first -= 2**16
    return first, last


def _alike(line: Meaning, slope: float, intercept: float) -> bool:
    apart = abs(line.slope - slope), abs(line.intercept - intercept)
    return apart[0] <= SAME * abs(slope) and apart[1] <= SAME * max(abs(intercept), abs(slope))


def _lost(said: Elements, pixels: Pixels) -> tuple[str, float]:
    """Return method and ratio of lossy compression, as the file or its coding says."""
    flag, syntax = said.text("LossyImageCompression"), pixels.transfer_syntax
    by_coding = syntax in METHODS and not (syntax == LOSSLESS_ALLOWED and flag == "00")
    if flag != "01" and not by_coding:
        return "", 0.0
    method = (*said.texts("LossyImageCompressionMethod"), METHODS.get(syntax, ""))[0]
    ratios = said.floats("LossyImageCompressionRatio")
    return method or "by an unnamed method", max(ratios, default=0)


def unit_in(slices: Sequence[Slice]) -> str:
    """Return the unit of slices.

    Raises:
        BadInput: they have several.
        UnreadableFile: some are rescaled and some are not.
    """
    bare = [one for one in slices if not one.rescaled]
    if 0 < len(bare) < len(slices):
        path = bare[0].pixels.path
        raise UnreadableFile(
            f"{path.name} has no RescaleSlope and RescaleIntercept, other images of its series do",
            where=str(path),
            advice="export the series again",
        )
    units = {one.unit for one in slices}
    if len(units) > 1:
        raise BadInput(
            f"slices in different units ({', '.join(sorted(units))})",
            advice="export one kind of image as a series",
        )
    return units.pop()


def notes_on(slices: Sequence[Slice]) -> tuple[str, ...]:
    """Return what is to be said of the values of slices: mappings not applied, compression."""
    notes = tuple(dict.fromkeys(note for one in slices for note in one.notes))
    for method in sorted({one.lossy for one in slices} - {""}):
        ratios = [one.ratio for one in slices if one.lossy == method]
        low, high = f"{min(ratios):.3g}", f"{max(ratios):.3g}"
        ratio = f"ratio {low}" if low == high else f"ratio {low} to {high}"
        ratio = ratio if max(ratios) > 0 else "ratio not stated"
        notes += (f"lossy compressed ({method}, {ratio}): values are not those measured",)
    return notes
