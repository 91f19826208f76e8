"""Labels in NRRD files: 3D Slicer's segmentations (.seg.nrrd), or any that a person says is.

A segmentation names its segments by keys "Segment0_Name", "Segment0_LabelValue", "Segment0_Layer"
and "Segment0_Tags" (vtkMRMLSegmentationStorageNode of 3D Slicer); overlapping segments lie in
layers, the one axis that is not in space.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from organtwin.core.errors import UnreadableFile
from organtwin.core.labelmap import CodedTerm
from organtwin.core.watch import Watch
from organtwin.importing.grids import (
    HIGHEST_LABEL,
    LABEL_LIMIT,
    LabelGrid,
    Segment,
    as_labels,
    label_format,
    named,
    values_in,
)
from organtwin.importing.nrrd import claims, fields_of, header_of
from organtwin.importing.opening import Opened

KIND: Final = "NRRD"
SEGMENT: Final = re.compile(r"Segment(\d{1,4})_(Name|ID|LabelValue|Layer|Tags)")
TERMINOLOGY: Final = re.compile(r"TerminologyEntry:([^|]*)")
TYPE_FIELD: Final = 2
"""Of a terminology entry: context, category, type, type modifier, …, separated by "~"."""
LAYER_LIMIT: Final = 256
SUFFIXES: Final = re.compile(r"(\.seg)?\.(nrrd|nhdr)$", re.IGNORECASE)


def says_labels(file: Opened) -> bool:
    """Return whether a file is a NRRD that lists segments."""
    if not claims(file):
        return False
    _, pairs, _ = fields_of(file.path)
    return any(SEGMENT.fullmatch(key) for key in pairs)


def _grid(path: Path, watch: Watch) -> LabelGrid:
    header = header_of(path)
    stored = header.stored(watch)
    if stored.shape[-1] > LAYER_LIMIT:
        raise UnreadableFile(f"more than {LAYER_LIMIT} layers", where=str(path))
    layers = tuple(as_labels(stored[..., n], str(path)) for n in range(stored.shape[-1]))
    segments = _segments(header.pairs, path, layers=len(layers))
    if not segments:
        stem = SUFFIXES.sub("", path.name)
        values = values_in(layers[0], str(path)) if len(layers) == 1 else ()
        segments = named(values, {}, stem)
    if not segments:
        raise UnreadableFile("several values a voxel, and no segments named", where=str(path))
    return LabelGrid(layers, header.affine, segments)


def _segments(pairs: Mapping[str, str], path: Path, *, layers: int) -> tuple[Segment, ...]:
    """Return the segments that a file lists; raises UnreadableFile for impossible ones."""
    said: dict[int, dict[str, str]] = {}
    for key, text in pairs.items():
        if found := SEGMENT.fullmatch(key):
            said.setdefault(int(found[1]), {})[found[2]] = text
    if len(said) > LABEL_LIMIT:
        raise UnreadableFile(f"more than {LABEL_LIMIT} segments", where=str(path))
    result = []
    for number, one in sorted(said.items()):
        value, layer = 0, 0
        name = one.get("Name", one.get("ID", "")).strip() or f"label-{number + 1}"
        with suppress(ValueError):
            layer = int(one.get("Layer", number if layers > 1 else 0))
            value = int(one.get("LabelValue", "1"))
        if not 1 <= value <= HIGHEST_LABEL or not 0 <= layer < layers:
            raise UnreadableFile(f"segment {name!r} has no place in the file", where=str(path))
        result.append(Segment(name, value, code_of(one.get("Tags", "")), layer))
    if len({(s.value, s.layer) for s in result}) < len(result):
        raise UnreadableFile("two segments are the same voxels", where=str(path))
    return tuple(result)


def code_of(tags: str) -> CodedTerm | None:
    """Return the coded term of a segment's type from its tags, None where they give none."""
    entry = TERMINOLOGY.search(tags)
    fields = entry[1].split("~") if entry else []
    if len(fields) <= TYPE_FIELD or fields[TYPE_FIELD].count("^") != 2:
        return None
    scheme, value, meaning = (part.strip() for part in fields[TYPE_FIELD].split("^"))
    return CodedTerm(value, scheme, meaning) if scheme and value else None


LABELS: Final = label_format(KIND, _grid, says=says_labels, may_be=claims)
