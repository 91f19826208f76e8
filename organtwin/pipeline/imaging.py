"""DICOM → Volume → LabelMap → OrganMesh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from organtwin.core.case import Case, ObjectStore, Visit
from organtwin.core.errors import BadArgument, BadInput, Missing
from organtwin.core.journal import Summary
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.pipeline.choosing import as_said, choices_of, notes_of, one_a_date
from organtwin.pipeline.identifying import doubts_of_labels, held_against, kept
from organtwin.pipeline.relabelling import changes, merged, require_asked, work_kept

if TYPE_CHECKING:
    from organtwin.segmenting import Remark


def import_images(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    path: str,
    series: Sequence[str] = (),
    modality: str = "CT",
    taken_as: str = "",
) -> tuple[Case, str]:
    """Add a visit for each date found in a folder.

    A visit whose images say another name, ID, birth date or sex than the visits before it is held
    until `identify`.

    Args:
        series: chooses, by UID, UID#part or number (as `organtwin inspect` counts), where there
            are more.
        taken_as: modality ("CT", "MR", "PT") of files that say none (NIfTI, NRRD), which a person
            answers for; the values of a CT are then taken for HU. It goes before `modality`.
    """
    from organtwin.importing import open_images

    with open_images(Path(path), watch.part(0.0, 0.3)) as images:
        modality = taken_as or modality
        choices = choices_of(images.scan, {modality, ""} if taken_as else {modality})
        wanted = one_a_date(choices, series, path)
        known = {visit.acquired for visit in case.visits}
        visits = list(case.visits)
        for number, chosen in enumerate(wanted):
            if chosen.acquired in known:
                raise BadInput(
                    f"the case has a visit of {chosen.acquired} already",
                    where=chosen.uid,
                    advice="import another folder, or undo the earlier import",
                )
            share = 0.7 / len(wanted)
            part = watch.part(0.3 + number * share, 0.3 + (number + 1) * share)
            held = held_against(chosen.identity, visits, store)
            visits.append(
                Visit(
                    0.0,
                    chosen.acquired,
                    store.put(as_said(taken_as, images.volume(chosen, part))),
                    origin=store.put(chosen.origin) if chosen.origin else "",
                    identity=kept(chosen.identity, store),
                    held=held,
                )
            )
    after = case.having(visits=_in_order(visits, case))
    held_now = sum(bool(v.held) for v in after.visits) - sum(bool(v.held) for v in case.visits)
    note = notes_of(case, wanted, taken_as)
    note += f", {held_now} held: perhaps another patient" if held_now else ""
    return after, f"{len(wanted)} visit(s) of {modality}{note}"


def _in_order(visits: list[Visit], before: Case) -> tuple[Visit, ...]:
    """Return visits by date with days counted from the first; the first one is seen."""
    if len(visits) > 1 and any(visit.acquired is None for visit in visits):
        raise BadInput(
            "a visit without a date cannot be placed in time", advice="set the study's date first"
        )
    visits = sorted(visits, key=lambda v: str(v.acquired))
    if before.visits and visits[0] is not before.visits[0]:
        raise BadInput(
            "these images are earlier than the case's baseline",
            advice="make a new case that begins with them",
        )
    first = visits[0].acquired
    placed = []
    for visit in visits:
        day = float((visit.acquired - first).days) if visit.acquired and first else 0.0
        placed.append(Visit(**{**vars(visit), "day": day, "seen": visit.seen or day == 0.0}))
    return tuple(placed)


def acknowledge(
    case: Case, store: ObjectStore, watch: Watch, *, visit: int, reason: str
) -> tuple[Case, str]:
    """Accept a visit's geometry findings, with a reason, so that volumes and margins are shown."""
    volume = store.get(case.visit(visit).volume)
    if not reason.strip():
        raise BadArgument("an acknowledgement needs its reason", where="acknowledge")
    if volume.geometry.grade == "good":
        raise BadArgument(f"the geometry of visit {visit} is good", where="acknowledge")
    watch.tell(0.5, "recording")
    geometry = replace(volume.geometry, grade="acknowledged")
    accepted = store.put(replace(volume, geometry=geometry))
    return case.with_visit(visit, volume=accepted), f"visit {visit}: {reason.strip()}"


def refuse_withheld(case: Case, store: ObjectStore, visits: Sequence[int]) -> None:
    """Raise BadInput when the geometry of a visit withholds its volumes and margins."""
    for number in visits:
        geometry = store.get(case.visit(number).volume).geometry
        if geometry.grade == "withheld":
            raise BadInput(
                f"the geometry of visit {number} withholds volumes and margins: "
                + "; ".join(geometry.findings),
                where=f"visit {number}",
                advice="read the findings, then `organtwin acknowledge` them with a reason",
            )


def segment(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    visit: int = 0,
    method: str = "liver-ct",
    points: Mapping[str, Sequence[Sequence[float]]] | None = None,
    diameters_mm: Mapping[str, float] | None = None,
    scribbles: Mapping[str, Sequence[Sequence[Sequence[float]]]] | None = None,
    diameters: Mapping[str, Sequence[Sequence[float]]] | None = None,
    settings: Mapping[str, float] | None = None,
    frame: str = "lps",
    replace: bool = False,
) -> tuple[Case, str]:
    """Label one visit by a method; seeds are places by structure name, see `segmenting.Seeds`.

    Args:
        frame: of the seeds: "lps" or "ras", mm, or "index" of voxels.
        replace: whether what is done or reviewed may change, what is drawn by hand lose voxels to
            an automatic method, and a tumour become another lesion.
    """
    from organtwin.segmenting import Request
    from organtwin.segmenting import method as named
    from organtwin.segmenting.seeds import seeds_of

    labelled = case.visit(visit)
    volume = store.get(labelled.volume)
    seeds = seeds_of(
        {
            "points": points,
            "diameters_mm": diameters_mm,
            "scribbles": scribbles,
            "diameters": diameters,
            "frame": frame,
        },
        volume.affine,
    )
    so_far = store.get(labelled.labels) if labelled.labels else None
    notes: list[str] = []
    remarks: list[Remark] = []
    told = notes.append, remarks.append
    asked = Request(volume, organ(case.organ), seeds, so_far, settings or {}, *told)
    chosen = named(method)
    made = chosen.labelled(asked, watch)
    automatic = chosen.kind == "automatic"
    after, said = _labelled(case, store, visit, made, replace=replace, drawn_too=automatic)
    line = "; ".join(filter(None, [said, chosen.made_by, *notes]))
    return after, Summary(line, [asdict(one) for one in remarks], said.changed)


def read_label_file(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    path: str,
    visit: int = 0,
    names: Mapping[str, str] | None = None,
    replace: bool = False,
) -> tuple[Case, str]:
    """Take a visit's labels from a DICOM SEG or RTSTRUCT file, or any NIfTI or NRRD of labels.

    Structures of the file replace those of the same names, all others of the visit stay. What a
    person drew, or marked as done or reviewed, is replaced only with `replace`. Where the file
    names another patient and does not name the visit's series, the visit is held.
    """
    from organtwin.importing import open_images

    with open_images(Path(path), watch.part(0.0, 0.2)) as images:
        sources = images.scan.labels or (images.label_source(Path(path), watch.part(0.2, 0.2)),)
        if len(sources) != 1:
            raise BadInput(f"{len(sources)} label files are here, not one", where=path)
        volume = store.get(case.visit(visit).volume)
        notes: list[str] = []
        labels = images.labels(
            sources[0], volume, organ(case.organ), names=names, watch=watch.part(0.2, 1.0),
            notice=notes.append,
        )  # fmt: skip
    so_far = case.visit(visit).labels
    whole = merged(store.get(so_far) if so_far else None, labels)
    after, said = _labelled(case, store, visit, whole, replace=replace, drawn_too=True)
    doubts = doubts_of_labels(sources[0], after.visits[visit], store)
    note = "; held: perhaps labels of another patient" if doubts else ""
    line = "; ".join([said + note, *notes])
    return after.with_visit(visit, held=doubts), Summary(line, changed=said.changed)


def _labelled(
    case: Case, store: ObjectStore, visit: int, labels: Any, *, replace: bool, drawn_too: bool
) -> tuple[Case, Summary]:
    """Give a visit labels; says each structure's volume, and what it was where that changed."""
    one = case.visits[visit]
    grade = store.get(one.volume).geometry.grade
    withheld, note = grade == "withheld", ", geometry acknowledged" * (grade == "acknowledged")
    before = store.get(one.labels) if one.labels else None
    found = {c.name: c for c in changes(before, labels)}
    if not replace:
        tumours = [s.name for s in labels.of_kind("tumour")]
        require_asked(one, found.values(), drawn_too=drawn_too, tumours=tumours, withheld=withheld)
    same = {
        s.name: f"{s.name} {'withheld' if withheld else f'{labels.volume_ml(s.name):.1f} mL'}"
        for s in labels.structures
    }
    told = ", ".join((same | {n: c.said(withheld=withheld) for n, c in found.items()}).values())
    work, ended = work_kept(one, found.values())
    after = without_what_followed(case, visit)
    after = after.with_visit(visit, labels=store.put(labels), work=work)
    line = "; ".join(filter(None, [f"visit {visit}: {told}{note}", ended]))
    return after, Summary(line, changed=[*found])


def without_what_followed(case: Case, visit: int) -> Case:
    """Return the Case without what was made from a visit's earlier labels (undo brings it back)."""
    stale = range(len(case.visits)) if visit == 0 else [visit]
    relabelled = case.visits[visit]
    for number in stale:
        case = case.with_visit(number, registration="", baseline_labels="", observations=())
    if visit == 0:
        visits = tuple(replace(v, seen=v.day == 0.0) for v in case.visits)
        kept = {name: getattr(case, name) for name in ("decisions", "targets", "nodes")}
        return Case(case.patient, case.organ, visits, **kept)
    if relabelled.seen:
        raise BadArgument(
            f"visit {visit} is in the belief already",
            where="segment",
            advice="undo the update first",
        )
    return case


def mesh(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    organ_edge_mm: float = 8.0,
    tumour_edge_mm: float = 3.0,
    vessel_radius_mm: float = 4.0,
    smallest_edge_mm: float = 1.5,
    target_tetrahedra: int = 0,
) -> tuple[Case, str]:
    """Mesh the baseline's labels; with a target, edges are scaled to about so many tetrahedra."""
    from organtwin.meshing import Sizes, mesh_labels

    refuse_withheld(case, store, [0])
    sizes = Sizes(
        organ_edge_mm=organ_edge_mm,
        tumour_edge_mm=tumour_edge_mm,
        vessel_radius_mm=vessel_radius_mm,
        smallest_edge_mm=smallest_edge_mm,
        target_tetrahedra=target_tetrahedra,
        organ_alone=True,
    )
    made, quality = mesh_labels(labels_of(case, store, 0), sizes, watch)
    after = case.having(mesh=store.put(made), mesh_quality=store.put(quality), cut="")
    return after, (
        f"{quality.points} points, {quality.tetrahedra} tetrahedra, "
        f"smallest dihedral angle {quality.min_dihedral_deg:.1f}°"
    )


def labels_of(case: Case, store: ObjectStore, visit: int) -> Any:
    """Return a visit's LabelMap on its own grid; raises Missing when it has none."""
    labels = case.visit(visit).labels
    if not labels:
        raise Missing(f"visit {visit} has no labels yet", advice="segment it first")
    return store.get(labels)
