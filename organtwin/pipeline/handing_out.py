"""Comparison → Report, and the record sealed for somebody else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from organtwin import __version__
from organtwin.casefolder import ObjectFolder
from organtwin.core.case import Case, ObjectStore
from organtwin.core.journal import JournalEntry
from organtwin.core.scenario import Comparison, Outcome
from organtwin.core.simulation import Simulation
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.pipeline.imaging import labels_of
from organtwin.pipeline.measuring import lengths_of, measured_visit
from organtwin.pipeline.recist import course_of, section_of
from organtwin.pipeline.reviewing import held_by, rests_on, used
from organtwin.pipeline.twin import current_labels
from organtwin.places import own_folder

PACKAGES = ("numpy", "scipy", "pydicom", "SimpleITK", "vtk", "mmgpy", "dolfinx-solver-real")


REPORT_FILES: Final = ("report.html", "report.pdf", "comparison.png")


def write_report(
    case: Case,
    store: ObjectStore,
    entries: Sequence[JournalEntry],
    *,
    to: Path,
    watch: Watch,
) -> tuple[Path, ...]:
    """Write report.html, report.pdf and, with a comparison, comparison.png into `to`; returns them.

    Raises:
        Missing: nothing has been labelled yet.
    """
    from organtwin import reporting

    to.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    sections = [_imaging(case, store), *_followed(case, store, watch)]
    if case.mesh:
        quality = store.get(case.mesh_quality)
        sections.append(reporting.mesh_section(quality, mesh_id=case.mesh))
    watch.tell(0.1, "charts")
    if case.twins:
        sections.append(_growth(case, store))
    if case.simulations:
        sections.append(_simulated(case, store))
    if case.comparison:
        watch.tell(0.3, "pictures of the scenarios")
        section, picture = compared(case, store, watch.part(0.3, 0.8))
        sections.append(section)
        written.append(to / "comparison.png")
        reporting.write_png(picture, written[-1])
    sections.append(reporting.decisions_section([store.get(d) for d in case.decisions]))
    sections.append(reporting.journal_section(entries))
    report = reporting.Report(
        title=f"OrganTwin: {case.organ}",
        patient=case.patient,
        created=datetime.now(UTC).isoformat(sep=" ", timespec="seconds"),
        facts=_facts(case, store, entries),
        sections=tuple(sections),
        versions=(("organtwin", __version__), *((p, version(p)) for p in PACKAGES)),
    )
    return (*reporting.write_report(report, to, watch.part(0.8, 1.0)), *written)


def export_audit(
    objects: ObjectFolder,
    entries: Sequence[JournalEntry],
    files: Sequence[Path],
    *,
    to: Path,
    watch: Watch,
    with_identity: bool = False,
) -> str:
    """Seal a case's journal and objects, and what was handed out, into a zip; returns its root.

    What leads to the patient stays out, unless `with_identity`. Signed with this installation's
    key, which lies in the user's data folder and is made on first use.
    """
    from organtwin.reporting.audit import signing_key, write_audit

    key = signing_key(own_folder() / "signing-key.pem")
    named = {path.name: path for path in files}
    return write_audit(
        to,
        entries,
        objects.content,
        files=named,
        key=key,
        watch=watch,
        with_identity=with_identity,
    )


def _facts(
    case: Case, store: ObjectStore, entries: Sequence[JournalEntry]
) -> tuple[tuple[str, str], ...]:
    visits = ", ".join(
        f"day {v.day:g} ({v.acquired}{', held: not used' if v.held else ''})" for v in case.visits
    )
    said = rests_on(case, held_by(store), used(case))
    rested = [("Reviewed", f"Not all: {said}")] if said else []
    return (
        ("Organ", case.organ),
        ("Visits", visits or "none"),
        *rested,
        ("Journal", f"{len(entries)} entries, root {entries[-1].link if entries else '–'}"),
    )


def _imaging(case: Case, store: ObjectStore) -> Any:
    from organtwin import reporting

    labels, volume = labels_of(case, store, 0), store.get(case.visit(0).volume)
    window = organ(case.organ).windows[0]
    there = [s for s in labels.structures if labels.volume_ml(s.name) > 0]
    shown = [s for s in there if s.kind == "tumour"] or there
    pictures = [
        _picture(
            reporting.slice_picture(volume, labels, centre_mm(labels, s.name), window=window),
            f"Baseline through {s.name}, axial, window {window.centre:g}/{window.width:g} "
            f"{volume.unit}",
            share=0.48,
        )
        for s in shown[:2]
    ]
    sizes = measured_visit(case, store, Watch(), visit=0, sizes_only=True)
    labels_id, tumour_names = case.visit(0).labels, {s.name for s in labels.of_kind("tumour")}
    return reporting.labels_section(
        labels,
        labels_id=labels_id,
        geometry=volume.geometry,
        pictures=pictures,
        lengths={m.structure: lengths_of(m, labels_id) for m in sizes
                 if m.structure in tumour_names},
        notes=[(m.structure, note) for m in sizes for note in m.notes if m.grade != "withheld"],
        work=case.visit(0).work,
    )  # fmt: skip


def _followed(case: Case, store: ObjectStore, watch: Watch) -> list[Any]:
    """Return the section of target diameters, where more than one visit has labels."""
    labelled = [v for v in case.visits if v.labels and not v.held]
    if len(labelled) < 2 or store.get(case.visit(0).volume).geometry.grade == "withheld":
        return []
    found = course_of(case, store, watch.part(0.0, 0.1))
    return [section_of(found, case.visit(0).labels)] if found.targets else []


def _growth(case: Case, store: ObjectStore) -> Any:
    from organtwin import reporting

    twins = [store.get(i) for i in case.twins]
    observations = [(i, store.get(i)) for v in case.visits for i in v.observations]
    known = {i for v in case.visits if v.seen for i in v.observations}
    forecasts = [store.get(i) for twin in twins for i in twin.forecasts]
    first, last = ([store.get(i) for i in twin.beliefs] for twin in (twins[0], twins[-1]))
    grown = _grown_by_scenario(case, store)
    pictures = []
    for before, after in zip(first, last, strict=True):
        name = after.structure
        chart = reporting.timeline(
            name,
            observed=[o for i, o in observations if i in known],
            unseen=[o for i, o in observations if i not in known],
            forecasts=forecasts,
            scenarios=grown.get(name, {}),
            start_day=twins[-1].day,
        )
        pictures.append(_picture(reporting.pixels(chart), f"{name} over time"))
        if before is not after:
            learned = reporting.pixels(reporting.beliefs(before, after))
            pictures.append(_picture(learned, f"{name}: prior and posterior"))
    return reporting.growth_section(
        observations=observations,
        beliefs=[(i, store.get(i)) for twin in twins for i in twin.beliefs],
        scores=[(i, store.get(i)) for i in case.scores],
        pictures=pictures,
    )


def _grown_by_scenario(case: Case, store: ObjectStore) -> dict[str, dict[str, Any]]:
    """Return tumour → scenario → Simulation of the comparison."""
    grown: dict[str, dict[str, Any]] = {}
    if case.comparison:
        for outcome in store.get(case.comparison).outcomes:
            for simulation in map(store.get, outcome.simulations):
                by_scenario = grown.setdefault(simulation.structure, {})
                by_scenario[outcome.scenario.name] = simulation
    return grown


def compared(case: Case, store: ObjectStore, watch: Watch) -> tuple[Any, Any]:
    """Return the section and the picture of the scenarios side by side."""
    from organtwin import comparing, reporting
    from organtwin.meshing import surfaces

    compared: Comparison = store.get(case.comparison)
    labels = current_labels(case, store)
    inside = {s.name: s for s in labels.inside(case.organ)}
    shapes = tuple(
        reporting.Shape(name, inside[name].kind, s.points, s.triangles, inside[name].colour)
        for name, s in surfaces(labels, watch.part(0.0, 0.4)).items()
        if name in inside
    )
    scenes = []
    for outcome in compared.outcomes:
        effects = comparing.effects_of(outcome.scenario, labels)
        scenes.append(
            reporting.Scene(
                outcome.scenario.name,
                shapes,
                comparing.removed_distance(effects, labels, organ=case.organ),
                next((e.contact for e in effects if e.contact), ""),
                reporting.probes_of(outcome.scenario),
                _headlines(outcome),
            )
        )
    watch.tell(0.5, "drawing the scenarios")
    picture = reporting.comparison_picture(scenes)
    caption = "The same organ under each scenario, seen by one camera"
    pictures = [_picture(picture, caption)]
    return reporting.comparison_section(compared, pictures=pictures), picture


HEADLINES = {
    "remnant fraction": "remnant",
    "minimal margin": "margin",
    "visible volume at +180 days": "visible at +180 days",
}


def _headlines(outcome: Outcome) -> tuple[str, ...]:
    """Return the few numbers that stand under a picture."""
    from organtwin.reporting import formatted

    lines = [
        f"{q.structure}, {HEADLINES[q.name]}: {formatted(q)}"
        for q in outcome.quantities
        if q.name in HEADLINES
    ]
    before = any("no primary source" in one for one in outcome.warnings)  # compared earlier
    if before or any(q.assumed for q in outcome.quantities):
        lines.append("effect of the treatment: a demonstration value without a source")
    return tuple(lines)


def _simulated(case: Case, store: ObjectStore) -> Any:
    from organtwin import reporting, tables

    simulation = store.get(case.simulations[-1])
    note = reporting.Note("simulation on the case's mesh", (case.simulations[-1],))
    rows = tuple(
        (reporting.Cell(str(name)), reporting.Cell(f"{value:.4g} {unit}", note))
        for name, value, unit in tables.simulation(case, store).rows
        if unit
    )
    shown = reporting.Table(("figure", "value"), rows, (0.6, 0.4))
    said = reporting.Text((_asked(simulation),))
    return reporting.Section("Simulation", (said, shown))


def _asked(simulation: Simulation) -> str:
    """Say in words what was simulated and what it leaves out."""
    if simulation.kind != "deformation":
        return f"Growth of {simulation.structure} to day {simulation.days[-1]:g}."
    settings = json.loads(simulation.job_json)["settings"]
    change = ", ".join(f"{v / 1000:.2f}" for v in settings["gravity_mm_per_s2"])
    return (
        f"The organ under a change of gravity of ({change}) m/s² (LPS) and "
        f"{settings['pressure_kpa']:g} kPa on its surface, held at its most posterior part. "
        "Ribs, diaphragm and ligaments do not hold it, so displacements are upper bounds. "
        "The comparison of scenarios does not use them."
    )


def _picture(image: Any, caption: str, share: float = 1.0) -> Any:
    from organtwin import reporting

    return reporting.Picture(reporting.png_bytes(image), caption, share)


def centre_mm(labels: Any, name: str) -> tuple[float, float, float]:
    """Return the LPS mm centre of a structure's voxels."""
    import numpy as np

    from organtwin.core.volume import to_lps

    x, y, z = to_lps(labels.affine, np.argwhere(labels.require(name))).mean(axis=0)
    return float(x), float(y), float(z)
