"""Which part of the body a series shows, where its header says clearly that it is not the abdomen.

BodyPartExamined (PS3.3 C.7.3.1.1.1, values of PS3.16 annex L) is often left at a scanner's default,
so the names go before it; the first text that names a part decides, unless it names the trunk too.
"""

from __future__ import annotations

from typing import Final

from organtwin.importing.found import Series
from organtwin.importing.wording import Table, Words, plain

PARTS: Final[Table] = {
    "head": {
        "": "brain, head, skull, cranium, cranial, neuro, cerebr*, orbit*, sinus, sinuses, cct,"
        " headneck",
        "German": "kopf, schadel, hirn, gehirn, neurokranium",
        "French": "crane, cerveau, tete, encephale",
        "Spanish, Italian": "cerebro, cabeza, encefalo, cervello, testa, cranio, craneo",
    },
    "neck": {"": "neck, larynx, thyroid, hals"},
    "spine": {
        "": "spine, cspine, tspine, lspine, cervical spine, lumbar spine, wirbelsaule, hws, bws,"
        " lws, rachis, columna, colonne"
    },
    "limb": {
        "": "knee, foot, ankle, wrist, elbow, shoulder, femur, tibia, extremity, lower leg, knie,"
        " fuss, schulter, genou, epaule, rodilla, ginocchio"
    },
    "breast": {"": "breast, mamma, mammo*"},
    "heart": {"": "heart, cardiac, coronary, coronaries, herz, coeur"},
    "trunk": {
        "": "abd*, liver, hepat*, leber, foie, higado, fegato, cap, tap, torso, trunk, body,"
        " wholebody, wb, pelvi*, kidney, kidneys, renal, pancrea*, chest, thor*, lung, lungs,"
        " rumpf, mrcp, oberbauch, ganzkorper"
    },
}
"""Words for parts of the body; "trunk" is where the abdomen may be in the images."""
TRUNK: Final = "trunk"
WORDS: Final = Words(PARTS)


def part_of(series: Series) -> tuple[str, str]:
    """Return (part, why): "head", "neck", "spine", "limb", "breast" or "heart", else ("", "").

    FLAIR is a weighting of heads and spines: where nothing else is said it tells a head.
    """
    said = (
        ("SeriesDescription", series.description),
        ("StudyDescription", series.study_description),
        ("BodyPartExamined", series.body_part),
    )
    for keyword, text in said:
        found = WORDS.found(plain(text))
        if len(found) > 1 or TRUNK in found:
            return "", ""
        for part, word in found.items():
            return part, f"{keyword} says '{word}'"
    if series.guess.name == "FLAIR":
        return "head", "FLAIR is taken of brains"
    return "", ""
