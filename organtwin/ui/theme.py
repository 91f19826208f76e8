"""Colours, style sheet and icons: light and dark palettes of our own, so that no desktop matters.

Contrast of text to its ground is at least 4.5 : 1 in both (WCAG 2.2, success criterion 1.4.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal

from PySide6.QtCore import QByteArray, QDir, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

Scheme = Literal["dark", "light"]
FOLDER: Final = Path(__file__).resolve().parents[2] / "resources" / "ui"
FONTS: Final = ("Inter", "Segoe UI", "Noto Sans", "Roboto", "DejaVu Sans")

DARK: Final[Mapping[str, str]] = {
    "ground": "#0c1015",
    "panel": "#12171e",
    "card": "#171d26",
    "raised": "#202833",
    "input": "#0e131a",
    "hover": "#27313e",
    "line": "#232c38",
    "line_strong": "#344152",
    "text": "#e8edf3",
    "muted": "#9aa8ba",
    "faint": "#66758a",
    "accent": "#5ab0f2",
    "accent_hover": "#7cc2f7",
    "accent_soft": "#17324a",
    "on_accent": "#06121d",
    "good": "#5fd19a",
    "good_soft": "#143026",
    "warn": "#f0b858",
    "warn_soft": "#32270f",
    "warn_line": "#5b4719",
    "bad": "#f58585",
    "bad_soft": "#3a1a1d",
}
LIGHT: Final[Mapping[str, str]] = {
    "ground": "#eef1f5",
    "panel": "#fbfcfd",
    "card": "#ffffff",
    "raised": "#f1f4f8",
    "input": "#ffffff",
    "hover": "#e6ecf3",
    "line": "#dde3ea",
    "line_strong": "#bfcad7",
    "text": "#17202b",
    "muted": "#526072",
    "faint": "#8b98a8",
    "accent": "#0b66b8",
    "accent_hover": "#0a589f",
    "accent_soft": "#dcebf9",
    "on_accent": "#ffffff",
    "good": "#0f6f45",
    "good_soft": "#dcf3e7",
    "warn": "#855200",
    "warn_soft": "#fdf1d8",
    "warn_line": "#e9cf94",
    "bad": "#b3261e",
    "bad_soft": "#fbe3e1",
}
VIEWPORT: Final = "#05070a"
"""Ground of pictures in both schemes: images are read on black."""

TINTED: Final = (
    ("icon_up", "chevron-up", "muted"),
    ("icon_down", "chevron-down", "muted"),
    ("icon_check", "check", "on_accent"),
)
"""Icons in the style sheet: their name there, the icon, its token."""

_current: dict[str, Scheme] = {"scheme": "dark"}


def scheme() -> Scheme:
    """Return the scheme in use."""
    return _current["scheme"]


def tokens(which: Scheme | None = None) -> Mapping[str, str]:
    """Return token → colour of a scheme, by default the one in use."""
    return LIGHT if (which or scheme()) == "light" else DARK


def colour(token: str, alpha: int = 255) -> QColor:
    """Return the colour of a token, with `alpha` 0..255."""
    result = QColor(tokens()[token])
    result.setAlpha(alpha)
    return result


def font(pixels: int, *, bold: bool = False) -> QFont:
    """Return the window's font at a size in device-independent pixels."""
    result = QFont(_family())
    result.setPixelSize(pixels)
    result.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return result


def apply(app: QApplication, which: Scheme) -> None:
    """Dress the whole application."""
    _current["scheme"] = which
    icon.cache_clear()
    if not app.styleSheet():
        app.setStyle("Fusion")
    app.setFont(font(13))
    app.setPalette(_palette())
    app.setStyleSheet(style_sheet())


def style_sheet() -> str:
    """Return the style sheet with its tokens filled in.

    Its icons must be files: they lie among the resources, tinted in the colours of both schemes.
    """
    QDir.setSearchPaths("tinted", [str(FOLDER / "tinted")])
    values = dict(tokens())
    for name, source, token in TINTED:
        values[name] = f"tinted:{source}-{token}-{scheme()}.svg"
    text = (FOLDER / "style.qss").read_text(encoding="utf-8")
    return re.sub(r"@(\w+)", lambda match: values[match.group(1)], text)


@cache
def icon(name: str, token: str = "text") -> QIcon:
    """Return one of our icons in a token's colour, faint when disabled, accent when checked."""
    result = QIcon()
    modes = (
        (QIcon.Mode.Normal, QIcon.State.Off, token),
        (QIcon.Mode.Disabled, QIcon.State.Off, "faint"),
        (QIcon.Mode.Normal, QIcon.State.On, "accent"),
    )
    for mode, state, shade in modes:
        for pixels in (20, 24, 40, 48):
            result.addPixmap(pixmap(name, shade, pixels), mode, state)
    return result


def pixmap(name: str, token: str, pixels: int, ratio: float = 1.0) -> QPixmap:
    """Return an icon drawn at a size in device-independent pixels."""
    result = QPixmap(round(pixels * ratio), round(pixels * ratio))
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    QSvgRenderer(QByteArray(_svg(name, token))).render(
        painter, QRectF(0, 0, pixels * ratio, pixels * ratio)
    )
    painter.end()
    result.setDevicePixelRatio(ratio)
    return result


def _svg(name: str, token: str) -> bytes:
    text = (FOLDER / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    return text.replace("currentColor", tokens()[token]).encode()


@cache
def _family() -> str:
    there = set(QFontDatabase.families())
    return next((name for name in FONTS if name in there), QFont().defaultFamily())


def _palette() -> QPalette:
    roles = {
        QPalette.ColorRole.Window: "ground",
        QPalette.ColorRole.WindowText: "text",
        QPalette.ColorRole.Base: "card",
        QPalette.ColorRole.AlternateBase: "panel",
        QPalette.ColorRole.Text: "text",
        QPalette.ColorRole.Button: "raised",
        QPalette.ColorRole.ButtonText: "text",
        QPalette.ColorRole.ToolTipBase: "raised",
        QPalette.ColorRole.ToolTipText: "text",
        QPalette.ColorRole.Highlight: "accent",
        QPalette.ColorRole.HighlightedText: "on_accent",
        QPalette.ColorRole.PlaceholderText: "faint",
        QPalette.ColorRole.Link: "accent",
    }
    palette = QPalette()
    for role, token in roles.items():
        palette.setColor(role, colour(token))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text):
        palette.setColor(QPalette.ColorGroup.Disabled, role, colour("faint"))
    palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.ButtonText, colour("faint"))
    return palette
