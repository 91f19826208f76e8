"""What a series probably shows, with the reason: contrast phase of a CT, weighting of an MR.

Words of the series' name go before those of the protocol's, which is of many series; numbers decide
where words are silent, and against them there is no guess (`phases`, `weightings`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from organtwin.importing.elements import Elements, merged, wanted
from organtwin.importing.found import Guess
from organtwin.importing.phases import NOTHING, PHASES, phase_of, seconds_of
from organtwin.importing.weightings import weighting_of

WANTED: Final = wanted(
    "ProtocolName",
    "BodyPartExamined",
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
    wanted("ProtocolName", "BodyPartExamined", "AcquisitionContrast"),
    wanted(ContrastBolusAgentSequence=wanted("CodeMeaning")),
)
FOLLOWING: Final = {
    "arterial": (("portal", 15, 60), ("late", 90, 880)),
    "portal": (("arterial", -60, -15), ("late", 60, 840)),
}
"""Seconds from a phase that is known to another one, after the same times."""


def guess_of(said: Elements) -> Guess:
    """Return what a header probably belongs to; a Guess without a name where nothing tells."""
    modality = said.text("Modality")
    if "LOCALIZER" in said.texts("ImageType"):
        return NOTHING
    if modality == "PT":
        return Guess("PET", "Modality PT")
    if modality == "CT":
        return phase_of(said)
    return weighting_of(said) if modality == "MR" else NOTHING


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
        reason = "" if unclear or not one.reason else f"{one.reason}; "
        result[n] = Guess("" if unclear else one.name, reason + which)
    return tuple(result)
