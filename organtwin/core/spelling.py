"""Whether two names or two IDs of a patient are the same, spelled differently, or differ."""

from __future__ import annotations

import unicodedata
from typing import Final

SPELLED, DIFFERS = "is spelled differently", "differs"
MANY_TITLES: Final = (
    "dr prof professor mr mrs ms miss herr frau hr mme mlle sir dame ing dipl med phd md"
)
MANY_RELATIVES: Final = (
    "baby babyboy babygirl boy girl child newborn twin of son daughter jr junior sr senior ii iii "
    "kind sohn tochter neugeborenes zwilling bebe nn a b 1 2"
)
TITLES: Final = frozenset(MANY_TITLES.split())
RELATIVES: Final = frozenset(MANY_RELATIVES.split())
"""A word more that tells a child, a twin or a parent from the one the name is."""
UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "æ": "ae", "ø": "oe", "å": "aa"})


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text, in order, without case, punctuation and way of encoding."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return tuple("".join(c if c.isalnum() or _is_mark(c) else " " for c in folded).split())


def ids_differ(one: str, other: str) -> str:
    """Return "", SPELLED (zeros in front, punctuation, case, issuer behind "^") or DIFFERS.

    An ID that one side does not say cannot differ.
    """
    one, other = one.strip(), other.strip()
    if not one or not other or one == other:
        return ""
    return SPELLED if _bare(one) == _bare(other) else DIFFERS


def names_differ(one: str, other: str) -> str:
    """Return "", SPELLED or DIFFERS for two values of PatientName (PS3.5 section 6.2.1).

    The alphabetic, ideographic and phonetic groups ("=") are compared each with its own; where
    one of them is the same, the others are but spellings. Spellings are: titles, umlauts and
    accents, order, a missing middle name, initials, words written together.
    """
    if not words(one) or not words(other):
        return ""
    groups = zip(map(words, one.split("=")), map(words, other.split("=")), strict=False)
    pairs = [(a, b) for a, b in groups if a and b]
    if pairs and all(a == b for a, b in pairs):
        return ""
    if not pairs or any(a == b for a, b in pairs) or all(_alike(a, b) for a, b in pairs):
        return SPELLED
    return DIFFERS


def _bare(patient_id: str) -> str:
    number = "".join(words(patient_id.split("^", maxsplit=1)[0]))
    return number.lstrip("0")


def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Return whether two groups of words may be one name written twice."""
    for spelled in (_german, _plain):
        a, b = ([spelled(w) for w in group if w not in TITLES] for group in (one, other))
        if sorted(a) == sorted(b) or "".join(a) == "".join(b):
            return True
        if min(len(a), len(b)) > 1 and _leaves_out(*sorted((a, b), key=len)):
            return True
    return False


def _leaves_out(shorter: list[str], longer: list[str]) -> bool:
    """Return whether each word of one is a word of the other, or its initial."""
    rest = list(longer)
    initials = []
    for word in shorter:
        if word in rest:
            rest.remove(word)
        else:
            initials.append(word)
    for word in initials:
        match = next((x for x in rest if 1 in (len(x), len(word)) and x[0] == word[0]), None)
        if match is None:
            return False
        rest.remove(match)
    return not RELATIVES & {*rest}


def _german(word: str) -> str:
    """Return a word with umlauts as two letters, other accents dropped."""
    return _plain(word.translate(UMLAUTS))


def _plain(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not _is_mark(c))


def _is_mark(character: str) -> bool:
    return bool(unicodedata.combining(character))
