"""Fonts of the PDF, and text in whichever of them has its signs."""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape as escape_xml

import matplotlib
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

PLAIN, BOLD = "OrganTwinSans", "OrganTwinSansBold"
JAPANESE, KOREAN = "HeiseiMin-W3", "HYSMyeongJo-Medium"
"""Fonts every PDF reader carries, for the scripts that DejaVu Sans lacks."""


@cache
def register_fonts() -> None:
    """Register DejaVu Sans, which matplotlib carries: it has the signs and scripts we print."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    pdfmetrics.registerFont(TTFont(PLAIN, str(folder / "DejaVuSans.ttf")))
    pdfmetrics.registerFont(TTFont(BOLD, str(folder / "DejaVuSans-Bold.ttf")))
    for name in (JAPANESE, KOREAN):
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)


def escape(text: str) -> str:
    """Return text for a paragraph: marked-up signs escaped, scripts set in a font that has them.

    A sign that no font here has is written as its code point, [U+0E01], never as an empty box.
    """
    known = pdfmetrics.getFont(PLAIN).face.charToGlyph
    runs = groupby(text, lambda sign: "" if ord(sign) in known else _font_of(sign))
    return "".join(_run("".join(signs), font) for font, signs in runs)


def _font_of(sign: str) -> str:
    name = unicodedata.name(sign, "")
    if name.startswith("HANGUL"):
        return KOREAN
    if name.startswith(("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "FULLWIDTH")):
        return JAPANESE
    return "none"


def _run(signs: str, font: str) -> str:
    if not font:
        return escape_xml(signs)
    if font == "none":
        return "".join(f"[U+{ord(sign):04X}]" for sign in signs)
    return f'<font name="{font}">{escape_xml(signs)}</font>'
