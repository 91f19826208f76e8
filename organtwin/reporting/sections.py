"""Sections of a report made of the case's nouns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from organtwin.core.directions import position, sided
from organtwin.core.journal import JournalEntry
from organtwin.core.observation import Observation
from organtwin.core.organmesh import MeshQuality
from organtwin.core.parameter import Belief
from organtwin.core.scenario import Comparison, Decision, Quantity, Scenario
from organtwin.core.twin import Score
from organtwin.reporting import look
from organtwin.reporting.content import Block, Cell, Note, Picture, Section, Table, Text, Warnings
from organtwin.reporting.numbers import THIN, fixed, short_id, significant

NOTHING = Cell("–")
LEVEL = 0.9
AGAINST = (
    "mesh volume against label volume; of a vessel against the part of it that was wide enough to "
    "be meshed"
)
PLANS_LINE = (
    "Points are in mm towards the patient's right or left (R, L), front or back (A, P), feet or "
    "head (I, S), in the frame of the baseline images, not of the later visit's; zone_along_mm and "
    "zone_across_mm are half-axes: the zone's diameters are twice that."
)
COMPARED_LINE = (
    "Portal and hepatic veins are told apart automatically unless a person labelled them; a wrong "
    "label is not in any interval. Organs outside the liver are not checked."
)


def comparison_section(
    compared: Comparison, *, pictures: Sequence[Picture] = (), title: str = "Scenarios compared"
) -> Section:
    """Return outcomes side by side: pictures, the table, each scenario's plan and warnings."""
    names = [o.scenario.name for o in compared.outcomes]
    lead = (
        f"Scenarios that start on day {compared.day:g} after the baseline visit, from the same "
        "twin. Intervals are central; what each covers stands in its footnote."
    )
    colours = ("", *(look.scenario_colour(n) for n in range(len(names))))
    count = len(names)
    table = Table(
        ("", *names),
        _comparison_rows(compared),
        (0.22, *(0.78 / count for _ in names)),
        colours=colours,
    )
    blocks: list[Block] = [Text((lead,)), *pictures, table]
    blocks += [Text((COMPARED_LINE,)), _plans(compared), Text((PLANS_LINE,))]
    for one in compared.outcomes:
        if one.warnings:
            blocks.append(Warnings(f"Not to overlook: {one.scenario.name}", one.warnings))
    return Section(title, tuple(blocks))


def _comparison_rows(compared: Comparison) -> tuple[tuple[Cell, ...], ...]:
    columns = [
        {(q.structure, q.name, q.unit): q for q in one.quantities} for one in compared.outcomes
    ]
    keys = list(dict.fromkeys(key for column in columns for key in column))
    rows, before = [], ""
    for key in sorted(keys, key=lambda k: [x[0] for x in keys].index(k[0])):
        structure, name, _ = key
        if structure != before:
            rows.append((Cell(structure, strong=True), *(Cell("") for _ in columns)))
            before = structure
        cells = [_side_cell(column, key) for column in columns]
        rows.append((Cell(name), *cells))
    return tuple(rows)


def _side_cell(column: Mapping[tuple[str, str, str], Quantity], key: tuple[str, str, str]) -> Cell:
    if key in column:
        return Cell.of(column[key])
    part = column.get((key[0], "removed part", "%"))
    if key[1] == "minimal margin" and part is not None and part.value == 0.0:
        return Cell("not removed", Note(part.basis, part.inputs))
    return NOTHING


def _plans(compared: Comparison) -> Table:
    rows = tuple(
        (Cell(one.scenario.name, strong=True), Cell("; ".join(_plan_lines(one.scenario))))
        for one in compared.outcomes
    )
    return Table(("scenario", "what is done"), rows, (0.24, 0.76), caption="Plans")


def _plan_lines(scenario: Scenario) -> list[str]:
    lines = []
    for action in scenario.actions:
        words = [f"{name} {_argument(name, value)}" for name, value in action.arguments.items()]
        lines.append(
            f"day {action.day:g}: {action.kind}" + (f" ({', '.join(words)})" * bool(words))
        )
    return lines


def _argument(name: str, value: object) -> str:
    if isinstance(value, tuple | list):
        if name.endswith("_mm") and len(value) == 3:
            return position(value)
        return " ".join(sided(value, 2)) if len(value) == 3 else str(value)
    if isinstance(value, float | int):
        return f"{value:g}"
    return str(value)


def mesh_section(
    quality: MeshQuality, *, mesh_id: str, pictures: Sequence[Picture] = ()
) -> Section:
    """Return the figures of the mesh the simulations ran on."""
    note = Note("measured on the mesh", (mesh_id,))
    rows = [
        (Cell("points"), Cell(f"{quality.points}", note)),
        (Cell("tetrahedra"), Cell(f"{quality.tetrahedra}", note)),
        (Cell("smallest dihedral angle"), Cell(f"{quality.min_dihedral_deg:.1f}°", note)),
        (
            Cell("tetrahedra with an angle below 10°"),
            Cell(f"{quality.below_10_deg_percent:.3f}{THIN}%", note),
        ),
        (Cell("median edge"), Cell(f"{quality.edge_median_mm:.2f}{THIN}mm", note)),
    ]
    errors = Note(AGAINST, (mesh_id,))
    rows += [
        (Cell(f"volume error, {name}"), Cell(fixed(percent, 3) + f"{THIN}%", errors))
        for name, percent in quality.volume_error_percent
    ]
    return Section("Mesh", (*pictures, Table(("figure", "value"), tuple(rows), (0.5, 0.5))))


def growth_section(
    *,
    observations: Sequence[tuple[str, Observation]],
    beliefs: Sequence[tuple[str, Belief]],
    scores: Sequence[tuple[str, Score]],
    pictures: Sequence[Picture] = (),
) -> Section:
    """Return what was seen, what is believed of growth, and how forecasts did.

    Args:
        observations, beliefs, scores: each with its id, in order of making.
    """
    blocks: list[Block] = [*pictures]
    if observations:
        blocks.append(_observed(observations, {s.structure for _, s in scores}))
    if beliefs:
        blocks.append(_believed(beliefs))
    if scores:
        blocks.append(_scored(scores))
    return Section("Growth: observed, learned, forecast", tuple(blocks))


def _observed(observations: Sequence[tuple[str, Observation]], forecast: Collection[str]) -> Table:
    old = {o.structure for _, o in observations if o.day == 0.0 and o.volume_ml > 0.0}
    new = {o.structure for _, o in observations if old} - old
    rows = tuple(
        (
            _observed_name(o.structure, new=o.structure in new, forecast=forecast),
            Cell(f"{o.day:g}"),
            Cell(significant(o.volume_ml) + f"{THIN}mL", Note("visible volume in the baseline "
                 f"frame; measurement: {o.noise_source}", (object_id,))),
            Cell(f"{100 * o.relative_sd:.0f}{THIN}%"),
        )
        for object_id, o in observations
    )  # fmt: skip
    head = ("structure", "day", "visible volume", "relative sd of the measurement")
    return Table(head, rows, (0.25, 0.15, 0.3, 0.3), caption="Observed")


def _observed_name(structure: str, *, new: bool, forecast: Collection[str]) -> Cell:
    if not new:
        return Cell(structure)
    mark = "NEW since baseline" + (", not forecast" if structure not in forecast else "")
    return Cell(f"{structure}: {mark}", strong=True)


def _believed(beliefs: Sequence[tuple[str, Belief]]) -> Table:
    rows = []
    for object_id, belief in beliefs:
        ensemble = belief.ensemble
        for number, name in enumerate(ensemble.parameters):
            low, median, high = (float(v) for v in ensemble.quantiles(LEVEL)[:, number])
            sources = "; ".join(p.source for p in belief.priors if p.parameter == name)
            basis = f"{len(ensemble.members)} members, rule {belief.rule}, seed {belief.seed}"
            row = Quantity(
                name, belief.structure, median, ensemble.units[number], low, high, LEVEL,
                basis + (f"; prior: {sources}" if sources else ""), (object_id,),
            )  # fmt: skip
            rows.append((Cell(belief.structure), Cell(f"{belief.day:g}"), Cell(name), _fine(row)))
    head = ("structure", "day", "parameter", "median and interval")
    return Table(head, tuple(rows), (0.17, 0.1, 0.33, 0.4), caption="Believed of growth")


def _fine(quantity: Quantity) -> Cell:
    """A parameter's cell: three significant digits, however small."""
    low, high = quantity.low or 0.0, quantity.high or 0.0
    text = f"{quantity.value:.3g}{THIN}{quantity.unit}"
    if low != high:
        text += f" ({100 * LEVEL:g}{THIN}%: {low:.3g} to {high:.3g})"
    return Cell(text, Note(quantity.basis, quantity.inputs))


def _scored(scores: Sequence[tuple[str, Score]]) -> Table:
    rows = []
    for object_id, s in scores:
        forecast = Quantity(
            "forecast", s.structure, s.median_ml, "mL", s.low_ml, s.high_ml, s.level,
            f"made on day {s.made_on_day:g}, before the visit was looked at", (s.forecast,),
        )  # fmt: skip
        note = Note("observed against forecast", (object_id,))
        rows.append(
            (
                Cell(s.structure),
                Cell(f"{s.made_on_day:g} → {s.day:g}"),
                Cell.of(forecast),
                Cell(significant(s.observed_ml) + f"{THIN}mL", note),
                Cell(fixed(s.error_percent, 1) + f"{THIN}%", note),
                Cell("inside" if s.covered else "OUTSIDE", note, strong=not s.covered),
                Cell(significant(s.crps_ml) + f"{THIN}mL", note),
            )
        )
    head = ("structure", "days", "forecast", "observed", "error", "interval", "CRPS")
    widths = (0.13, 0.12, 0.31, 0.13, 0.1, 0.11, 0.1)
    return Table(head, tuple(rows), widths, caption="Forecasts and what came")


def decisions_section(decisions: Sequence[Decision]) -> Section:
    """Return what people chose, and why."""
    rows = tuple((Cell(d.scenario, strong=True), Cell(d.who), Cell(d.reason)) for d in decisions)
    table = Table(("scenario", "decided by", "reason"), rows, (0.3, 0.2, 0.5))
    return Section("Decision", (table,) if rows else (Text(("No decision is recorded.",)),))


def journal_section(entries: Sequence[JournalEntry]) -> Section:
    """Return the journal: who did what, when, from what to what."""
    rows = tuple(
        (
            Cell(str(e.sequence)),
            Cell(e.time.replace("T", " ")[:19]),
            Cell(e.who),
            Cell(e.done.step, strong=True),
            Cell(e.done.summary),
            Cell(short_id(e.link)),
        )
        for e in entries
    )
    head = ("#", "time (UTC)", "who", "step", "what it did", "link")
    table = Table(head, rows, (0.05, 0.18, 0.12, 0.12, 0.42, 0.11))
    lead = "Every step in order; each link seals the entry and all entries before it (SHA-256)."
    return Section("Journal", (Text((lead,)), table))
