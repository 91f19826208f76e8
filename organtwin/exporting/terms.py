"""Coded terms and colours as DICOM writes them (PS3.3 8.8, C.10.7.1.1)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from organtwin.core.labelmap import CodedTerm, Structure
from organtwin.exporting.header import MAKER, SCHEME

ANATOMY: Final = CodedTerm("91723000", "SCT", "Anatomical Structure")
ABNORMAL: Final = CodedTerm("49755003", "SCT", "Morphologically Abnormal Structure")
CONCEPT: Final = CodedTerm("309825002", "SCT", "Spatial and Relational Concept")
UNCODED: Final = "OTHER"
"""Value of the code of a structure without one, in our own scheme; its meaning is its name."""
MILLIMETRE: Final = CodedTerm("mm", "UCUM", "mm")
SHORT: Final = 16


def item(term: CodedTerm) -> Dataset:
    """Return the sequence item of a coded term; long values go into LongCodeValue."""
    made = Dataset()
    setattr(made, "CodeValue" if len(term.value) <= SHORT else "LongCodeValue", term.value)
    made.CodingSchemeDesignator = term.scheme
    made.CodeMeaning = term.meaning[:64]
    return made


def type_of(structure: Structure) -> CodedTerm:
    """Return what a structure is; one without a code gets one of our own scheme."""
    if structure.code.value:
        return structure.code
    return CodedTerm(UNCODED, SCHEME, structure.code.meaning or structure.name)


def category_of(structure: Structure) -> CodedTerm:
    """Return the category of a structure (CID 7150)."""
    if not structure.code.value:
        return CONCEPT
    return ABNORMAL if structure.kind == "tumour" else ANATOMY


def own_scheme() -> Dataset:
    """Return the item of CodingSchemeIdentificationSequence for 99ORGANTWIN."""
    made = Dataset()
    made.CodingSchemeDesignator = SCHEME
    made.CodingSchemeName = "OrganTwin private codes"
    made.CodingSchemeResponsibleOrganization = MAKER
    return made


# sRGB primaries and D65 (IEC 61966-2-1), then Bradford to the D50 white of PCS-Values.
TO_XYZ_D50: Final[NDArray[np.float64]] = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
WHITE_D50: Final = np.array([0.96422, 1.0, 0.82521])


def cielab(colour: tuple[float, float, float]) -> list[int]:
    """Return an sRGB colour (0..1) as L*, a*, b* scaled to 0..65535 (PS3.3 C.10.7.1.1)."""
    rgb = np.array(colour)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x = TO_XYZ_D50 @ linear / WHITE_D50
    f = np.where(x > (6 / 29) ** 3, np.cbrt(x), x / (3 * (6 / 29) ** 2) + 4 / 29)
    lab = np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])
    scaled = np.array([lab[0] / 100, (lab[1] + 128) / 255, (lab[2] + 128) / 255]) * 65535
    return [int(v) for v in np.clip(np.round(scaled), 0, 65535)]
