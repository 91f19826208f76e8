"""LabelMap: which structure each voxel belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.core.boxes import Box, bounding, shared, whole
from organtwin.core.content import noun, read_only
from organtwin.core.errors import BadArgument, EmptyLabel, MisplacedLabel
from organtwin.core.volume import GeometryReport, checked_affine, voxel_ml_of

COUNTED_AT_ONCE: Final = 1 << 20
StructureKind = Literal["organ", "tumour", "vessel", "other"]


@noun
@dataclass(frozen=True)
class CodedTerm:
    """A term of a coding scheme, such as ("10200004", "SCT", "Liver")."""

    value: str
    scheme: str
    meaning: str


@noun
@dataclass(frozen=True)
class Structure:
    """One thing in the patient.

    Args:
        name: unique within a LabelMap ("liver", "portal-vein", "tumour-1").
        label: the voxel value, 1..255.
        colour: red, green, blue, each 0..1.
        within: name of the structure that contains it, "" at the outermost.
    """

    name: str
    label: int
    kind: StructureKind
    code: CodedTerm
    colour: tuple[float, float, float]
    within: str = ""


@noun
@dataclass(frozen=True, eq=False)
class Beneath:
    """Voxels of one structure that do not show, because another is drawn over them.

    Args:
        label: of the structure beneath.
        start: index (i, j, k) of the first voxel of a box on the LabelMap's grid.
        voxels: (bi, bj, bk) bool, Fortran order, read-only: which of the box are meant.
    """

    label: int
    start: tuple[int, int, int]
    voxels: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Freeze the array; raise BadArgument for a box that is none."""
        object.__setattr__(self, "voxels", read_only(self.voxels, bool))
        if self.voxels.ndim != 3 or len(self.start) != 3 or min(self.start) < 0:
            raise BadArgument("what lies beneath is a box of voxels", where=str(self.start))

    @property
    def box(self) -> Box:
        """Where it lies on the grid."""
        i, j, k = (slice(a, a + n) for a, n in zip(self.start, self.voxels.shape, strict=True))
        return i, j, k


@noun
@dataclass(frozen=True, eq=False)
class LabelMap:
    """Structures on a Volume's grid, which may overlap.

    A structure is a part of the one it lies `within`. Where others share a voxel, `labels` shows
    the one drawn last; the others' voxel is in `beneath`. Masks, volumes and all else that is told
    of a structure hold what lies beneath.

    Args:
        labels: (ni, nj, nk) uint8, Fortran order, read-only; 0 is nothing.
        affine: (4, 4) float64, index → LPS mm.
        structures: one for each label value in use, in the order of drawing: later over earlier,
            and what lies within another after that one.
        beneath: at most one for each structure.
    """

    labels: NDArray[np.uint8]
    affine: NDArray[np.float64]
    structures: tuple[Structure, ...]
    beneath: tuple[Beneath, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the arrays; raise BadArgument for duplicates and for what lies off the grid."""
        object.__setattr__(self, "labels", read_only(self.labels, np.uint8))
        object.__setattr__(self, "affine", checked_affine(self.affine))
        known = [s.label for s in self.structures]
        for values in ([s.name for s in self.structures], known, [b.label for b in self.beneath]):
            if len(set(values)) != len(values):
                raise BadArgument("two structures share a name or a label", where=str(values))
        for below in self.beneath:
            ends = (axis.stop for axis in below.box)
            fits = all(end <= n for end, n in zip(ends, self.labels.shape, strict=True))
            if below.label not in known or not fits:
                raise BadArgument("what lies beneath is on no structure or off the grid")

    def structure(self, name: str) -> Structure:
        """Return the structure of that name; raises BadArgument when there is none."""
        for structure in self.structures:
            if structure.name == name:
                return structure
        raise BadArgument(
            f"no structure {name!r}",
            advice="there are: " + ", ".join(s.name for s in self.structures),
        )

    def of_kind(self, kind: StructureKind) -> tuple[Structure, ...]:
        """Return the structures of one kind, in order of label."""
        return tuple(sorted((s for s in self.structures if s.kind == kind), key=lambda s: s.label))

    def inside(self, name: str) -> tuple[Structure, ...]:
        """Return the structure and everything that lies within it, however deep."""
        found = [self.structure(name)]
        for structure in found:
            inner = (s for s in self.structures if s.within == structure.name)
            found += [s for s in inner if s not in found]
        return tuple(found)

    def mask(self, name: str, box: Box | None = None) -> NDArray[np.bool_]:
        """Return (ni, nj, nk) bool: the structure with everything inside it, Fortran order.

        Args:
            box: slices of the grid to look at only, the whole without.
        """
        wanted = self._wanted(name)
        mask: NDArray[np.bool_] = wanted[self.labels if box is None else self.labels[box]]
        for below in self.beneath:
            if wanted[below.label]:
                here, there = shared(below.box, box or whole(self.labels.shape))
                mask[there] |= below.voxels[here]
        return mask

    def own(self, name: str) -> NDArray[np.bool_]:
        """Return (ni, nj, nk) bool: the structure without what lies within it, Fortran order."""
        label = self.structure(name).label
        mask: NDArray[np.bool_] = self.labels == label
        for below in self.beneath:
            if below.label == label:
                mask[below.box] |= below.voxels
        return mask

    def has_own(self, name: str) -> bool:
        """Whether the structure has voxels that belong to nothing inside it."""
        label = self.structure(name).label
        return bool(self._counts[label]) or label in [b.label for b in self.beneath]

    def shown(self, name: str) -> int:
        """Voxels of `labels` that show the structure or anything inside it."""
        return int(self._counts[self._wanted(name)].sum())

    def volume_ml(self, name: str) -> float:
        """Volume in mL of the structure with everything inside it."""
        return float(self.shown(name) + self._hidden(self._wanted(name))) * voxel_ml_of(self.affine)

    def _wanted(self, name: str) -> NDArray[np.bool_]:
        """(256,) bool: the labels of a structure and of everything inside it."""
        wanted = np.zeros(256, dtype=bool)
        wanted[[s.label for s in self.inside(name)]] = True
        return wanted

    def _hidden(self, wanted: NDArray[np.bool_]) -> int:
        """Return the number of voxels of some labels where none of them shows."""
        meant = [b for b in self.beneath if wanted[b.label]]
        if not meant:
            return 0
        around = bounding([b.box for b in meant])
        hidden = np.zeros([axis.stop - axis.start for axis in around], dtype=bool, order="F")
        for below in meant:
            here, there = shared(below.box, around)
            hidden[there] |= below.voxels[here]
        return int(np.count_nonzero(hidden & ~wanted[self.labels[around]]))

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        """(256,) int64: voxels of each label; bincount widens what it counts, so in parts."""
        line = self.labels.ravel(order="K")
        counts = np.zeros(256, dtype=np.int64)
        for start in range(0, line.size, COUNTED_AT_ONCE):
            counts += np.bincount(line[start : start + COUNTED_AT_ONCE], minlength=256)
        return counts

    def ends_mm2(self, name: str) -> float:
        """Area in mm² of the faces between voxels inside and outside along k: what slices cut.
        Where the structure reaches the first or last plane it counts as ending there.
        """
        inside = self._wanted(name)
        faces = int(self._faces[inside[:, None] != inside[None, :]].sum())
        meant = [below.box for below in self.beneath if inside[below.label]]
        if meant:
            i, j, k = bounding(meant)
            box = (i, j, slice(max(k.start - 1, 0), k.stop + 1))
            for sign, mask in ((1, self.mask(name, box)), (-1, inside[self.labels[box]])):
                ends = np.pad(mask, ((0, 0), (0, 0), (1, 1)))
                faces += sign * int(np.count_nonzero(ends[:, :, 1:] != ends[:, :, :-1]))
        return faces * float(np.linalg.norm(np.cross(self.affine[:3, 0], self.affine[:3, 1])))

    @cached_property
    def _faces(self) -> NDArray[np.int64]:
        """(256, 256) int64: faces along k between a voxel of one label and one of another."""
        outside = np.zeros(self.labels.shape[:2], np.uint8)
        planes = [outside, *np.moveaxis(self.labels, 2, 0), outside]
        counts = np.zeros(256 * 256, dtype=np.int64)
        for below, above in pairwise(planes):
            differ = below != above
            pairs = 256 * below[differ].astype(np.intp) + above[differ]
            counts += np.bincount(pairs, minlength=counts.size)
        return counts.reshape(256, 256)

    def unsure_ml(self, name: str, geometry: GeometryReport) -> float:
        """Return the mL by which the geometry of the images may change `volume_ml`.

        Between two measured slices the surface lies anywhere; taken half-way it is off by at most
        half their distance, `GeometryReport.unsure_mm`. The volume changes by that times the area
        seen along the normal (Cavalieri; first order), all ends off to one side at once, and by
        what the header says against the positions. What no slice met at all is not in it.
        """
        doubted_ml = geometry.doubt_part * self.volume_ml(name)
        return geometry.unsure_mm * self.ends_mm2(name) / 1000.0 + doubted_ml

    def require(self, name: str) -> NDArray[np.bool_]:
        """Return the mask of a structure; raises EmptyLabel when it has no voxels."""
        mask = self.mask(name)
        if not mask.any():
            raise EmptyLabel(f"{name} has no voxels", "labels", "segment it again or remove it")
        return mask


def trimmed(label: int, start: tuple[int, ...], voxels: NDArray[np.bool_]) -> Beneath | None:
    """Return the voxels of a box without its empty margins, None where none is set."""
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        used = np.flatnonzero(voxels.any(axis=others))
        if not used.size:
            return None
        box.append(slice(int(used[0]), int(used[-1]) + 1))
    i, j, k = (int(a) + b.start for a, b in zip(start, box, strict=True))
    return Beneath(label, (i, j, k), np.asfortranarray(voxels[tuple(box)]))


def stacked(
    masks: dict[str, NDArray[Any]],
    structures: tuple[Structure, ...],
    affine: NDArray[Any],
    *,
    overlapping: bool = False,
) -> LabelMap:
    """Paint masks over each other, outermost structure first.

    Args:
        masks: structure name → (ni, nj, nk) bool.
        overlapping: whether a structure keeps the voxels that another is painted over (beneath);
            else they are the later one's alone.

    Raises:
        EmptyLabel: a mask has no voxels.
        MisplacedLabel: more than a tenth of a structure lies outside the one that contains it
            (what lies outside, up to that, is cut off).
    """
    labels = np.zeros(next(iter(masks.values())).shape, dtype=np.uint8, order="F")
    by_name = {s.name: s for s in structures}
    ordered = sorted(structures, key=lambda s: _depth(s, by_name))
    painted: dict[str, NDArray[np.bool_]] = {}
    for structure in ordered:
        mask = np.asarray(masks[structure.name], dtype=bool)
        if not mask.any():
            raise EmptyLabel(f"{structure.name} has no voxels", where="labels")
        if structure.within in masks:
            inside = mask & masks[structure.within]
            if inside.sum() < 0.9 * mask.sum():
                raise MisplacedLabel(
                    f"{structure.name} lies outside {structure.within}",
                    where="labels",
                    advice=f"check both; {1 - inside.sum() / mask.sum():.0%} of it is outside",
                )
            mask = inside
        labels[mask] = structure.label
        painted[structure.name] = mask
    top = LabelMap(labels, np.asarray(affine), tuple(ordered) if overlapping else structures)
    if not overlapping:
        return top
    hidden = (s for s in ordered if np.count_nonzero(painted[s.name]) > top.shown(s.name))
    kept = (trimmed(s.label, (0, 0, 0), painted[s.name] & ~top.mask(s.name)) for s in hidden)
    return replace(top, beneath=tuple(below for below in kept if below is not None))


def _depth(structure: Structure, by_name: dict[str, Structure]) -> tuple[int, int]:
    depth, inner = 0, structure
    while inner.within in by_name and depth < 16:
        depth, inner = depth + 1, by_name[inner.within]
    return depth, {"organ": 0, "other": 1, "vessel": 2, "tumour": 3}[structure.kind]
