"""Weighting of an MR, by the words of its name, else by its times; T1c where contrast was given.

Weightings by times follow Bushberg et al., The Essential Physics of Medical Imaging, 3rd ed., 12.5
(spin echo: T1 by short TR and TE, T2 by both long), Hajnal et al., J Comput Assist Tomogr 16:841
(1992) (FLAIR: inversion nulls water, TI about 2 s) and Mugler and Brookeman, Magn Reson Med 15:152
(1990) (MP-RAGE: inversion 0.6 to 1.2 s).
"""

from __future__ import annotations

from typing import Final

from organtwin.importing.elements import Elements
from organtwin.importing.found import Guess
from organtwin.importing.phases import CONTRAST, NOTHING, measured_phase
from organtwin.importing.planes import compared
from organtwin.importing.wording import Table, Words, plain

WEIGHTING_TABLE: Final[Table] = {
    "ADC": {"": "adc, dadc, eadc, adc map*, apparent diffusion*"},
    "DWI": {
        "": "dw, dwi, dwibs, diff, diffusion*, difusion, diffusie, tracew, trace, b 50, b ###,"
        " b ####"
    },
    "FLAIR": {"": "flair*, t2 flair*, dark fluid*"},
    "T1": {"": "t1*, mprage, mp rage, bravo, thrive, ethrive, vibe, lava, spgr, fspgr, tfl"},
    "T2": {"": "t2*, haste, ssfse, ss tse"},
    "": {
        "localizers": "loc, localizer*, localiser*, scout, survey, pilot",
        "flow": "tof, mra, angio*, mip, proj*, phase map*, phase contrast, phase image*, perf*,"
        " asl",
        "susceptibility": "swi, swan, bold, fmri, t2 star*, t2star*",
        "quantities": "map*, molli, shmolli, t1 map*, t2 map*, spectro*, t1rho*, t1 rho*",
    },
}
"""Words for weightings and names of sequences in all languages; under "" what is none of them."""
WEIGHTING: Final = Words(WEIGHTING_TABLE)
NONE_GIVEN: Final = frozenset(["", "none", "no", "n", "0"])
SUBTRACTED: Final = frozenset(["SUB", "SUBTRACT", "SUBTRACTION"])


def weighting_of(said: Elements) -> Guess:
    """Return the weighting of an MR; a Guess without a name where nothing tells."""
    kinds = {kind.upper() for kind in said.texts("ImageType")}
    contrast = CONTRAST.found(plain(said.text("SeriesDescription")))
    if word := contrast.get("computed"):
        return Guess("", f"SeriesDescription says '{word}': computed, not taken so")
    if SUBTRACTED & kinds:
        return Guess("", "ImageType says a subtraction")
    if "ADC" in kinds:
        return Guess("ADC", "ImageType says ADC")
    if {"DIFFUSION", "TRACEW"} & kinds:
        return Guess("DWI", "ImageType says DIFFUSION")
    found = _worded(said)
    if found is None:
        return NOTHING
    found = found if found.name else _stated(said)
    found = found if found.name else _measured(said)
    return _enhanced(said, found) if found.name == "T1" else found


def _worded(said: Elements) -> Guess | None:
    """Return what the description says, else the protocol's name; None for no plain weighting."""
    for keyword in ("SeriesDescription", "ProtocolName"):
        found = WEIGHTING.found(_starred(said.text(keyword)))
        name = _one_of(frozenset(found))
        if name:
            return Guess(name, f"{keyword} says '{found[name]}'")
        if "" in found and keyword == "SeriesDescription":
            return None
        if found:
            return NOTHING
    return NOTHING


def _starred(text: str) -> str:
    return plain(text).replace("t2*", "t2star")


def _one_of(names: frozenset[str]) -> str:
    """Return the weighting that words mean together, "" for none or several."""
    if "ADC" in names:
        return "ADC"
    if names == {"T1", "FLAIR"}:
        return "T1"
    for name in ("DWI", "FLAIR"):  # both are weighted by T2 as well
        if names - {"T2"} == {name}:
            return name
    return next(iter(names)) if len(names) == 1 else ""


def _stated(said: Elements) -> Guess:
    """Return what a multi-frame image says itself (AcquisitionContrast, PS3.3 C.8.13.1.1.1)."""
    contrast = said.text("AcquisitionContrast")
    names = {"T1": "T1", "T2": "T2", "DIFFUSION": "DWI", "FLUID_ATTENUATED": "FLAIR"}
    if contrast not in names:
        return NOTHING
    return Guess(names[contrast], f"AcquisitionContrast says {contrast}")


def _measured(said: Elements) -> Guess:
    """Return the weighting that echo, repetition and inversion times (ms) and b value make."""
    b = compared(said, "DiffusionBValue")
    if b:
        return Guess("DWI", f"b value {b:g} s/mm²")
    te, tr, ti = (compared(said, f"{k}Time") for k in ("Echo", "Repetition", "Inversion"))
    kinds, variant = said.texts("ScanningSequence"), said.texts("SequenceVariant")
    if te is None or tr is None or "EP" in kinds:
        return NOTHING
    times = f"TE {te:g} ms, TR {tr:g} ms" + (f", TI {ti:g} ms" if ti else "")
    if ti and 1500 <= ti <= 3000 and te >= 70:
        return Guess("FLAIR", times)
    if "GR" in kinds:
        inverted = bool(ti) and 600 <= (ti or 0) <= 1200
        spoiled = tr <= 50 and ("SP" in variant or "ContrastBolusAgent" in said)
        return Guess("T1", times) if te <= 8 and (inverted or spoiled) else NOTHING
    if "SE" in kinds and not ti:
        if tr <= 900 and te <= 30:
            return Guess("T1", times)
        if tr >= 1800 and te >= 70:
            return Guess("T2", times)
    return NOTHING


def _enhanced(said: Elements, t1: Guess) -> Guess:
    """Return T1c where a T1 image was taken after contrast, by word, else by the agent given."""
    for keyword in ("SeriesDescription", "ProtocolName"):
        found = CONTRAST.found(plain(said.text(keyword)))
        given = next((found[n] for n in ("given", "arterial", "portal", "late") if n in found), "")
        if "both" in found or ("native" in found and (given or "with" in found)):
            if keyword == "SeriesDescription":
                return Guess("", f"{keyword} says with and without contrast")
        elif word := found.get("native"):
            return _against_time(said, Guess("T1", f"{t1.reason}; no contrast, as '{word}' says"))
        elif given:
            return Guess("T1c", f"{t1.reason}; contrast said by '{given}'")
    agent = said.text("ContrastBolusAgent")
    agent = agent or said.first("ContrastBolusAgentSequence").text("CodeMeaning")
    if agent.casefold() not in NONE_GIVEN:
        return Guess("T1c", f"{t1.reason}; contrast given (ContrastBolusAgent)")
    return t1


def _against_time(said: Elements, native: Guess) -> Guess:
    measured = measured_phase(said)
    return Guess("", f"{native.reason}, but {measured.reason}") if measured.reason else native
