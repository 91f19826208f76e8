"""One tumour from a click and its diameter, or from one line across it, in any modality."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume, to_index
from organtwin.core.watch import Watch
from organtwin.organs import Organ
from organtwin.segmenting import BACKGROUND, Method, Remark, Request
from organtwin.segmenting.composed import composed
from organtwin.segmenting.frame import Flags, Floats, Frame, Index, Spacing, frame_of
from organtwin.segmenting.lesion import BEYOND_MM, Lesion, outlined
from organtwin.segmenting.naming import kept_of, named, overlap
from organtwin.segmenting.sized import doubts_of_size

NAME = re.compile(r"tumour-([1-9][0-9]?)")
MOST_MM = 300.0
"""No tumour of the abdomen is longer; more is a slip of the hand or of the unit."""
TYPED, DRAWN = 1.5, 1.25
"""How far a tumour may reach from its middle, in radii: a typed diameter is rougher than a line."""


@dataclass(frozen=True)
class Place:
    """Where a tumour is.

    Args:
        clicked: voxel surely of it, in the frame.
        middle: its middle, in the frame.
        diameter_mm: its longest diameter.
        reach_mm: how far it may reach from its middle.
    """

    clicked: Index
    middle: Index
    diameter_mm: float
    reach_mm: float


def segment(request: Request, watch: Watch) -> LabelMap:
    """Label each tumour pointed at, "tumour-1" to "tumour-99".

    One line across its longest diameter is enough (`Seeds.diameters`); a point says which part is
    surely the tumour (without one: the line's middle); a point may come with a diameter in mm
    instead of a line. The border lies half way between the tumour and the tissue around it, whether
    darker or brighter (`lesion`). A tumour that is labelled already is drawn anew; other tumours
    keep their voxels, the organ takes in what bulges out of it. Without labels the organ is unknown
    and only the tumour is labelled.

    Raises:
        BadArgument: no tumour, more than one point, no diameter, a place outside the image, or a
            point beside its line.
        EmptyLabel: nothing there differs from its surroundings, or nothing bounds it (`sized`).
    """
    volume, organ, labels = request.volume, request.organ, request.labels
    names = sorted(name for name in request.seeds.names if name != BACKGROUND)
    if not names:
        raise BadArgument("no tumour was pointed at", where="seeds", advice="click on one")
    frame = frame_of(volume.affine)
    places = {name: _place(request, name, frame) for name in names}
    image = np.ascontiguousarray(frame.turned(volume.voxels), dtype=np.float32)
    organ_mask = None if labels is None else _organ_mask(labels, organ)
    found: dict[str, Flags] = {}
    for count, name in enumerate(names):
        watch.tell(count / len(names), f"outlining {name}")
        others = _others(labels, names, volume)
        others = np.logical_or.reduce([others, *found.values()])
        within = None if organ_mask is None else frame.turned(organ_mask)
        mask = _outlined(image, places, name, frame, within=within, others=frame.turned(others))
        if mask is None:
            raise EmptyLabel(
                f"nothing at {name}'s point differs from its surroundings",
                where="segment",
                advice="draw its longest diameter from border to border, or paint it",
            )
        for doubt in _doubts(name, mask, image, places[name], request=request, frame=frame):
            request.look(doubt)
        found[name] = frame.back(mask)
    watch.tell(1.0, f"{len(found)} outlined")
    return _added(found, request)


def _place(request: Request, name: str, frame: Frame) -> Place:
    """Where a tumour is, checked."""
    seeds, volume = request.seeds, request.volume
    if not NAME.fullmatch(name):
        raise BadArgument(f"{name!r} is no tumour", where="seeds", advice='call it "tumour-1"')
    points = seeds.points.get(name, ())
    if len(points) > 1 or name in seeds.scribbles:
        what = f"{len(points)} points" if points else "scribbles"
        raise BadArgument(f"{name} has {what}, not one point", where="seeds")
    if name not in seeds.diameters_mm:
        raise BadArgument(
            f"{name} has no diameter",
            where="seeds",
            advice="draw its longest diameter as a line, or give it in mm",
        )
    diameter_mm = seeds.diameters_mm[name]
    if diameter_mm > MOST_MM:
        raise BadArgument(
            f"a tumour of {diameter_mm:g} mm cannot be: {MOST_MM:g} mm at most",
            where=f"seeds: {name}",
            advice="give its longest diameter in mm",
        )
    if name not in seeds.diameters:
        clicked = _voxel(points[0], name, volume, frame)
        return Place(clicked, clicked, diameter_mm, TYPED * 0.5 * diameter_mm)
    line = np.array(seeds.diameters[name])
    middle = line.mean(axis=0)
    point = np.array(points[0]) if points else middle
    if np.linalg.norm(point - middle) > 0.5 * diameter_mm:
        raise BadArgument(
            f"{name}'s point lies beside its line",
            where="seeds",
            advice="draw the line through the tumour that was clicked",
        )
    clicked, centre = (_voxel(p, name, volume, frame) for p in (point, middle))
    return Place(clicked, centre, diameter_mm, DRAWN * 0.5 * diameter_mm)


def _doubts(
    name: str, mask: Flags, image: Floats, place: Place, *, request: Request, frame: Frame
) -> Iterator[Remark]:
    seeds = request.seeds
    x, y, z = np.mean(seeds.points.get(name) or seeds.diameters[name], axis=0).tolist()
    return doubts_of_size(
        name,
        mask,
        frame.spacing_mm,
        image=image,
        middle=place.middle,
        reach_mm=place.reach_mm,
        said_mm=place.diameter_mm,
        place_mm=(x, y, z),
    )


def _voxel(
    point: NDArray[np.float64] | tuple[float, ...], name: str, volume: Volume, frame: Frame
) -> Index:
    i, j, k = (int(n) for n in np.rint(to_index(volume.affine, np.array(point))))
    if not all(0 <= n < size for n, size in zip((i, j, k), volume.voxels.shape, strict=True)):
        raise BadArgument(f"{name}'s point lies outside the image", where="seeds")
    return frame.place((i, j, k), volume.voxels.shape)


def _organ_mask(labels: LabelMap, organ: Organ) -> Flags | None:
    present = any(s.name == organ.name for s in labels.structures)
    return labels.mask(organ.name) if present else None


def _others(labels: LabelMap | None, names: list[str], volume: Volume) -> Flags:
    """Voxels of tumours labelled before that are not drawn now."""
    taken = np.zeros(volume.voxels.shape, bool, order="F")
    if labels is not None:
        for one in labels.of_kind("tumour"):
            if one.name not in names:
                taken |= labels.mask(one.name)
    return taken


def _outlined(
    image: Floats,
    places: dict[str, Place],
    name: str,
    frame: Frame,
    *,
    within: Flags | None,
    others: Flags,
) -> Flags | None:
    """The tumour, (ni, nj, nk) bool in patient axes, or None when there is no contrast."""
    place, spacing = places[name], frame.spacing_mm
    far = np.ceil((2.0 * place.reach_mm + BEYOND_MM) / np.array(spacing)).astype(int)
    box = tuple(
        slice(max(0, n - reach), n + reach + 1)
        for n, reach in zip(place.middle, far.tolist(), strict=True)
    )
    part = image[box]
    away = _distance_mm(box, part.shape, place.middle, spacing)
    taken = np.ascontiguousarray(others[box])
    for other, there in places.items():
        if other != name:
            theirs = _distance_mm(box, part.shape, there.middle, spacing) / there.diameter_mm
            taken |= theirs < away / place.diameter_mm
    core = _distance_mm(box, part.shape, place.clicked, spacing)
    organ = np.ones(part.shape, bool) if within is None else np.ascontiguousarray(within[box])
    lesion = Lesion(part, organ, taken, away, core, place.diameter_mm, place.reach_mm, spacing)
    mask = outlined(lesion)
    if mask is None:
        return None
    whole = np.zeros(image.shape, bool)
    whole[box] = mask
    return whole


def _distance_mm(
    box: tuple[slice, ...], shape: tuple[int, ...], start: Index, spacing_mm: Spacing
) -> Floats:
    """Distance of each voxel in a box to the voxel `start`, mm."""
    i, j, k = (
        (np.arange(size, dtype=np.float32) + cut.start - n) * s
        for size, cut, n, s in zip(shape, box, start, spacing_mm, strict=True)
    )
    squares = i[:, None, None] ** 2 + j[None, :, None] ** 2 + k[None, None, :] ** 2
    distance: Floats = np.sqrt(squares).astype(np.float32)
    return distance


def _added(found: dict[str, Flags], request: Request) -> LabelMap:
    """The labels so far with the outlined tumours instead of those of the same name."""
    labels, organ = request.labels, request.organ.name
    kept, masks = kept_of(labels, but=found)
    if any(s.name == organ for s in kept):
        masks[organ] = np.logical_or.reduce([masks[organ], *found.values()])
    new = named(found, request.organ, labels)
    return composed(masks | found, kept + new, request, overlapping=overlap(labels))


METHOD = Method(
    "tumour-click", "One tumour from a click and its diameter, or one line", "seeded", segment
)
