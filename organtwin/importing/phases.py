"""Contrast phase of a CT, by the words of its name and by seconds after the injection.

Times follow the liver phases of the ACR CT/MRI LI-RADS v2018 manual, chapter 4: late arterial 35 to
40 s, portal venous 60 to 75 s, delayed 2 to 5 min after the injection began. `PHASE_SECONDS` leaves
room for early arterial phases, slower and faster hearts, and excretion (to 15 min); what lies
between is nobody's. A name and a time that contradict each other make no guess.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from organtwin.importing.elements import Elements
from organtwin.importing.found import Guess
from organtwin.importing.wording import Table, Words, plain

CONTRAST_TABLE: Final[Table] = {
    "native": {
        "en": "native, plain, unenhanced, non enhanced, non con, non contrast*, no contrast,"
        " without, without contrast*, without gad*, without gd, without iv, w o, w o contrast*,"
        " w o gad*, w o gd, w o iv, nect, ncct, nc, pre, pre contrast*, pre inj*, pre gd, pre gad*,"
        " pre iv, pre post op*, contrast free, no iv, non iv, c-",
        "de": "nativ, native*, ohne km, ohne kontrast*, ohne iv, ohne iv km, ohne gd, ohne gado*,"
        " ohne, kontrastmittel ohne, km ohne, pre km",
        "fr": "natif, sans, sans iv, sans inj*, sans contraste, sans gado*, sans pc, sans pdc,"
        " sans produit*, sans produit de contraste, non inj*, avant inj*, avant contraste",
        "es": "sin contraste, sin medio de contraste, sin iv, sin civ, sin gado*, sin, fase simple,"
        " tc simple, basal",
        "it": "senza mdc, senza contrasto, senza mezzo di contrasto, senza, basale",
        "nl, pt": "blanco, zonder contrast, sem contraste",
        "zh, ja": "平扫, 平掃, 单纯, 単純, 造影前",
    },
    "arterial": {
        "en": "art, arterial, arterial phase, artphase, hap, late arterial, late art,"
        " art* late, early arterial",
        "de": "arteriell*, spat art*, spaet art*, fruh art*",
        "fr": "arteriel, arterielle*, art tardi*, arteriel* tardi*, tardi* art*",
        "es, it": "arteriosa, arterioso, arteriosa tardi*, arterial tardi*",
        "zh, ja": "动脉, 動脈, 动脉晚期, 動脈後期",
    },
    "portal": {
        "en": "portal, portal venous, porto venous, portal phase, pv, pvp, venous, ven",
        "de": "portal ven*, porto ven*, venos, venose*, venoes*",
        "fr": "portale, porto vein*, veineu*, veneu*, temps porte",
        "es, it": "venosa, venoso, porto venos*",
        "nl": "portaal",
        "zh, ja": "门脉, 門脈, 门静脉, 門靜脈, 静脉期, 靜脈期, 静脈相",
    },
    "late": {
        "en": "late, late phase, delay, delayed, late venous, late ven, equilib*, excret*,"
        " urograph*, urogram*",
        "de": "spat, spate*, spaet*, spat phase, spat ven*, ausscheid*",
        "fr": "tardif*, tardive*, tard, vein* tardi*",
        "es, it": "tardia, tardio, tardiva, tardivo, retardad*, venosa tardi*",
        "zh, ja": "延迟, 延遲, 遅延, 平衡期, 平衡相",
    },
    "given": {
        "en": "post, post contrast*, post gd, post gad*, post inj*, gd, gado*, gad, ce, cect,"
        " enhanced, contrast*, inject*, dyn*, c+, c +, +c, + c, t1c, t1 ce, t1 gd*, t1 gad*,"
        " t1 km, late gad*, hbp, hepatobil*",
        "de": "km, mit km, kontrast*, post km, nach km",
        "fr": "pc, apres inj*, apres gado*, injecte*",
        "es, it": "mdc, civ",
        "zh, ja": "增强, 增強, 造影",
    },
    "with": {"en": "with, after", "de": "mit, nach", "fr": "avec, apres", "es, it, pt": "con, com"},
    "both": {
        "en": "w w o, w o w, w and w o, w o and w, wwo, pre post, pre and post, c+/-",
        "de": "mit und ohne, ohne und mit",
        "fr": "avec et sans, sans et avec",
    },
    "computed": {
        "en": "sub, subs, subtract*, vnc, virtual*, iodine*",
        "de": "subtr*, virtuell*, jod*",
        "fr": "soustr*, virtuel*, iode*",
        "es, it": "sustr*, sottr*",
    },
    "": {
        "arteries": "pulm* arter*, lung* arter*, arter* pulm*, coronar* arter*, lungenart*,"
        " arteries, artery, arteria,"
        " 肺动脉, 肺動脈, 主动脉, 大動脈, 冠状动脉, 冠動脈, 頸動脈, 颈动脉",
        "places": "basal lung*, lung* basal*, basal gangl*, basal cist*, basal seg*, lung bases",
        "operations": "pre op*, post op*, post surg*, post rt, post radi*, post chemo*,"
        " post treat*, post tx, post proc*, pre monit*, after surg*, after treat*, after chemo*",
        "fat": "without fs, without fat*, w o fs, w o fat*, with fs, with fat*, ohne fs,"
        " ohne fett*, mit fs, mit fett*, avec fs, sans fs, avec fat*, sans fat*, sans sat*",
    },
}
"""Words for phases and for contrast in general; under "" those that mean something else."""
CONTRAST: Final = Words(CONTRAST_TABLE)
PHASE_SECONDS: Final = (("arterial", 20, 45), ("portal", 55, 100), ("late", 120, 900))
"""Seconds after the injection began, see above."""
ARRIVED_S: Final = 20, 900
"""Between these an abdomen with contrast given is not native."""
PHASES: Final = frozenset(["native", "arterial", "portal", "late"])
SAID_TIME: Final = re.compile(r"(?<![a-z0-9.,-])(\d{1,3}) ?(s|sec|sek|min)(?![a-z0-9])")
OTHER_TIME: Final = re.compile(
    r"(?<![a-z])(breath|hold|mono|kev|rot|lung|pulm|gated|thora|thx|head|neck|carot|track|perf|test|monit)"
)
"""Beside these, seconds in a name are no time after the injection, or of no phase of the liver."""
PET_CT: Final = re.compile(r"\b(ctac|ac ?ct|ct ?ac|atten\w* ?corr\w*|pet\w*|low ?dose)\b")
NOTHING: Final = Guess()


def phase_of(said: Elements) -> Guess:
    """Return the phase of a CT; no name, and why, where name and time contradict each other."""
    worded, measured = _worded(said), measured_phase(said)
    if measured.reason and contradicts(worded.name, measured.name):
        return Guess("", f"{worded.reason}, but {measured.reason}")
    if worded != NOTHING:
        return worded
    if measured.name:
        return measured
    for keyword in ("SeriesDescription", "StudyDescription"):
        if found := PET_CT.search(plain(said.text(keyword))):
            return Guess("CT for PET", f"{keyword} says '{found[0]}'")
    return NOTHING


def contradicts(worded: str, measured: str) -> bool:
    """Return whether a phase by name is another than by time; between two, only native is."""
    return worded == "native" if not measured else worded not in ("", measured)


def _worded(said: Elements) -> Guess:
    """Return what the description says, else the protocol's name."""
    for keyword in ("SeriesDescription", "ProtocolName"):
        text = plain(said.text(keyword))
        found = CONTRAST.found(text)
        found.pop("", None)
        if word := found.get("computed"):
            return Guess("", f"{keyword} says '{word}': computed, not taken so")
        phases = {name: word for name, word in found.items() if name in PHASES}
        if {"with", "given", "both"} & set(found):
            phases.pop("native", None)
        phases = _times_in(text) | phases
        if len(phases) == 1:
            name, word = next(iter(phases.items()))
            return Guess(name, f"{keyword} says '{word}'")
        if found or phases:
            return NOTHING
    return NOTHING


def _times_in(text: str) -> dict[str, str]:
    """Return phase → words, for times after the injection such as "70 s" in a name."""
    if OTHER_TIME.search(text):
        return {}
    said = {
        _phase_at(float(hit[1]) * (60 if hit[2] == "min" else 1)): hit[0]
        for hit in SAID_TIME.finditer(text)
    }
    return {name: words for name, words in said.items() if name}


def _phase_at(seconds: float) -> str:
    return next((name for name, low, high in PHASE_SECONDS if low <= seconds <= high), "")


def measured_phase(said: Elements) -> Guess:
    """Return the phase by the time after the injection; a reason only, where it is between two."""
    start, taken = (seconds_of(said.text(k)) for k in ("ContrastBolusStartTime", "AcquisitionTime"))
    if start is None or taken is None or not ARRIVED_S[0] <= taken - start <= ARRIVED_S[1]:
        return NOTHING
    reason = f"acquired {taken - start:.0f} s after ContrastBolusStartTime"
    return Guess(_phase_at(taken - start), reason)


@lru_cache(2**12)
def seconds_of(time: str) -> float | None:
    """Return seconds since midnight of a DICOM time HHMMSS.FFFFFF (PS3.5 6.2), None for none."""
    found = re.fullmatch(r"(\d\d):?(\d\d):?(\d\d(?:\.\d{1,6})?)", time.strip())
    if found is None:
        return None
    hours, minutes, seconds = found.groups()
    return 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)
