"""What a series probably shows: contrast phase of a CT, weighting of an MR; with the reason.

Words come first (what a radiographer wrote), numbers second; where two words or numbers speak for
different answers there is no guess. Times after the injection follow the liver phases of the ACR
CT/MRI LI-RADS v2018 manual, chapter 4 (late arterial 35 to 40 s, portal venous 60 to 75 s, delayed
2 to 5 min), with room for slower and faster hearts. Weightings follow Bushberg et al., The
Essential Physics of Medical Imaging, 3rd ed., 12.5 (spin echo: T1 by short TR and TE, T2 by both
long), Hajnal et al., J Comput Assist Tomogr 16:841 (1992) (FLAIR: inversion nulls water, TI about
2 s) and Mugler and Brookeman, Magn Reson Med 15:152 (1990) (MP-RAGE: inversion 0.6 to 1.2 s).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from organtwin.importing.elements import Elements, merged, wanted
from organtwin.importing.found import Guess
from organtwin.importing.planes import compared

WANTED: Final = wanted(
    "ProtocolName",
    "ContrastBolusAgent",
    "ContrastBolusStartTime",
    "AcquisitionTime",
    "ScanningSequence",
    "SequenceVariant",
    "EchoTime",
    "RepetitionTime",
    "InversionTime",
    "DiffusionBValue",
)
WANTED_OF_MANY: Final = merged(
    wanted("ProtocolName", "AcquisitionContrast"),
    wanted(ContrastBolusAgentSequence=wanted("CodeMeaning")),
)
NOTHING: Final = Guess()
Words = tuple[tuple[str, re.Pattern[str]], ...]

PLAIN: Final = re.compile(
    r"\b(nativ\w*|natif|plain|unenhanced|non[ -]?contrast\w*|noncontrast|without|w/o|wo|basal)\b"
    r"|\b(sans|sin|ohne|senza) *(iv|i\.v\.|pc|pdc|km|contraste?|kontrast\w*|inj\w*|produit)\b"
    r"|\b(non|no) *(iv|inj\w*)\b|\bpre[ -]?(contrast\w*|km|gd|inj\w*)?\b|\bavant inj\w*"
    r"|(^|[ (_])c-($|[ )_])"
)
LATE_ARTERIAL: Final = re.compile(
    r"\b(late|spate?|spat|spaet\w*)[ -]?(art\w*)\b|\bspat-?arteriell\w*"
)
CT_WORDS: Final[Words] = (
    ("native", PLAIN),
    ("arterial", re.compile(r"\bart(erial?\w*|eriell\w*|eriel(le)?s?|erios[oa]|erie\w*)?\b"
                            r"|\bartphase\b|(?<![\d.,])(2[5-9]|3\d|4[0-5]) ?s(ec|ek)?\b")),
    ("portal", re.compile(r"\b(pvp?|porto[ -]?\w*|portal\w*|ven(ous|os\w*|eus\w*)?|veineu\w*)\b"
                          r"|(?<![\d.,])(6\d|7\d|80) ?s(ec|ek)?\b")),
    ("late", re.compile(r"\b(late|delay(ed)?|tardi[fvao]\w*|tard|spat(phase)?|spaet\w*|retardad\w*"
                        r"|equilib\w*|excret\w*|urograph\w*|ausscheid\w*)\b"
                        r"|(?<![\d.,])([3-9]|1[0-5]) ?min\b")),
)  # fmt: skip
"""Guess → words for it in English, German, French, Spanish, Italian, letters without accents."""
PHASE_SECONDS: Final = (("arterial", 20, 45), ("portal", 55, 100), ("late", 120, 900))
FOLLOWING: Final = {
    "arterial": (("portal", 15, 60), ("late", 90, 880)),
    "portal": (("arterial", -60, -15), ("late", 60, 840)),
}
"""Seconds from a phase that is known to another one, after the same times."""
PHASES: Final = frozenset(name for name, _ in CT_WORDS)
PET_CT: Final = re.compile(r"\b(ctac|ac ?ct|ct ?ac|atten\w* ?corr\w*|pet\w*|low ?dose)\b")
NO_MR: Final = re.compile(
    r"\b(loc|locali[sz]er\w*|scout|survey|pilot|tof|mra|angio\w*|mip|proj\w*|swi|swan|perf\w*|bold"
    r"|asl|fmri|map\w*|phase|phasemap|spectro\w*|t2 ?star|t2\*)\b|\bt2\*"
)
MR_WORDS: Final[Words] = (
    ("ADC", re.compile(r"\b(e?adc|apparent diffusion\w*)\b")),
    (
        "DWI",
        re.compile(r"\b(dwi(?!p)\w*|diff\w*|tracew?|resolve|zoomit)\b|\bb ?(50|[1-9]\d{2,3})\b"),
    ),
    ("FLAIR", re.compile(r"\b(t2 ?)?(flair|dark[ -]?fluid)\w*\b")),
    ("T1", re.compile(r"\bt1\w*|\b(mprage|mp-rage|bravo|e?thrive|vibe|lava|spgr|fspgr|tfl)\b")),
    ("T2", re.compile(r"\bt2\w*|\b(haste|ssfse|ss-?tse)\b")),
)
GIVEN: Final = re.compile(
    r"\b(post\w*|gd|gado\w*|gad|km|ce|enhanced|contrast\w*|kontrast\w*|inject\w*|pc|dyn\w*|\+ ?c)\b"
    r"|c ?\+|\+ ?c\b|\bt1c\b|\bt1 ?(w )?ce\b"
)


def guess_of(said: Elements) -> Guess:
    """Return what a header probably belongs to; a Guess without a name where nothing tells."""
    modality = said.text("Modality")
    if "LOCALIZER" in said.texts("ImageType"):
        return NOTHING
    if modality == "PT":
        return Guess("PET", "Modality PT")
    if modality == "CT":
        return _ct(said)
    return _mr(said) if modality == "MR" else NOTHING


def _plain(text: str) -> str:
    """Return text as words are looked for in it: lower case, no accents, no underscores."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in letters if not unicodedata.combining(c))
    return re.sub(r"[_;:,|]+", " ", bare)


def _worded(said: Elements, words: Words, *, first: bool = False) -> Guess:
    """Return the one guess that the description, else the protocol's name, has a word for.

    Args:
        first: several may be there, the first of `words` is meant.
    """
    for keyword in ("SeriesDescription", "ProtocolName"):
        text = _plain(said.text(keyword))
        if words is CT_WORDS:
            text = LATE_ARTERIAL.sub("arterial", text)
        hits = {name: found[0].strip() for name, word in words if (found := word.search(text))}
        if len(hits) == 1 or (hits and first):
            name, word = next(iter(hits.items()))
            return Guess(name, f"{keyword} says '{word}'")
        if hits:
            return NOTHING
    return NOTHING


def _ct(said: Elements) -> Guess:
    worded = _worded(said, CT_WORDS)
    if worded.name:
        return worded
    seconds = _after_injection_s(said)
    for name, low, high in PHASE_SECONDS:
        if seconds is not None and low <= seconds <= high:
            return Guess(name, f"acquired {seconds:.0f} s after ContrastBolusStartTime")
    for keyword in ("SeriesDescription", "StudyDescription"):
        if found := PET_CT.search(_plain(said.text(keyword))):
            return Guess("CT for PET", f"{keyword} says '{found[0]}'")
    return NOTHING


def in_order(told: Sequence[tuple[Elements, Guess]]) -> tuple[Guess, ...]:
    """Return guesses of all series, CT after contrast also guessed by the others of its study.

    Args:
        told: the header of each series' first image, and what is guessed of it so far.
    """
    known: dict[str, list[tuple[float, str]]] = {}
    for said, guess in told:
        seconds = seconds_of(said.text("AcquisitionTime"))
        if guess.name in FOLLOWING and seconds is not None:
            known.setdefault(said.text("StudyInstanceUID"), []).append((seconds, guess.name))
    return tuple(_by_others(said, guess, known) for said, guess in told)


def _by_others(
    said: Elements, guess: Guess, known: Mapping[str, Sequence[tuple[float, str]]]
) -> Guess:
    seconds = seconds_of(said.text("AcquisitionTime"))
    if guess != NOTHING or seconds is None or "ContrastBolusAgent" not in said:
        return guess
    found = {
        name: Guess(name, f"{seconds - then:+.0f} s from the {other} series of the study")
        for then, other in known.get(said.text("StudyInstanceUID"), ())
        for name, low, high in FOLLOWING[other]
        if low <= seconds - then <= high
    }
    plain = said.text("Modality") == "CT" and "LOCALIZER" not in said.texts("ImageType")
    return next(iter(found.values())) if plain and len(found) == 1 else NOTHING


def _after_injection_s(said: Elements) -> float | None:
    start, taken = (seconds_of(said.text(k)) for k in ("ContrastBolusStartTime", "AcquisitionTime"))
    return None if start is None or taken is None else taken - start


def seconds_of(time: str) -> float | None:
    """Return seconds since midnight of a DICOM time HHMMSS.FFFFFF (PS3.5 6.2), None for none."""
    found = re.fullmatch(r"(\d\d):?(\d\d):?(\d\d(?:\.\d{1,6})?)", time.strip())
    if found is None:
        return None
    hours, minutes, seconds = found.groups()
    return 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)


def _mr(said: Elements) -> Guess:
    kinds = {kind.upper() for kind in said.texts("ImageType")}
    if "ADC" in kinds:
        return Guess("ADC", "ImageType says ADC")
    if {"DIFFUSION", "TRACEW"} & kinds:
        return Guess("DWI", "ImageType says DIFFUSION")
    if NO_MR.search(_plain(said.text("SeriesDescription"))):
        return NOTHING
    worded = _worded(said, MR_WORDS[:3], first=True)
    worded = worded if worded.name else _worded(said, MR_WORDS[3:])
    found = worded if worded.name else _stated(said)
    found = found if found.name else _measured(said)
    return _enhanced(said, found) if found.name == "T1" else found


def _stated(said: Elements) -> Guess:
    """Return what a multi-frame image says itself (AcquisitionContrast, PS3.3 C.8.13.1.1.1)."""
    contrast = said.text("AcquisitionContrast")
    names = {"T1": "T1", "T2": "T2", "DIFFUSION": "DWI", "FLUID_ATTENUATED": "FLAIR"}
    return (
        Guess(names[contrast], f"AcquisitionContrast says {contrast}")
        if contrast in names
        else (NOTHING)
    )


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
    """Return T1c where a T1 image was taken after contrast: by word, else by the agent given."""
    text = _plain(f"{said.text('SeriesDescription')} {said.text('ProtocolName')}")
    if PLAIN.search(_plain(said.text("SeriesDescription"))):
        return t1
    if found := GIVEN.search(text):
        return Guess("T1c", f"{t1.reason}; contrast said by '{found[0].strip()}'")
    agent = said.text("ContrastBolusAgent")
    agent = agent or said.first("ContrastBolusAgentSequence").text("CodeMeaning")
    if agent and agent.casefold() not in ("none", "no", "n", "0"):
        return Guess("T1c", f"{t1.reason}; contrast given (ContrastBolusAgent)")
    return t1


def guesses_of(stacks: Sequence[Elements]) -> tuple[Guess, ...]:
    """Return a guess for each of the stacks that one series was split into.

    Args:
        stacks: a header of each. Words of the series speak for all of its stacks, so they tell no
            phases apart; the first of several after contrast may have been taken before it.
    """
    guesses = [guess_of(said) for said in stacks]
    if len(stacks) < 2:
        return tuple(guesses)
    times = [seconds_of(said.text("AcquisitionTime")) or 0.0 for said in stacks]
    order = sorted(range(len(stacks)), key=lambda n: times[n])
    result = list(guesses)
    for place, n in enumerate(order):
        late_s = times[n] - times[order[0]]
        which = f"phase {place + 1} of {len(stacks)}"
        which += f", {late_s:.0f} s after the first" if late_s > 0 else ""
        one = guesses[n]
        alike = all(g.name == one.name for g in guesses)
        unclear = alike and (one.name in PHASES or (one.name == "T1c" and place == 0))
        nameless = not one.name or unclear
        result[n] = Guess("", which) if nameless else Guess(one.name, f"{one.reason}; {which}")
    return tuple(result)
