"""Words that may stay in a description: those of a vocabulary, and no name of the same object.

Cleaning keeps what is known to be harmless and drops everything else (PS3.15 E.3.5, E.3.4). The
vocabulary is every word written in small letters inside a code meaning of PS3.16, which leaves out
eponyms, and some words of protocols and contouring.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from pydicom.sr import _concepts_dict

MORE: Final = (
    "adc ap arter artery ax axial b bladder body bolus bone brain breath caudal cor coronal ct "
    "cta ctv d delay delayed diffusion dixon dwi dyn early epi fat flair flash gre gtv hepatic "
    "hip hold in iso itv iv kv l late lung med mip mm mpr mprage mr mra mri ms nativ native oar "
    "opp oral organ out ov par pelvis pet plain portal post pre prostate ptv r recon rectum roi "
    "rois sag sagittal scout segment segmentation sl soft space spgr spine spir stir structure "
    "structures subtraction suv t thin tissue tof tra trans tse tumor tumour tumours vascular ve "
    "venous vessel vibe vol wb whole with without x"
)
DATE_OR_NUMBER: Final = re.compile(r"\d(?:[\s./:-]?\d){4,}|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}")
TOKEN: Final = re.compile(r"[^\W\d_]+|\d+|[\W_]")
DIGITS: Final = 3
"""Numbers up to this many digits stay: slice thickness, phase, tumour number."""


@cache
def vocabulary() -> frozenset[str]:
    """Return the words that may stay."""
    inside = (
        word
        for scheme in _concepts_dict.concepts.values()
        for codes in scheme.values()
        for meaning, _ in codes.values()
        for word in re.findall(r"[^\W\d_]+", meaning)[1:]
    )
    return frozenset(word for word in inside if word.islower() and len(word) > 1) | {*MORE.split()}


def cleaned(text: str, names: frozenset[str]) -> str:
    """Return a text without long numbers, dates, `names` and words outside the vocabulary."""
    known = vocabulary() - names
    kept = [token for token in TOKEN.findall(DATE_OR_NUMBER.sub(" ", text)) if _stays(token, known)]
    short = re.sub(r"\s+", " ", "".join(kept))
    return short.strip(" ,;:._-/=^()[]&+") if re.search(r"[^\W_]", short) else ""


def _stays(token: str, known: frozenset[str]) -> bool:
    if token.isdecimal():
        return len(token) <= DIGITS
    return not token.isalpha() or token.casefold() in known
