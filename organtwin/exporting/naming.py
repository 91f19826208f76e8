"""Names of structures as files and formats can hold them, none of them twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from organtwin.exporting.files import LONGEST, file_name


def told_apart(
    names: Mapping[str, int], *, longest: int = LONGEST, taken: Iterable[str] = ()
) -> dict[str, str]:
    """Return name → ASCII name, a letter first, unlike all others also when case is not seen.

    Abaqus and many file systems take "Liver" and "liver" for one.

    Args:
        names: structure name → a number that is added where two would be the same.
        longest: in characters.
        taken: names that none may have.
    """
    used = {name.casefold() for name in taken}
    found: dict[str, str] = {}
    for name, number in names.items():
        plain = file_name(name)
        plain = plain if plain[0].isalpha() else f"n-{plain}"
        word, count = plain[:longest], 0
        while word.casefold() in used:
            suffix = f"-{number}" + (f"-{count}" if count else "")
            word, count = plain[: longest - len(suffix)] + suffix, count + 1
        used.add(word.casefold())
        found[name] = word
    return found
