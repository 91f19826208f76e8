"""Charts as figures of their own: a tumour over time, and what was learned of its parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from organtwin.core.observation import Observation
from organtwin.core.parameter import Belief, interval
from organtwin.core.simulation import Simulation
from organtwin.core.twin import Forecast
from organtwin.reporting import look

LEVEL = 0.9
FORECAST_COLOUR = "#6c7a89"


def timeline(
    structure: str,
    *,
    observed: Sequence[Observation] = (),
    unseen: Sequence[Observation] = (),
    forecasts: Sequence[Forecast] = (),
    scenarios: Mapping[str, Simulation] | None = None,
    start_day: float | None = None,
) -> Figure:
    """Return the visible volume of one tumour over the days since baseline.

    Args:
        observed: visits the twin learned from; `unseen` those it did not.
        forecasts: each as its median and central 90 % bar, the lighter the earlier it was made.
        scenarios: scenario's name → growth under it: median and 90 % band; colours by order.
        start_day: where the scenarios begin; a line is drawn there.
    """
    figure = look.new_figure(8.6, 3.7)
    axes = figure.add_axes((0.065, 0.145, 0.625, 0.71))
    _dress(axes, f"{structure}: visible volume", "days since the baseline visit", "mL")
    count = len(scenarios or {})
    for number, (name, simulation) in enumerate((scenarios or {}).items()):
        line = {"color": look.scenario_colour(number), "lw": 2.0 + 1.6 * (count - 1 - number)}
        _band(axes, simulation, name, start_day=start_day, line=line)
    _forecasts(axes, [f for f in forecasts if f.structure == structure])
    for group, face, label in ((observed, look.INK, "observed"), (unseen, "white", "held back")):
        points = [o for o in group if o.structure == structure]
        if points:
            axes.errorbar(
                [o.day for o in points],
                [o.volume_ml for o in points],
                yerr=_noise_bars(points),
                fmt="o", ms=7, mfc=face, mec=look.INK, mew=1.5, ecolor=look.INK, elinewidth=1.2,
                capsize=3, zorder=6, label=f"{label}, 90 % of measurement",
            )  # fmt: skip
    if start_day is not None:
        axes.axvline(start_day, color=look.MUTED, lw=1, ls=(0, (4, 3)), zorder=1)
        axes.text(
            start_day, 0.98, " scenarios begin", transform=axes.get_xaxis_transform(),
            fontsize=7.5, color=look.MUTED, va="top", ha="right", rotation=90,
        )  # fmt: skip
    ours = [f for f in forecasts if f.structure == structure]
    seen = [o for o in (*observed, *unseen) if o.structure == structure]
    _ceiling(axes, seen, ours, (scenarios or {}).values())
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            frameon=False, fontsize=8.2, loc="upper left", labelcolor=look.INK,
            bbox_to_anchor=(1.01, 1.02), borderaxespad=0.0, labelspacing=0.75,
        )  # fmt: skip
    return figure


def _ceiling(
    axes: Any,
    observed: Sequence[Observation],
    ours: Sequence[Forecast],
    scenarios: Iterable[Simulation],
) -> None:
    """End the volume axis where what matters ends; bars that go on say how far."""
    tops = [o.volume_ml * 1.3 for o in observed]
    tops += [f.bounds_ml()[1] for f in ours]
    tops += [float(np.quantile(s.quantities["volume_ml"], 0.95, axis=0).max()) for s in scenarios]
    if not tops:
        return
    top = 1.15 * max(tops)
    axes.set_ylim(0.0, top)
    for day in sorted({f.day for f in ours}):
        high = max(f.bounds_ml()[2] for f in ours if f.day == day)
        if high > top:
            axes.annotate(
                f"▲ {high:.0f}", (day, top), ha="center", va="bottom", fontsize=7,
                color=look.MUTED, annotation_clip=False,
            )  # fmt: skip


def _noise_bars(points: Sequence[Observation]) -> NDArray[np.float64]:
    """Return (2, n): lengths down and up of 90 % measurement bars, lognormal."""
    volume = np.array([o.volume_ml for o in points])
    factor = np.exp(1.645 * np.array([o.relative_sd for o in points]))
    return np.stack([volume - volume / factor, volume * factor - volume])


def _band(
    axes: Any, simulation: Simulation, name: str, *, start_day: float | None, line: dict[str, Any]
) -> None:
    """Draw median and band; earlier scenarios have the wider line, so that equal ones all show."""
    days, volumes = _with_removals(simulation)
    shown = days >= (start_day if start_day is not None else days[0]) - 1e-6
    low, median, high = interval(volumes[:, shown], LEVEL)
    axes.fill_between(days[shown], low, high, color=line["color"], alpha=0.16, lw=0)
    axes.plot(days[shown], median, label=f"{name}, 90 %", **line)


def _with_removals(simulation: Simulation) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return days (t,) and volumes (members, t), a removal twice: just before and just after it.

    A member invisible at the first report after a removal is so from the removal on; of the
    others no volume is known before that report.
    """
    days, volumes = simulation.days, simulation.quantities["volume_ml"]
    events = json.loads(simulation.job_json or "{}").get("events", ())
    removals = {days[0] + e["day"] for e in events if e["kind"] == "remove_region"}
    for day in sorted(removals):
        after = int(np.searchsorted(days, day + 1e-6))
        if not 0 < after < len(days):
            continue
        before_ml = np.array([np.interp(day, days, member) for member in volumes])
        after_ml = np.where(volumes[:, after] == 0.0, 0.0, before_ml)
        kept = after - int(abs(days[after - 1] - day) < 1e-6)
        days = np.concatenate([days[:kept], [day, day], days[after:]])
        volumes = np.column_stack([volumes[:, :kept], before_ml, after_ml, volumes[:, after:]])
    return days, volumes


def _forecasts(axes: Any, forecasts: Sequence[Forecast]) -> None:
    made = sorted({f.made_on_day for f in forecasts})
    for number, day in enumerate(made):
        alpha = 0.45 + 0.55 * (number + 1) / len(made)
        group = sorted((f for f in forecasts if f.made_on_day == day), key=lambda f: f.day)
        bounds = np.array([f.bounds_ml() for f in group])
        shift = 2.2 * (number - (len(made) - 1) / 2)
        axes.errorbar(
            [f.day + shift for f in group],
            bounds[:, 1],
            yerr=[bounds[:, 1] - bounds[:, 0], bounds[:, 2] - bounds[:, 1]],
            fmt="D", ms=5, color=_shade(number), alpha=alpha, elinewidth=4, capsize=0, zorder=4,
            label=f"forecast on day {day:g}, {100 * group[0].level:g} %",
        )  # fmt: skip


def _shade(number: int) -> str:
    shades = ("#a9b6c4", "#7f93a8", "#566f8a", "#34506d")
    return shades[min(number, len(shades) - 1)]


def beliefs(prior: Belief, posterior: Belief) -> Figure:
    """Return, for each parameter, the samples before and after the visits, on its own axis.

    Histograms over the logarithm where all samples are positive, linear otherwise.
    """
    names = prior.ensemble.parameters
    figure = look.new_figure(4.1 * len(names), 2.9)
    for column, (name, unit) in enumerate(zip(names, prior.ensemble.units, strict=True)):
        left, width = column / len(names) + 0.05 / len(names), 0.9 / len(names)
        axes = figure.add_axes((left + 0.01, 0.20, width - 0.02, 0.62))
        _dress(axes, _plain(name), unit, "")
        axes.set_yticks([])
        before, after = prior.ensemble.column(name), posterior.ensemble.column(name)
        edges = _edges(np.concatenate([before, after]))
        for samples, colour, label in (
            (before, "#a9b6c4", f"prior, day {prior.day:g}"),
            (after, look.ACCENT, f"posterior, day {posterior.day:g}"),
        ):
            axes.hist(samples, bins=edges.tolist(), color=colour, alpha=0.55, label=label, lw=0)
            axes.axvline(float(np.median(samples)), color=colour, lw=2)
        if edges[0] > 0:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.legend(frameon=False, fontsize=8, labelcolor=look.INK)
    figure.text(
        0.01, 0.95, f"{prior.structure}: what the visits taught", fontsize=11, fontweight="bold",
        color=look.INK, va="center", parse_math=False,
    )  # fmt: skip
    return figure


def _edges(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = float(samples.min()), float(samples.max())
    if high - low < 1e-12 * max(abs(high), 1.0):
        low, high = low - 0.5, high + 0.5
    if low > 0:
        result: NDArray[np.float64] = np.geomspace(low, high, 25)
        return result
    return np.linspace(low, high, 25)


def _plain(parameter: str) -> str:
    """Return a parameter's name without its unit's suffix."""
    stem = parameter
    for suffix in ("_mm2_per_day", "_per_day", "_per_gy", "_kpa", "_gy", "_ml"):
        stem = stem.removesuffix(suffix)
    return stem.replace("_", " ")


def _dress(axes: Any, title: str, x: str, y: str) -> None:
    axes.set_title(title, loc="left", pad=14, fontsize=10.5, fontweight="bold", color=look.INK)
    axes.set_xlabel(x, fontsize=9, color=look.MUTED)
    axes.set_ylabel(y, fontsize=9, color=look.MUTED)
    axes.tick_params(labelsize=8.5, colors=look.MUTED, length=3, color=look.LINE)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(look.LINE)
    axes.grid(axis="y", color=look.LINE, lw=0.7)
    axes.set_axisbelow(True)
