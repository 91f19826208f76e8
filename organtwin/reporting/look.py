"""Colours and type of every picture, chart and page, in one place."""

from __future__ import annotations

from typing import Final

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK: Final = "#17202b"
MUTED: Final = "#5a6878"
LINE: Final = "#d7dee6"
GROUND: Final = "#ffffff"
SOFT: Final = "#f4f7fa"
ACCENT: Final = "#0b5f8a"
WARN: Final = "#a3480b"
BANNER: Final = "#8a1c1c"
SCENARIOS: Final = ("#0b66b8", "#c2571a", "#2c8a57", "#7a4fb5", "#8a7a12")
"""One colour for each scenario, told apart by colour-blind eyes too; used again after five."""
REMOVED: Final = (0.62, 0.64, 0.68)
CUT: Final = (0.10, 0.42, 0.62)
ZONE: Final = (0.86, 0.28, 0.20)
PROBE: Final = (0.16, 0.18, 0.22)
RESEARCH_USE: Final = "FOR RESEARCH USE ONLY — not a medical device"

Colour = tuple[float, float, float]

matplotlib.rcdefaults()  # it has read a matplotlibrc of the folder somebody works in


def scenario_colour(number: int) -> str:
    """Return the colour of the `number`-th scenario, counted from 0."""
    return SCENARIOS[number % len(SCENARIOS)]


def new_figure(width_in: float, height_in: float, *, dpi: int = 150) -> Figure:
    """Return a figure of its own canvas; nothing of pyplot is touched."""
    figure = Figure(figsize=(width_in, height_in), dpi=dpi, facecolor=GROUND)
    FigureCanvasAgg(figure)
    return figure
