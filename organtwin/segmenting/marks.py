"""Seeds as voxels of a turned image, and masks of the same as labels: both ends of a method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.core.volume import to_index, to_lps
from organtwin.segmenting import Remark, Request
from organtwin.segmenting.composed import composed
from organtwin.segmenting.frame import Flags, Floats, Frame, frame_of
from organtwin.segmenting.morphology import Box
from organtwin.segmenting.naming import kept_of, named, overlap
from organtwin.segmenting.remarks import CUT_MM2
from organtwin.segmenting.seeds import BACKGROUND, Seeds

Voxels = NDArray[np.intp]
Structures = tuple[Structure, ...]
Marks = Mapping[str, Voxels]
"""Name → (n, 3) voxels of the image in patient axes, each once."""


@dataclass(frozen=True)
class Asked:
    """A Request with its image in patient axes.

    Args:
        image: (ni, nj, nk) float32, axes L, P, S.
        frame: how it was turned.
    """

    request: Request
    image: Floats
    frame: Frame

    def marks(self, seeds: Seeds | None = None) -> Marks:
        """Voxels of the request's seeds, or of others; raises BadArgument outside the image."""
        return marked(self.request, self.frame, self.request.seeds if seeds is None else seeds)

    def so_far(self, name: str) -> Flags | None:
        """What the labels so far hold of a structure, in patient axes; None for nothing."""
        labels = self.request.labels
        if labels is None or all(s.name != name for s in labels.structures):
            return None
        mask = labels.mask(name)
        return np.ascontiguousarray(self.frame.turned(mask)) if mask.any() else None


def asked(request: Request) -> Asked:
    """Return the request with its image in patient axes."""
    frame = frame_of(request.volume.affine)
    image = np.ascontiguousarray(frame.turned(request.volume.voxels), dtype=np.float32)
    return Asked(request, image, frame)


def marked(request: Request, frame: Frame, seeds: Seeds) -> Marks:
    """Return the voxels of points, scribbles and drawn diameters, by name.

    Raises:
        BadArgument: a place outside the image.
    """
    volume = request.volume
    shape, found = volume.voxels.shape, {}
    for name in seeds.names:
        places = seeds.places(name, 0.5 * min(volume.spacing_mm))
        index = np.rint(to_index(volume.affine, places)).astype(np.intp)
        outside = (index < 0).any(axis=1) | (index >= shape).any(axis=1)
        if outside.any():
            x, y, z = places[outside][0]
            raise BadArgument(
                f"a seed of {name} lies outside the image, at ({x:.0f}, {y:.0f}, {z:.0f}) mm",
                where="seeds",
                advice="places are in mm, to the left, to the back, to the head (LPS)",
            )
        found[name] = np.unique(frame.placed(index, shape), axis=0)
    return found


def both_sides(marks: Marks) -> None:
    """Raise BadArgument unless there are seeds in a structure and in what lies around it."""
    if BACKGROUND not in marks or len(marks) < 2:
        raise BadArgument(
            "seeds are needed in a structure and in what lies around it",
            where="seeds",
            advice='name the latter "background"',
        )


def some_structure(marks: Marks) -> None:
    """Raise BadArgument unless there are seeds in a structure."""
    if not set(marks) - {BACKGROUND}:
        raise BadArgument(
            "seeds are needed in at least one structure",
            where="seeds",
            advice="click or draw a line inside it",
        )


def answered(asked: Asked, masks: Mapping[str, Flags], box: Box | None = None) -> LabelMap:
    """Return the labels so far with these structures drawn anew.

    A structure also holds what lies within it: new parts and those so far. A new one of kind
    "other" that lies wholly in one so far is a part of it; else it lies over what it meets.

    Args:
        masks: name → (ni, nj, nk) bool in patient axes.
        box: the part of the image that was looked at; what ends only with it is remarked.

    Raises:
        EmptyLabel: one of them has no voxels.
        MisplacedLabel: a vessel or tumour lies outside the organ.
    """
    request = asked.request
    meant = named(masks, request.organ, request.labels)
    kept, whole = kept_of(request.labels, but=masks)
    for structure in meant:
        mask = masks[structure.name]
        if not mask.any():
            raise EmptyLabel(
                f"nothing of {structure.name} was found",
                where="segment",
                advice="draw more seeds inside it, or fewer around it",
            )
        whole[structure.name] = asked.frame.back(mask)
        if box is not None and request.volume.geometry.grade != "withheld":
            _tell_reach(structure.name, mask, box, asked)
    structures = tuple(in_its_place(s, whole, kept) if s.kind == "other" else s for s in meant)
    hold(whole, structures, kept)
    return composed(whole, kept + structures, request, overlapping=overlap(request.labels))


def _tell_reach(name: str, mask: Flags, box: Box, asked: Asked) -> None:
    """Remark where more than 1 cm² of a mask ends only as no more of the image was looked at."""
    spacing = asked.frame.spacing_mm
    for axis, cut in enumerate(box):
        mm2 = float(np.prod(spacing)) / spacing[axis]
        for end, last in ((cut.start, 0), (cut.stop - 1, mask.shape[axis] - 1)):
            plane = np.take(mask, end, axis=axis)
            area = float(plane.sum()) * mm2
            if end == last or area < CUT_MM2:
                continue
            turned = np.insert(np.argwhere(plane).mean(axis=0), axis, end)
            volume = asked.request.volume
            place = to_lps(volume.affine, asked.frame.came_from(turned, volume.voxels.shape))
            what = f"ends over {area / 100.0:.0f} cm² only as no more was looked at: add seeds"
            x, y, z = place.tolist()
            asked.request.look(Remark(name, "reach", what, area / 100.0, "cm²", (x, y, z)))


def in_its_place(one: Structure, masks: Mapping[str, Flags], kept: Structures) -> Structure:
    """Return a structure that lies within none as a part of the smallest kept one around it."""
    if one.within:
        return one
    mask = masks[one.name]
    around = [s.name for s in kept if s.name != one.name and not (mask & ~masks[s.name]).any()]
    sizes = {name: int(np.count_nonzero(masks[name])) for name in around}
    return replace(one, within=min(around, key=sizes.__getitem__)) if around else one


def hold(masks: dict[str, Flags], drawn: Structures, kept: Structures) -> None:
    """Let structures drawn anew hold what was drawn within them, and what they touch of before."""
    for outer in drawn:
        for inner in (s for s in drawn + kept if s.within == outer.name):
            mask, part = masks[outer.name], masks[inner.name]
            if inner in drawn or (ndimage.binary_dilation(part) & mask).any():
                masks[outer.name] = mask | part
