"""What a person, a file of seeds or a file of labels may call a structure: one rule for all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from organtwin.core.errors import BadArgument

NAME_LIMIT: Final = 64
"""Longest name of a structure; a segment's label in DICOM is LO, 64 characters (PS3.5 6.2)."""
BACKGROUND: Final = "background"
"""What seeds call the voxels of no structure."""
TUMOUR: Final = re.compile(r"tumou?r[\s_-]*0*([1-9][0-9]{0,2})")


def checked_name(name: object, among: Iterable[str] = (), *, where: str) -> str:
    """Return a structure's name if it can be one.

    Args:
        among: names that are taken or known; the same name is none of two, so it passes.
        where: said by the error.

    Raises:
        BadArgument: it is blank, longer than 64 characters, holds what cannot be printed or a
            slash, begins or ends with a space, is "background", is a tumour's name written
            otherwise ("tumor-1"), or differs from one of `among` in capitals or accents' coding
            only.
    """
    if not (isinstance(name, str) and 0 < len(name) <= NAME_LIMIT and name.isprintable()):
        raise BadArgument(f"a name has 1 to {NAME_LIMIT} printable characters", where=where)
    plain = same_name(name)
    if name != name.strip() or "/" in name or "\\" in name or plain == BACKGROUND:
        raise BadArgument(
            f"a name has no slash and no space at its ends, and is not {BACKGROUND!r}",
            where=where,
            advice=f'write "{BACKGROUND}" for what lies in no structure' * (plain == BACKGROUND),
        )
    meant = next((n for n in among if n != name and same_name(n) == plain), None)
    if (number := TUMOUR.fullmatch(plain)) and name != f"tumour-{number[1]}":
        meant = f"tumour-{number[1]}"
    if meant is not None:
        raise BadArgument(
            f"{name!r} is nearly {meant!r}", where=where, advice=f'write "{meant}", or another name'
        )
    return name


def same_name(name: str) -> str:
    """Return what two names have in common that differ in capitals or coding only."""
    return unicodedata.normalize("NFKC", name).casefold().strip()
