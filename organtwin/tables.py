"""A Case's results as plain tables: the command line prints them, or gives them as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from organtwin.core.case import Case, ObjectStore
from organtwin.core.organmesh import MeshQuality
from organtwin.core.parameter import Belief, interval
from organtwin.core.scenario import Comparison, Quantity
from organtwin.core.simulation import Simulation
from organtwin.core.twin import Score, TwinState

LEVEL = 0.9
UNRECORDED = "not recorded: make the mesh anew"
IDENTITY = (
    ("name", "name"),
    ("patient ID", "patient_id"),
    ("issuer of the patient ID", "issuer"),
    ("birth date", "birth_date"),
    ("sex", "sex"),
)


@dataclass(frozen=True)
class Table:
    """Rows under named columns; units stand in the columns' names or in a column of their own."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def as_json(self) -> list[dict[str, Any]]:
        """Return one object for each row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def visits(case: Case, store: ObjectStore) -> Table:
    """Every visit with its geometry's grade."""
    rows = []
    for number, visit in enumerate(case.visits):
        volume = store.get(visit.volume)
        geometry = volume.geometry
        rows.append(
            (
                number,
                visit.day,
                str(visit.acquired or ""),
                " × ".join(map(str, volume.voxels.shape)),
                " × ".join(f"{s:.3g}" for s in geometry.spacing_mm),
                geometry.orientation,
                round(geometry.tilt_deg, 3),
                geometry.grade,
                "; ".join(geometry.findings),
                geometry.consequence,
                "; ".join(visit.held),
            )
        )
    columns = (
        "visit", "day", "date", "voxels", "spacing mm", "orientation", "tilt deg", "grade",
        "findings", "consequence", "held",
    )  # fmt: skip
    return Table("Visits", columns, tuple(rows))


def identities(case: Case, store: ObjectStore, visit: int) -> Table:
    """Whom a visit's images and those of the other visits say they show: personal, to decide by."""
    asked = case.visit(visit)
    shown = [(visit, asked), *((n, v) for n, v in enumerate(case.visits) if n != visit)]
    known = {n: store.get(v.identity) for n, v in shown if v.identity}
    rows = [
        (label, *(str(getattr(known[n], field) or "") if n in known else "" for n, _ in shown))
        for label, field in IDENTITY
    ]
    rows.append(("date of the images", *(str(v.acquired or "") for _, v in shown)))
    rows.append(("held", *("; ".join(v.held) for _, v in shown)))
    return Table("Identity", ("what", *(f"visit {n}" for n, _ in shown)), tuple(rows))


def structures(case: Case, store: ObjectStore) -> Table:
    """Volume in mL of every structure at every labelled visit, with its geometry's grade.

    The most that the geometry may change a volume stands beside it (`LabelMap.unsure_ml`).
    """
    rows: list[tuple[Any, ...]] = []
    for number, visit in enumerate(case.visits):
        if visit.labels:
            labels, geometry = store.get(visit.labels), store.get(visit.volume).geometry
            for s in labels.structures:
                volume: Any = "withheld"
                unsure = None
                if geometry.grade != "withheld":
                    volume = labels.volume_ml(s.name)
                    unsure = two_figures(labels.unsure_ml(s.name, geometry))
                work = visit.work_on(s.name).state
                rows.append((number, s.name, volume, unsure, geometry.grade, work))
    columns = ("visit", "structure", "volume mL", "geometry ± mL", "geometry", "work")
    return Table("Structures", columns, tuple(rows))


def two_figures(value: float) -> float:
    """Return a number as an uncertainty is said: two significant figures."""
    return float(f"{value:.2g}")


def grade(case: Case, store: ObjectStore, visits: Sequence[int]) -> str:
    """Return the worst grade of the geometries of some visits."""
    found = {store.get(case.visit(number).volume).geometry.grade for number in visits}
    return next((g for g in ("withheld", "acknowledged") if g in found), "good")


def mesh(case: Case, store: ObjectStore) -> Table:
    """Figures of the case's mesh."""
    return figures_of(store.get(case.require("mesh_quality", "organtwin mesh")))


def figures_of(quality: MeshQuality) -> Table:
    """Figures of a mesh."""
    from_15 = quality.from_15_deg_percent
    rows: list[tuple[str, float | str, str]] = [
        ("points", quality.points, ""),
        ("tetrahedra", quality.tetrahedra, ""),
        ("smallest dihedral angle", quality.min_dihedral_deg, "deg"),
        ("tetrahedra below 10 deg", quality.below_10_deg_percent, "%"),
        ("tetrahedra from 15 deg", UNRECORDED if from_15 is None else from_15, "%"),
        ("median edge", quality.edge_median_mm, "mm"),
    ]
    rows += [(f"volume error, {name}", error, "%") for name, error in quality.volume_error_percent]
    return Table("Mesh", ("figure", "value", "unit"), tuple(rows))


def beliefs(case: Case, store: ObjectStore) -> Table:
    """Median and 90 % interval of every parameter, prior and posteriors."""
    rows = []
    for twin_id in case.twins:
        twin: TwinState = store.get(twin_id)
        for belief_id in twin.beliefs:
            belief: Belief = store.get(belief_id)
            low, median, high = belief.ensemble.quantiles(LEVEL)
            for column, (name, unit) in enumerate(
                zip(belief.ensemble.parameters, belief.ensemble.units, strict=True)
            ):
                rows.append(
                    (
                        twin.day, belief.structure, name, median[column], low[column],
                        high[column], unit, belief.rule,
                    )
                )  # fmt: skip
    columns = ("day", "structure", "parameter", "median", "low 90 %", "high 90 %", "unit", "rule")
    return Table("Beliefs", columns, tuple(rows))


def scores(case: Case, store: ObjectStore) -> Table:
    """Every forecast against what came, with the grade of the images it was measured on."""
    rows = []
    numbers = {visit.day: number for number, visit in enumerate(case.visits)}
    for score_id in case.scores:
        score: Score = store.get(score_id)
        rows.append(
            (
                score.structure, score.made_on_day, score.day, score.median_ml, score.low_ml,
                score.high_ml, score.observed_ml, score.error_percent, score.covered,
                score.crps_ml, score.dice, grade(case, store, [0, numbers.get(score.day, 0)]),
            )
        )  # fmt: skip
    columns = (
        "structure", "made on day", "for day", "forecast mL", "low 90 %", "high 90 %",
        "observed mL", "error %", "covered", "CRPS mL", "Dice", "geometry",
    )  # fmt: skip
    return Table("Forecasts scored", columns, tuple(rows))


def simulation(case: Case, store: ObjectStore) -> Table:
    """Figures of the last simulation asked for by hand."""
    ids = case.require("simulations", "organtwin simulate")
    last: Simulation = store.get(ids[-1])
    rows: list[tuple[Any, ...]] = []
    if last.kind == "deformation":
        moved = np.linalg.norm(last.fields["displacement_mm"][0], axis=-1)
        stress = last.fields["von_mises_kpa"][0]
        rows += [
            ("displacement, median", float(np.median(moved)), "mm"),
            ("displacement, most", float(moved.max()), "mm"),
            ("von Mises stress, 95th percentile", float(np.quantile(stress, 0.95)), "kPa"),
        ]
    for name, values in last.quantities.items() if len(last.days) else ():
        low, median, high = interval(values[:, -1], LEVEL)
        rows += [
            (f"{last.structure} {name}, day {last.days[-1]:g}, {what}", float(value), "")
            for what, value in (("median", median), ("low 90 %", low), ("high 90 %", high))
        ]
    rows += [(name, value, "") for name, value in sorted(last.numbers.items())]
    return Table("Simulation", ("figure", "value", "unit"), tuple(rows))


def outcomes(case: Case, store: ObjectStore) -> Table:
    """Every number of every scenario, with unit, interval and what it rests on."""
    compared: Comparison = store.get(case.require("comparison", "organtwin compare"))
    rows = [
        (
            outcome.scenario.name,
            q.name,
            q.structure,
            q.value,
            q.unit,
            q.low,
            q.high,
            q.level,
            q.basis,
        )
        for outcome in compared.outcomes
        for q in outcome.quantities
    ]
    columns = ("scenario", "name", "structure", "value", "unit", "low", "high", "level", "basis")
    return Table("Outcomes", columns, tuple(rows))


def side_by_side(case: Case, store: ObjectStore) -> Table:
    """The same numbers, a column for each scenario."""
    compared: Comparison = store.get(case.require("comparison", "organtwin compare"))
    names = [outcome.scenario.name for outcome in compared.outcomes]
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for outcome in compared.outcomes:
        for quantity in outcome.quantities:
            row = cells.setdefault((quantity.name, quantity.structure), {})
            row[outcome.scenario.name] = said(quantity)
    rows = [(*key, *(row.get(name, "–") for name in names)) for key, row in cells.items()]
    seen = [number for number, visit in enumerate(case.visits) if visit.seen]
    worst = grade(case, store, seen)
    doubt = "" if worst == "good" else f"; geometry {worst}"
    title = f"Comparison (value and {LEVEL:.0%} interval{doubt})"
    return Table(title, ("quantity", "structure", *names), tuple(rows))


def said(quantity: Quantity) -> str:
    """A quantity with its unit and, where there is one, its interval."""
    unit = "" if quantity.unit == "1" else f" {quantity.unit}"
    text = quantity.nothing_seen or f"{_rounded(quantity.value)}{unit}"
    if quantity.low is None or quantity.high is None or quantity.low == quantity.high:
        return text
    return f"{text} ({_rounded(quantity.low)} to {_rounded(quantity.high)})"


def _rounded(value: float) -> str:
    """Whole numbers from 1000 on, three significant figures below."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
