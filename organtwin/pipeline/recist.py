"""Labels of all visits → the sum of target diameters, by RECIST 1.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from organtwin.core.case import Case, ObjectStore, Visit
from organtwin.core.errors import BadArgument, EmptyLabel, Missing
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume, to_index, to_lps
from organtwin.core.watch import Watch
from organtwin.measuring import diameters_of
from organtwin.measuring.targets import LYMPH_NODES, Sum, Target, checked, largest, sums
from organtwin.pipeline.imaging import labels_of
from organtwin.pipeline.measuring import SLICES_ALONG

POINTS: Final = 500
BY_NAME: Final = "not registered: a tumour is taken for the baseline's of its name"
TARGETS_ALONE: Final = (
    "of the targets alone; other lesions and new ones are for a person to judge (RECIST 1.1)"
)
NO_TARGET: Final = "no tumour of the baseline may be a target by RECIST 1.1"


@dataclass(frozen=True)
class Course:
    """Targets over the visits.

    Args:
        notes: what a person has to know, a line each.
    """

    targets: tuple[Target, ...]
    sums: tuple[Sum, ...]
    notes: tuple[str, ...] = ()


def choose_targets(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    targets: Sequence[str] = (),
    nodes: Sequence[str] = (),
) -> tuple[Case, str]:
    """Keep which structures of the baseline are followed, nodes by their short axis; none: by rule.

    Whether RECIST 1.1 allows them is said where they are measured.
    """
    watch.tell(0.5, "choosing targets")
    there = {s.name for s in store.canvas(case.visit(0).labels).labels.structures}
    for name in (*targets, *nodes):
        if name not in there:
            raise BadArgument(f"no structure {name!r} at baseline", where="targets")
    said = ", ".join([*targets, *(f"{name} (node)" for name in nodes)])
    after = case.having(targets=tuple(targets), nodes=tuple(nodes))
    return after, said or "the largest measurable, by rule"


def course_of(case: Case, store: ObjectStore, watch: Watch) -> Course:
    """Return the sum of the diameters of the case's targets, of every visit that has labels.

    A visit that is held takes no part. A tumour of a registered visit is the baseline's where it
    was carried to; of another visit the one of its name.

    Where the case has none, they are the largest measurable tumours, two at most.

    Raises:
        BadArgument: targets that RECIST 1.1 does not allow, or that are no structure.
        Missing: the baseline has no labels, or its geometry is withheld.
    """
    targets, nodes, first = case.targets, case.nodes, labels_of(case, store, 0)
    if _why_not(case.visit(0), store):
        raise Missing(f"no lengths at baseline: {_why_not(case.visit(0), store)}", where="targets")
    wanted = [*targets, *nodes] or [s.name for s in first.of_kind("tumour")]
    sizes = {
        _target(first, name, node=name in nodes): diameters_of(
            first.require(name), first.affine, across=_across(case.visit(0))
        )
        for name in wanted
        if targets or nodes or first.mask(name).any()
    }
    chosen = checked(sizes) if targets or nodes else largest(sizes)
    if not chosen:
        return Course((), (), (NO_TARGET,))
    visits, notes = [], [TARGETS_ALONE]
    shown = [n for n, visit in enumerate(case.visits) if visit.labels and not visit.held]
    for place, number in enumerate(shown):
        watch.tell(place / len(shown), "measuring targets")
        visit = case.visit(number)
        found, said = _sizes(visit, chosen, store)
        visits.append((visit.day, found))
        notes += [f"day {visit.day:g}: {line}" for line in (*said, *([BY_NAME] * _unsure(visit)))]
    return Course(chosen, sums(chosen, visits), tuple(notes))


def told(case: Case, store: ObjectStore, watch: Watch) -> dict[str, Any]:
    """Return `as_json` of the course, or {"why": why there is none}; no target is an error here.

    "tumours" are those of the baseline.
    """
    try:
        tumours = [s.name for s in labels_of(case, store, 0).of_kind("tumour")]
        found = course_of(case, store, watch)
    except (BadArgument, EmptyLabel) as error:
        return {"why": error.what, "tumours": tumours}
    except Missing as error:
        return {"why": error.what, "tumours": []}
    return (as_json(found) if found.targets else {"why": NO_TARGET}) | {"tumours": tumours}


def as_json(found: Course) -> dict[str, Any]:
    """Return a Course as plain values; mm, %, days."""
    return {
        "targets": [t.structure for t in found.targets],
        "nodes": [t.structure for t in found.targets if t.node],
        "visits": [
            {
                "day": one.day,
                "sizes_mm": list(one.sizes_mm),
                "sum_mm": one.total_mm,
                "baseline_percent": one.baseline_percent,
                "nadir_percent": one.nadir_percent,
                "response": one.response,
            }
            for one in found.sums
        ],
        "notes": list(found.notes),
    }


def section_of(found: Course, labels_id: str) -> Any:
    """Return a report's section of the sums of target diameters."""
    from organtwin import reporting

    note = reporting.Note("; ".join(found.notes), (labels_id,))
    rows = tuple(
        tuple(
            reporting.Cell(text, note)
            for text in (
                f"{one.day:g}",
                sizes_text(one.sizes_mm),
                _said(one.total_mm, ".1f", "mm"),
                _said(one.baseline_percent, "+.0f", "%"),
                _said(one.nadir_percent, "+.0f", "%"),
                one.response or "baseline",
            )
        )
        for one in found.sums
    )
    head = ("day", "diameters", "sum", "to baseline", "to smallest before", "targets' response")
    names = " + ".join(t.structure + ", short axis" * t.node for t in found.targets)
    table = reporting.Table(head, rows, (0.1, 0.24, 0.14, 0.14, 0.16, 0.22), caption=names)
    said = reporting.Text((f"{TARGETS_ALONE[:1].upper()}{TARGETS_ALONE[1:]}.",))
    return reporting.Section("Sum of target diameters", (table, said))


def sizes_text(sizes_mm: Sequence[float | None]) -> str:
    """Return the diameters of a visit's targets in mm, "?" for what was not evaluated."""
    return " + ".join("?" if mm is None else f"{mm:.1f}" for mm in sizes_mm)


def _said(value: float | None, form: str, unit: str) -> str:
    return "–" if value is None else f"{value:{form}} {unit}"


def _target(labels: LabelMap, name: str, *, node: bool) -> Target:
    structure = labels.structure(name)
    if structure.kind != "tumour" and not node:
        raise BadArgument(
            f"{name} is no tumour", where="targets", advice="name it among nodes where it is one"
        )
    return Target(name, LYMPH_NODES if node else structure.within, node)


def _across(visit: Visit) -> int | None:
    return SLICES_ALONG if visit.origin else None


def _unsure(visit: Visit) -> bool:
    return visit.day > 0.0 and not visit.baseline_labels


def _why_not(visit: Visit, store: ObjectStore) -> str:
    volume: Volume = store.get(visit.volume)
    return "its geometry is withheld" if volume.geometry.grade == "withheld" else ""


def _sizes(
    visit: Visit, targets: Sequence[Target], store: ObjectStore
) -> tuple[tuple[float | None, ...], list[str]]:
    """Return the targets' sizes in mm at a visit, and why of some there is none."""
    withheld = _why_not(visit, store)
    if withheld:
        return (None,) * len(targets), [withheld]
    labels: LabelMap = store.get(visit.labels)
    names, sizes, said = _names(visit, labels, store), list[float | None](), list[str]()
    for target in targets:
        here = names.get(target.structure, "")
        size: float | None = None
        if not here:
            said.append(
                f"{target.structure} is not labelled: add it without voxels where it is gone"
            )
        elif visit.work_on(here).state == "carried":
            said.append(f"{target.structure} was carried there, not measured")
        elif not (mask := labels.mask(here)).any():
            size = 0.0
        else:
            found = diameters_of(mask, labels.affine, across=_across(visit))
            size = target.size_mm(found)
            if found.pieces > 1:
                said.append(f"{target.structure} is in {found.pieces} pieces: the longest of one")
        sizes.append(size)
    return tuple(sizes), said


def _names(visit: Visit, labels: LabelMap, store: ObjectStore) -> dict[str, str]:
    """Return name in the baseline's frame → name at the visit.

    Where a tumour was carried to is asked at some of its voxels' centres.
    """
    from organtwin.updating.mapping import to_baseline

    names = {s.name: s.name for s in labels.structures}
    if not visit.baseline_labels:
        return names
    there: LabelMap = store.get(visit.baseline_labels)
    by_label = {s.label: s.name for s in there.of_kind("tumour")}
    registration = store.get(visit.registration)
    found = {}
    for tumour in labels.of_kind("tumour"):
        index = np.argwhere(labels.mask(tumour.name))
        names.pop(tumour.name)
        if len(index) == 0:
            found[tumour.name] = tumour.name
            continue
        points = to_lps(labels.affine, index[:: len(index) // POINTS + 1])
        place = np.rint(to_index(there.affine, to_baseline(registration, points))).astype(int)
        place = place[((place >= 0) & (place < there.labels.shape)).all(axis=1)]
        values = there.labels[tuple(place.T)]
        counts = np.bincount(values[np.isin(values, list(by_label))], minlength=1)
        if counts.any():
            found[by_label[int(counts.argmax())]] = tumour.name
    return names | found
