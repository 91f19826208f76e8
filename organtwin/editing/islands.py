"""Islands: the separate pieces of a structure, kept, removed or made structures of their own.

Voxels that share a face belong to one piece (6 neighbours).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.boxes import Box
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import Structure
from organtwin.core.volume import to_index, voxel_ml_of
from organtwin.editing.asking import Asked, Form
from organtwin.editing.ground import Ground
from organtwin.editing.settling import Sheets, Turn, owners_at, redrawn
from organtwin.editing.tool import Edit, Redrawn
from solvers.contract import Parameter

SPLIT_LIMIT = 32
FORM = Form(
    "point",
    settings=(
        Parameter("least_ml", "mL", 0.0, 1e5, "pieces smaller than this go", "a choice", 1.0),
    ),
    choices={"keep": ("largest", "larger", "clicked", "unclicked", "split")},
)


def draw(ground: Ground, asked: Asked) -> tuple[Turn, ...] | Redrawn:
    """Keep the largest piece, those of at least `least_ml`, the one at a point or all but it.

    "split" makes each piece but the largest a structure of its own, named "liver-2"…; what lies
    inside the structure stays where it is.

    Raises:
        EmptyLabel: the structure has no voxels.
        BadArgument: no point, or none of the structure at it; more pieces to split than can be.
    """
    box = ground.box_around(asked.structure)
    pieces, count = ndimage.label(ground.labels.mask(asked.structure, box))
    sizes = np.bincount(pieces.ravel(order="K"), minlength=count + 1)
    sizes[0] = 0
    if asked.choices["keep"] == "split":
        return _split(
            ground, asked, (pieces, box), np.argsort(-sizes, kind="stable")[:count].tolist()
        )
    kept = np.zeros(count + 1, dtype=bool)
    if asked.choices["keep"] == "largest":
        kept[int(sizes.argmax())] = True
    elif asked.choices["keep"] == "larger":
        kept = sizes * voxel_ml_of(ground.affine) >= asked.numbers["least_ml"]
    else:
        kept[_clicked(ground, asked, pieces, box)] = True
        kept = kept if asked.choices["keep"] == "clicked" else ~kept
    kept[0] = True
    return (Turn(asked.structure, loses=ground.places(~kept[pieces], box)),)


def _clicked(ground: Ground, asked: Asked, pieces: NDArray[np.int32], box: Box) -> int:
    if len(asked.points_mm) != 1:
        raise BadArgument("one point is needed", where="points", advice="click the piece")
    index = np.rint(to_index(ground.affine, asked.points_mm[0])).astype(int)
    inside = [n - axis.start for n, axis in zip(index, box, strict=True)]
    there = all(0 <= n < size for n, size in zip(inside, pieces.shape, strict=True))
    piece = int(pieces[tuple(inside)]) if there else 0
    if not piece:
        raise BadArgument(
            f"there is no {asked.structure} at the point", where="points", advice="click a piece"
        )
    return piece


def _split(
    ground: Ground, asked: Asked, found: tuple[NDArray[np.int32], Box], by_size: Sequence[int]
) -> Redrawn:
    pieces, box = found
    labels = ground.labels
    if len(by_size) > SPLIT_LIMIT:
        raise BadArgument(
            f"{asked.structure} has {len(by_size)} pieces, more than {SPLIT_LIMIT}",
            advice="remove the small ones first",
        )
    parent = labels.structure(asked.structure)
    new = _fresh(labels.structures, parent, len(by_size) - 1)
    at = labels.structures.index(parent) + 1
    structures = (*labels.structures[:at], *new, *labels.structures[at:])
    found_sheets: list[Sheets] = []
    for piece, structure in zip(by_size[1:], new, strict=True):
        where = ground.places(pieces == piece, box)
        before = owners_at(ground.canvas, where)
        after = {(structure.label if o == parent.label else o): m for o, m in before.items()}
        found_sheets.append(redrawn(ground.canvas, where, before, after, structures=structures))
    return Redrawn(tuple(found_sheets), structures)


def _fresh(old: Sequence[Structure], parent: Structure, count: int) -> list[Structure]:
    """Return structures like the parent with free names and labels."""
    names, used = {s.name for s in old}, {s.label for s in old}
    first = 101 if parent.kind == "tumour" else 11
    free = [n for n in (*range(first, 256), *range(11, first)) if n not in used][:count]
    if len(free) < count:
        raise BadArgument("there is no label left", advice="remove a structure first")
    stem = "tumour" if parent.kind == "tumour" else parent.name
    titles = (f"{stem}-{n}" for n in range(1 if parent.kind == "tumour" else 2, 1000))
    free_titles = (title for title in titles if title not in names)
    return [replace(parent, name=next(free_titles), label=label) for label in free]


EDIT = Edit("islands", "Keep, remove or split the pieces of a structure", draw, FORM)
