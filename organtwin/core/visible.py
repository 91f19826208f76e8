"""Foreign text made harmless where it is shown: what steers a terminal or turns text is spelled."""

from __future__ import annotations

import re
from typing import Final

STEERING: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]"
)
"""C0, DEL and C1 (ECMA-48), what orders and overrides directions (UAX #9), separators of lines,
lone surrogates (bytes of a file's name that are no UTF-8), interlinear annotations."""


def visible(text: str) -> str:
    r"""Return text with every character that steers spelled out, as \x1b or \u202e."""
    return STEERING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
