"""Which structure a foreign segment is, and all of them as one LabelMap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.colours import of_other
from organtwin.core.errors import BadArgument, BadInput, EmptyLabel, MisplacedLabel, WrongGeometry
from organtwin.core.labelmap import CodedTerm, LabelMap, Structure, stacked, trimmed
from organtwin.core.names import NAME_LIMIT, checked_name
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing.formats import Mask, everything_wanted, label_formats
from organtwin.importing.found import LabelSource
from organtwin.importing.opening import opened
from organtwin.importing.scanning import read_masks
from organtwin.organs import TUMOUR_CODE, Organ, tumour

FIRST_OTHER: Final = 11
LAST_OTHER: Final = 99
LAST_TUMOUR: Final = 255 - 100
CUT: Final = 0.1
TUMOUR_WORDS: Final = re.compile(r"tumou?r|lesion|metasta|neoplas|carcinoma|glioma|^gtv|-gtv|^hcc")
UNCODED: Final = "99ORGANTWIN"
"""Coding scheme of a structure that has no code: its meaning is its name."""
ReadMasks = Callable[[LabelSource, Volume, Watch], tuple[Mask, ...]]
NUMBERED: Final = re.compile(r"^tumour-(\d+)$")


def label_source(path: Path) -> LabelSource:
    """Return a file as labels because a person says it is (a mask in NIfTI or NRRD says nothing).

    Raises:
        UnreadableFile, WrongGeometry: the file is damaged or no volume.
        BadInput: it cannot be labels.
    """
    file = opened(path, everything_wanted())
    try:
        for one in label_formats().values():
            if one.claims(file) or one.may_be(file):
                return one.source(file)
    except BadInput as error:
        error.where = error.where or str(path)
        raise
    raise BadInput(
        "no file of labels",
        where=str(path),
        advice="choose a DICOM SEG or RTSTRUCT, or a NIfTI or NRRD file of whole numbers",
    )


def read_labels(
    source: LabelSource,
    volume: Volume,
    organ: Organ,
    *,
    names: Mapping[str, str] | None,
    watch: Watch,
    read: ReadMasks = read_masks,
    notice: Callable[[str], object] = bool,
    became: Callable[[str, str], object] = lambda *_: None,
) -> LabelMap:
    """Read a label file as structures of an organ, on a Volume's grid.

    A segment becomes the structure that `names` gives for it ("" leaves it out), else the one
    with its coded term, else the one with its name (an organ's holes that an inner structure fills
    are closed, see `with_holes_closed`); tumours are told by code or name and numbered
    by descending size unless named "tumour-n"; anything else becomes a structure of kind "other",
    labels from 11, then those that no tumour has. Others of which a tenth or more lies outside the
    images are left out, and what belongs to another frame of reference. Segments that overlap stay
    whole: the later drawn one shows, the other lies beneath. `notice` is told what a person has to
    know of a structure, one line each, `became` which structure each segment became.

    Raises:
        EmptyLabel: a structure of the organ or in `names` has no voxels here, or nothing has.
        MisplacedLabel: a tenth or more of such a structure lies outside the images, or of any
            structure outside the one that contains it.
        BadArgument: `names` names a segment that is not in the file, one structure twice, or what
            is no name.
        UnreadableFile, WrongGeometry: as the format finds; one in `names` belongs to another frame
            of reference.
    """
    chosen = names or {}
    if unknown := set(chosen) - set(source.names):
        raise BadArgument(
            f"no segment {sorted(unknown)[0]!r}",
            where=str(source.path),
            advice="there are: " + ", ".join(source.names),
        )
    masks = _usable(
        [m for m in read(source, volume, watch) if chosen.get(m.name) != ""], chosen, notice
    )
    named = _structures(masks, organ, chosen)
    kept = [
        (mask, s) for mask, s in named if _inside(mask, s, volume, required=mask.name in chosen)
    ]
    if not kept:
        raise EmptyLabel("no structure has voxels on these images", where=str(source.path))
    names_kept = {structure.name for _, structure in kept}
    for mask, structure in named:
        if structure.name not in names_kept and mask.source_ml:
            outside = _outside(mask, volume)
            notice(f"{mask.name} is left out: {outside:.0%} of it lies outside the images")
    for mask, structure in kept:
        became(mask.name, structure.name)
    structures = _nested(kept)
    grids = with_holes_closed({s.name: mask.voxels for mask, s in kept}, structures)
    return stacked(grids, structures, volume.affine, overlapping=True)


def _usable(
    masks: list[Mask], chosen: Mapping[str, str], notice: Callable[[str], object]
) -> list[Mask]:
    """Return the masks of this frame of reference; raises as `read_labels` for one asked for.

    Those whose note says why there is nothing of them are left out unless asked for.
    """
    here = [m for m in masks if not m.foreign and (m.source_ml or m.name in chosen or not m.note)]
    for mask in masks:
        if mask.foreign and mask.name in set(chosen) - {m.name for m in here}:
            raise WrongGeometry(
                mask.note, where=mask.name, advice="choose the series it was drawn on"
            )
        if mask.note:
            notice(mask.note)
    return here


def _inside(mask: Mask, structure: Structure, volume: Volume, *, required: bool) -> bool:
    """Return whether a structure lies in the images; raises for one that has to."""
    here_ml = float(np.count_nonzero(mask.voxels)) * volume.voxel_ml
    required = required or structure.kind != "other"
    if required and here_ml == 0:
        raise EmptyLabel(f"{structure.name} has no voxels on these images", where=mask.name)
    whole = here_ml >= (1 - CUT) * mask.source_ml
    if required and not whole:
        raise MisplacedLabel(
            f"{_outside(mask, volume):.0%} of {structure.name} lies outside the images",
            where=mask.name,
            advice="choose the series it was drawn on, or leave it out",
        )
    return whole and here_ml > 0


def _outside(mask: Mask, volume: Volume) -> float:
    """Return which part 0..1 of a structure lies outside the images."""
    return 1.0 - float(np.count_nonzero(mask.voxels)) * volume.voxel_ml / mask.source_ml


def _structures(
    masks: list[Mask], organ: Organ, chosen: Mapping[str, str]
) -> list[tuple[Mask, Structure]]:
    """Return each mask with its structure; tumours numbered, others labelled."""
    for segment, name in chosen.items():
        if name:
            checked_name(name, [s.name for s in organ.structures], where=segment)
    titles = [chosen.get(m.name) or _guess(m, organ) for m in masks]
    taken = {int(found[1]) for title in titles if (found := NUMBERED.match(title))}
    free = (n for n in range(1, LAST_TUMOUR + 1) if n not in taken)
    by_size = sorted(range(len(masks)), key=lambda n: -int(np.count_nonzero(masks[n].voxels)))
    numbers = {n: next(free, 0) for n in by_size if titles[n] == "tumour"}
    tumours = {100 + number for number in (*taken, *numbers.values())}
    others = (n for n in (*range(FIRST_OTHER, LAST_OTHER + 1), *range(255, 100, -1))
              if n not in tumours)  # fmt: skip
    result = []
    for n, (mask, title) in enumerate(zip(masks, titles, strict=True)):
        title = f"tumour-{numbers[n]}" if n in numbers else title
        result.append((mask, _structure(title, mask, organ, others)))
    names = [s.name for _, s in result]
    if double := {name for name in names if names.count(name) > 1}:
        raise BadArgument(
            f"two segments are both {sorted(double)[0]!r}", advice="say which is which by name"
        )
    return result


def _structure(title: str, mask: Mask, organ: Organ, others: Iterator[int]) -> Structure:
    known = next((s for s in organ.structures if s.name == title), None)
    if known is not None:
        return known
    if (found := NUMBERED.match(title)) and 1 <= int(found[1]) <= LAST_TUMOUR:
        return tumour(int(found[1]), organ.structures[0].name)
    label = next(others, None)
    if label is None:
        raise BadArgument(
            "there are more structures than labels, 255",
            where=mask.name,
            advice="leave some out by name",
        )
    code = mask.code or CodedTerm("", UNCODED, mask.name)
    if code.scheme == UNCODED:  # our own export of a structure without a code
        code = replace(code, value="")
    return Structure(title, label, "other", code, of_other(label - FIRST_OTHER))


def _guess(mask: Mask, organ: Organ) -> str:
    """Return a structure's name, "tumour" for one to be numbered, or the segment's own name."""
    for structure in organ.structures:
        if mask.code is not None and _same(mask.code, structure.code):
            return structure.name
    name = normalised(mask.name)
    for structure in organ.structures:
        if name in (structure.name, normalised(structure.code.meaning)):
            return structure.name
    if NUMBERED.match(name):
        return name
    meaning = normalised(mask.code.meaning) if mask.code else ""
    coded = mask.code is not None and _same(mask.code, TUMOUR_CODE)
    if coded or TUMOUR_WORDS.search(name) or TUMOUR_WORDS.search(meaning):
        return "tumour"
    return name[:NAME_LIMIT].strip("-") or "unnamed"


def _same(a: CodedTerm, b: CodedTerm) -> bool:
    """Return whether two codes mean the same; SRT codes are translated to SCT by pydicom."""
    from pydicom.sr.coding import Code

    return bool(Code(a.value, a.scheme, a.meaning) == Code(b.value, b.scheme, b.meaning))


def normalised(name: str) -> str:
    """Return a name in the style of structures: "Portal_Vein " → "portal-vein", "Tumor 1"."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return re.sub(r"\btumor", "tumour", words)


def _nested(kept: list[tuple[Mask, Structure]]) -> tuple[Structure, ...]:
    """Return the structures, others said to lie within the smallest that holds nearly all of it."""
    sizes = {s.name: int(np.count_nonzero(m.voxels)) for m, s in kept}
    result = []
    for mask, structure in kept:
        there = trimmed(structure.label, (0, 0, 0), mask.voxels)
        around = [
            (sizes[s.name], s.name)
            for m, s in kept
            if there is not None
            and structure.kind == "other"
            and sizes[s.name] > sizes[structure.name]
            and np.count_nonzero(m.voxels[there.box] & there.voxels)
            > (1 - CUT) * sizes[structure.name]
        ]
        within = min(around)[1] if around else structure.within
        result.append(replace(structure, within=within if within in sizes else ""))
    return tuple(result)


def with_holes_closed(
    masks: dict[str, NDArray[np.bool_]], structures: tuple[Structure, ...]
) -> dict[str, NDArray[np.bool_]]:
    """Return masks (ni, nj, nk) in which a structure has what lies embedded in it.

    Many files give exclusive segments, so that a tumour fills a hole in its organ. An inner
    structure outside its outer one counts as embedded when at least half of the voxels around it
    belong to the outer one (or to others inside that); one that merely lies beside it does not.
    """
    whole = dict(masks)
    for structure in structures:
        outer, mask = structure.within, masks[structure.name]
        outside = np.count_nonzero(mask & ~masks[outer]) if outer in masks else 0
        if outside > CUT * np.count_nonzero(mask):
            inner = [masks[s.name] for s in structures if s.within == outer]
            if _embedded(mask, np.logical_or.reduce([masks[outer], *inner])):
                whole[outer] = whole[outer] | mask
    return whole


def _embedded(mask: NDArray[np.bool_], host: NDArray[np.bool_]) -> bool:
    """Return whether at least half of the voxels that touch `mask` belong to `host`."""
    from scipy.ndimage import binary_dilation

    box = tuple(slice(max(int(n.min()) - 1, 0), int(n.max()) + 2) for n in np.nonzero(mask))
    shell = binary_dilation(mask[box]) & ~mask[box]
    return bool(np.count_nonzero(shell & host[box]) >= 0.5 * np.count_nonzero(shell))
