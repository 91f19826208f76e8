"""Vessels inside an organ, followed and told apart; portal and hepatic veins in the liver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.segmenting import BACKGROUND, Method, Request
from organtwin.segmenting.clicked import tell_beside, tell_doubt, tell_moved
from organtwin.segmenting.closeup import Grid
from organtwin.segmenting.composed import composed, tell_cut
from organtwin.segmenting.frame import Flags
from organtwin.segmenting.gaps import GAP_MM
from organtwin.segmenting.last import Last
from organtwin.segmenting.liver_ct import checked, liver_in
from organtwin.segmenting.morphology import Box
from organtwin.segmenting.naming import kept_of, named, overlap
from organtwin.segmenting.parenchyma import parenchyma_of
from organtwin.segmenting.veins import LOW, UNTOLD, Veins, Vessels, vessels_in, with_untold
from solvers.contract import Parameter

PORTAL, HEPATIC = "portal-vein", "hepatic-vein"
ADVICE = "choose the portal-venous phase, or paint them"


def segment(request: Request, watch: Watch) -> LabelMap:
    """Label bright vessels inside the organ labelled so far; without it, of the liver in a CT.

    Points and scribbles named "portal-vein" and "hepatic-vein" correct what anatomy says: each
    moves the branch it lies on, with what is behind its wrong joint, to its tree; and they are
    where a tree begins whose root is not found by anatomy (`roots`). Without one, all are "veins".
    What was found before anything was pointed at is kept, so that a further point is quick. Other
    labels stay. Told apart, vessels leave the organ where they enter it, when it is found here and
    not labelled before.

    Raises:
        BadArgument: seeds of anything else or outside the organ; no organ labelled and not a CT of
            the liver.
        EmptyLabel: no vessel, or none where a seed is.
        Stopped: asked to stop.
    """
    _check_seeds(request)
    of, said = (request.volume, request.labels), (request.organ.name, dict(request.settings))
    looked = _LAST.of(of, said, lambda: _look(request, watch))
    watch.tell(0.8, "telling the trees apart")
    veins = looked.vessels.told_apart(*_pointed(request, looked))
    watch.tell(0.9, "labelling")
    made = _labelled(_masks(veins, looked), request, organ_too=not looked.labelled)
    tell_beside(looked.vessels.all, looked.grid, looked.box, request)
    tell_moved(made, (PORTAL, HEPATIC), request)
    if veins.apart:
        tell_doubt(PORTAL, request)
        tell_doubt(HEPATIC, request)
    return made


@dataclass(frozen=True)
class _Looked:
    """Vessels found in a box of the grid, in an organ `labelled` before or found here."""

    grid: Grid
    box: Box
    vessels: Vessels
    labelled: bool


_LAST: Last[_Looked] = Last()


def _look(request: Request, watch: Watch) -> _Looked:
    labels, name = request.labels, request.organ.name
    watch.tell(0.0, "finding the organ")
    labelled = labels is not None and any(s.name == name for s in labels.structures)
    grid = Grid.of(request.volume)
    if labels is not None and labelled:
        organ = grid.on(labels.require(name))
        if not organ.any():
            raise EmptyLabel(f"{name} is thinner than a voxel", where="labels")
        box = grid.around(organ)
        tissue = parenchyma_of(grid.image[box], organ[box], grid.spacing_mm)
        middle_i = _middle_i(grid) - (box[0].start or 0)
    else:
        checked(request)
        tissue, box, middle_i = liver_in(grid, watch)
    watch.tell(0.6, "following the vessels")
    sick = grid.on(_tumours(labels, request))[box]
    share, gap_mm = request.settings["edge_share"], request.settings["gap_mm"]
    vessels = vessels_in(tissue, sick, middle_i, share=share, gap_mm=gap_mm)
    if vessels is None:
        raise EmptyLabel(
            f"no vessel in the {name} is brighter than its tissue", where="segment", advice=ADVICE
        )
    return _Looked(grid, box, vessels, labelled)


def _check_seeds(request: Request) -> None:
    known = {s.name for s in request.organ.structures if s.kind == "vessel"} | {BACKGROUND}
    if unknown := [n for n in request.seeds.names if n not in known]:
        raise BadArgument(
            f"{unknown[0]!r} is no vessel of the {request.organ.name}",
            where="seeds",
            advice="there are: " + ", ".join(sorted(known - {BACKGROUND})),
        )


def _pointed(request: Request, looked: _Looked) -> list[Flags | None]:
    """Voxels of the seeds of both trees."""
    grid, box = looked.grid, looked.box
    trees: list[Flags | None] = []
    for name in (PORTAL, HEPATIC):
        places = request.seeds.places(name, 0.5 * min(grid.spacing_mm))
        trees.append(grid.voxels(places, box) if len(places) else None)
        if len(places) and not grid.voxels(places, box).any():
            raise BadArgument(f"{name} was pointed at outside the organ", where="seeds")
    return trees


def _middle_i(grid: Grid) -> float:
    """Index i of the body's middle, where the spine is: the mean place of what is not dark."""
    lit = grid.image > np.percentile(grid.image[::4, ::4, ::4], 50)
    return float(np.average(np.arange(lit.shape[0]), weights=lit.sum(axis=(1, 2)) + 1e-9))


def _tumours(labels: LabelMap | None, request: Request) -> Flags:
    none = np.zeros(request.volume.voxels.shape, bool)
    tumours = () if labels is None else labels.of_kind("tumour")
    for one in tumours:
        none |= labels.mask(one.name) if labels is not None else none
    return none


def _masks(veins: Veins, looked: _Looked) -> dict[str, Flags]:
    grid, box, organ = looked.grid, looked.box, looked.vessels.tissue.organ
    if veins.apart:
        found = {"": organ | veins.all, PORTAL: veins.portal, HEPATIC: veins.hepatic}
    else:
        found = {"": organ, UNTOLD.name: veins.all & organ}
    masks = {name: grid.back(mask, box) for name, mask in found.items() if mask.any()}
    return {name: mask for name, mask in masks.items() if mask.any()}


def _labelled(masks: dict[str, Flags], request: Request, *, organ_too: bool) -> LabelMap:
    """The labels so far with these vessels instead of the old ones, cut to the organ."""
    organ, labels = with_untold(request.organ), request.labels
    whole = masks.pop("")
    kept, so_far = kept_of(labels, but={PORTAL, HEPATIC, UNTOLD.name})
    if organ_too:
        kept = (*named([organ.name], organ, labels), *kept)
        so_far = {organ.name: whole, **so_far}
    for name in masks:
        tell_cut(so_far | masks, name, organ.name, request)
    inside = {name: mask & so_far[organ.name] for name, mask in masks.items()}
    found = {name: mask for name, mask in inside.items() if mask.any()}
    if not found:
        raise EmptyLabel(f"no vessel in the {organ.name}", where="segment", advice=ADVICE)
    structures = kept + named(found, organ, labels)
    return composed(so_far | found, structures, request, overlapping=overlap(labels))


SETTINGS = (
    Parameter(
        "edge_share",
        "1",
        0.15,
        0.7,
        "brightness of a vessel's edge, of the contrast of the widest vessels",
        "half-maximum is 0.5 for a wide vessel; one as thin as a voxel is half as bright (0.25)",
        LOW,
    ),
    Parameter(
        "gap_mm", "mm", 0.0, 30.0, "longest gap that is closed", "unsourced, set your own", GAP_MM
    ),
)
METHOD = Method(
    "vessels",
    "Vessels in the organ, portal and hepatic veins kept apart",
    "automatic",
    segment,
    SETTINGS,
    modality="CT",
)
