"""OrganMesh → Cut: the mesh in two parts, as a plane, a structure or a plan says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from organtwin.core.case import Case, ObjectStore
from organtwin.core.cut import Cut
from organtwin.core.directions import position
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.organmesh import OrganMesh
from organtwin.core.watch import Watch
from organtwin.pipeline.imaging import labels_of
from organtwin.pipeline.twin import current_labels

if TYPE_CHECKING:
    from organtwin.meshing.drawn import Drawing


def cut(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    point_mm: Sequence[float] = (),
    normal: Sequence[float] = (),
    structure: str = "",
    scenario: str = "",
    lines_mm: Sequence[Sequence[Sequence[float]]] = (),
    along: Sequence[float] = (),
    eye_mm: Sequence[float] = (),
    other_side: bool = False,
    remove: bool = False,
) -> tuple[Case, str]:
    """Cut the mesh in two: by a plane, a structure, a scenario, lines drawn; or remove the cut.

    Args:
        point_mm, normal: of the plane, LPS; the normal points into the specimen.
        structure: the specimen is this structure with all inside it.
        scenario: the specimen is what all resections of this scenario remove.
        lines_mm, along, eye_mm, other_side: lines drawn by hand, LPS, and how they were looked at:
            see `meshing.drawn.Drawing`.
    """
    mesh = store.get(case.require("mesh", "organtwin mesh"))
    plane, lines = bool(len(point_mm) or len(normal)), bool(len(lines_mm) or len(along))
    if sum([plane, lines, bool(structure), bool(scenario), remove]) != 1:
        raise BadArgument("a cut is by a plane, lines, a structure or a scenario", where="cut")
    if remove:
        return case.having(cut=""), "removed"
    if structure:
        labels = labels_of(case, store, 0)
        made, by = _cut_out(mesh, labels, structure, watch), structure
    elif scenario:
        made, by = _planned(case, store, watch, scenario), scenario
    elif lines:
        from organtwin.meshing.drawn import Drawing

        made, by = _drawn(mesh, Drawing.of(lines_mm, along, eye_mm, other_side=other_side), watch)
    else:
        made, by = _by_plane(mesh, point_mm, normal, watch)
    plan = _plans(case, store).get(scenario, "")
    made = replace(made, by=by, plan=plan)
    told = ", ".join(
        f"{name} {float(part.volumes_mm3().sum()) / 1000.0:.1f} mL"
        for name, (part, _) in made.parts.items()
    )
    return case.having(cut=store.put(made)), "; ".join([f"by {by}: {told}", *made.remarks])


def _by_plane(
    mesh: OrganMesh, point_mm: Sequence[float], normal: Sequence[float], watch: Watch
) -> tuple[Cut, str]:
    from organtwin.meshing.cutting import cut as cut_mesh
    from organtwin.meshing.knives import plane

    point, into = (np.array(values, dtype=np.float64) for values in (point_mm, normal))
    if point.shape != (3,) or into.shape != (3,) or not np.isfinite([point, into]).all():
        raise BadArgument("a plane is a point and a normal of three numbers each", where="cut")
    return cut_mesh(mesh, plane(point, into), watch), f"a plane at {position(point.tolist())}"


def _drawn(mesh: OrganMesh, drawing: Drawing, watch: Watch) -> tuple[Cut, str]:
    from organtwin.meshing.cutting import cut as cut_mesh
    from organtwin.meshing.drawn import drawn

    made = cut_mesh(mesh, drawn(drawing, mesh.points).knife(mesh.points), watch)
    lines = drawing.lines_mm
    count = "a line" if len(lines) == 1 else f"{len(lines)} lines"
    middle = lines[0].mean(axis=0)
    return made, f"{count} drawn at {position(middle.tolist(), 0)}"


def _cut_out(mesh: OrganMesh, labels: LabelMap, name: str, watch: Watch) -> Cut:
    """Return the cut along a region's own faces, or along the smooth border of what is labelled."""
    from organtwin.meshing.cutting import cut as cut_mesh
    from organtwin.meshing.cutting import cut_regions
    from organtwin.meshing.knives import around

    if name in {s.name for s in mesh.structures}:
        return cut_regions(mesh, [name])
    return cut_mesh(mesh, around(labels, name), watch)


def _planned(case: Case, store: ObjectStore, watch: Watch, name: str) -> Cut:
    from organtwin.comparing import effects_of, union_distance
    from organtwin.meshing.cutting import cut as cut_mesh

    plans = _plans(case, store)
    if name not in plans:
        raise BadArgument(f"no scenario {name!r}", advice="there are: " + ", ".join(plans))
    effects = effects_of(store.get(plans[name]), current_labels(case, store))
    removed = union_distance([effect for effect in effects if effect.contact == "cut"])
    if removed is None:
        raise BadArgument(f"{name} resects nothing", advice="choose a plan with a resection")
    return cut_mesh(store.get(case.mesh), removed, watch)


def _plans(case: Case, store: ObjectStore) -> dict[str, str]:
    """Return the ids of the case's scenarios by name."""
    return {store.get(one).name: one for one in case.scenarios}
