"""One tumour from one click and its approximate diameter, added to the labels there are."""

from __future__ import annotations

import re

import numpy as np

from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.labelmap import LabelMap, stacked
from organtwin.core.volume import Volume, to_index
from organtwin.core.watch import Watch
from organtwin.organs import Organ, tumour
from organtwin.segmenting import Method, Request, Seeds
from organtwin.segmenting.frame import Flags, Floats, Index, Spacing, frame_of
from organtwin.segmenting.morphology import Box, blurred, largest
from organtwin.segmenting.parenchyma import Parenchyma
from organtwin.segmenting.tumours import bordered, contrast_of

NAME = re.compile(r"tumour-([1-9][0-9]?)")
BEYOND = 1.6
REACH = 1.5


def segment(request: Request, watch: Watch) -> LabelMap:
    """Label each clicked tumour: one point and one diameter a name, "tumour-1" to "tumour-99".

    The border lies half way between the tumour's core and the tissue around it, whether darker or
    brighter, in any modality. A tumour that is labelled already is drawn anew; other labels stay.
    Without labels the organ is unknown and only the tumour is labelled.

    Raises:
        BadArgument: no point, more than one, no diameter, or a point outside the image.
        EmptyLabel: nothing there differs from its surroundings.
    """
    volume, organ, labels, seeds = request.volume, request.organ, request.labels, request.seeds
    names = sorted(name for name in seeds.points if name != "background")
    if not names:
        raise BadArgument("no tumour was pointed at", where="seeds", advice="click on one")
    frame = frame_of(volume.affine)
    image = np.ascontiguousarray(frame.turned(volume.voxels), dtype=np.float32)
    within = None if labels is None else _organ_mask(labels, organ)
    found: dict[str, Flags] = {}
    for place, name in enumerate(names):
        watch.tell(place / len(names), f"outlining {name}")
        centre, diameter = _asked(seeds, name, volume)
        allowed = None if within is None else frame.turned(within)
        start = frame.place(centre, volume.voxels.shape)
        mask = _outlined(image, start, diameter, frame.spacing_mm, within=allowed)
        if mask is None:
            raise EmptyLabel(
                f"nothing at {name}'s point differs from its surroundings",
                where="segment",
                advice="click into its middle, give its longest diameter, or paint it",
            )
        found[name] = frame.back(mask)
    watch.tell(1.0, f"{len(found)} outlined")
    return _added(found, labels, organ, volume)


def _asked(seeds: Seeds, name: str, volume: Volume) -> tuple[Index, float]:
    """Index of the clicked voxel and diameter in mm, checked."""
    if not NAME.fullmatch(name):
        raise BadArgument(f"{name!r} is no tumour", where="seeds", advice='call it "tumour-1"')
    points = seeds.points[name]
    if len(points) != 1:
        raise BadArgument(f"{name} has {len(points)} points, not one", where="seeds")
    if name not in seeds.diameters_mm:
        raise BadArgument(
            f"{name} has no diameter", where="seeds", advice="give its longest diameter in mm"
        )
    i, j, k = (int(n) for n in np.rint(to_index(volume.affine, np.array(points[0]))))
    if not all(0 <= n < size for n, size in zip((i, j, k), volume.voxels.shape, strict=True)):
        raise BadArgument(f"{name}'s point lies outside the image", where="seeds")
    return (i, j, k), seeds.diameters_mm[name]


def _organ_mask(labels: LabelMap, organ: Organ) -> Flags | None:
    present = any(s.name == organ.name for s in labels.structures)
    return labels.mask(organ.name) if present else None


def _outlined(
    image: Floats, start: Index, diameter_mm: float, spacing_mm: Spacing, *, within: Flags | None
) -> Flags | None:
    """The tumour around a voxel, or None when there is no contrast; arrays in patient axes."""
    box = _box(start, BEYOND * diameter_mm + 8.0, spacing_mm)
    part = image[box]
    distance = _distance_mm(box, part.shape, start, spacing_mm)
    inside = np.ones(part.shape, bool) if within is None else np.ascontiguousarray(within[box])
    reach = REACH * 0.5 * diameter_mm
    ring = inside & (distance > reach + 2.0) & (distance < 2.0 * reach + 6.0)
    core = distance <= max(0.2 * diameter_mm, 1.1 * max(spacing_mm))
    if not ring.any():
        return None
    even = blurred(part, 1.5, spacing_mm)
    level = float(np.median(even[ring]))
    spread = 1.4826 * float(np.median(np.abs(even[ring] - level)))
    contrast = float(np.median(even[core])) - level
    if abs(contrast) < max(2.0 * spread, 1e-3):
        return None
    levels = np.full(part.shape, level, np.float32)
    near = (inside & (distance <= reach)) | core
    mask = largest(near & ((even - level) / contrast > 0.5), core)
    if not mask.any():
        return None
    full = contrast_of(Parenchyma(part, inside | core, levels, spacing_mm), mask)
    mask = bordered(Parenchyma(part, near, levels, spacing_mm), mask, contrast=full)
    whole = np.zeros(image.shape, bool)
    whole[box] = mask
    return whole if mask.any() else None


def _box(start: Index, reach_mm: float, spacing_mm: Spacing) -> Box:
    i, j, k = (
        slice(max(0, n - int(np.ceil(reach_mm / s))), n + int(np.ceil(reach_mm / s)) + 1)
        for n, s in zip(start, spacing_mm, strict=True)
    )
    return i, j, k


def _distance_mm(box: Box, shape: tuple[int, ...], start: Index, spacing_mm: Spacing) -> Floats:
    """Distance of each voxel in a box to the voxel `start`, mm."""
    i, j, k = (
        (np.arange(size, dtype=np.float32) + cut.start - n) * s
        for size, cut, n, s in zip(shape, box, start, spacing_mm, strict=True)
    )
    squares = i[:, None, None] ** 2 + j[None, :, None] ** 2 + k[None, None, :] ** 2
    distance: Floats = np.sqrt(squares).astype(np.float32)
    return distance


def _added(
    found: dict[str, Flags], labels: LabelMap | None, organ: Organ, volume: Volume
) -> LabelMap:
    """The labels so far with the outlined tumours instead of those of the same name."""
    old = () if labels is None else labels.structures
    kept = tuple(s for s in old if s.name not in found)
    within = organ.name if any(s.name == organ.name for s in kept) else ""
    new = tuple(tumour(int(name.rsplit("-", 1)[1]), within) for name in found)
    masks = {s.name: labels.mask(s.name) for s in kept} if labels is not None else {}
    return stacked(masks | found, kept + new, volume.affine)


METHOD = Method("tumour-click", "One tumour from a click and its diameter", "seeded", segment)
