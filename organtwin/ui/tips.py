"""Tooltips: always rich text made here, for Qt takes any text that looks like HTML for HTML."""

from __future__ import annotations

from html import escape

from organtwin.core.visible import visible


def tooltip(text: str) -> str:
    """Return what shows a text, which may be foreign, letter by letter, wrapped and in lines."""
    lines = (escape(visible(line), quote=False) for line in text.split("\n"))
    return f"<qt>{'<br>'.join(lines)}</qt>" if text else ""
