"""LabelMap: which structure each voxel belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

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
class LabelMap:
    """Structures on a Volume's grid; an inner structure overrides the one that contains it.

    Args:
        labels: (ni, nj, nk) uint8, Fortran order, read-only; 0 is nothing.
        affine: (4, 4) float64, index → LPS mm.
        structures: one for each label value in use.
    """

    labels: NDArray[np.uint8]
    affine: NDArray[np.float64]
    structures: tuple[Structure, ...]

    def __post_init__(self) -> None:
        """Freeze the arrays; raise BadArgument for duplicate names or labels."""
        object.__setattr__(self, "labels", read_only(self.labels, np.uint8))
        object.__setattr__(self, "affine", checked_affine(self.affine))
        for values in ([s.name for s in self.structures], [s.label for s in self.structures]):
            if len(set(values)) != len(values):
                raise BadArgument("two structures share a name or a label", where=str(values))

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
            found += [s for s in self.structures if s.within == structure.name]
        return tuple(found)

    def mask(self, name: str) -> NDArray[np.bool_]:
        """Return (ni, nj, nk) bool: the structure with everything inside it, Fortran order."""
        wanted = np.zeros(256, dtype=bool)
        wanted[[s.label for s in self.inside(name)]] = True
        return wanted[self.labels]

    def volume_ml(self, name: str) -> float:
        """Volume in mL of the structure with everything inside it."""
        wanted = [s.label for s in self.inside(name)]
        return float(self._counts[wanted].sum()) * voxel_ml_of(self.affine)

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
        inside = np.zeros(256, dtype=bool)
        inside[[s.label for s in self.inside(name)]] = True
        faces = int(self._faces[inside[:, None] != inside[None, :]].sum())
        return faces * float(np.linalg.norm(np.cross(self.affine[:3, 0], self.affine[:3, 1])))

    @cached_property
    def _faces(self) -> NDArray[np.int64]:
        """(256, 256) int64: faces along k between a voxel of one label and one of another."""
        outside = np.zeros(self.labels.shape[:2], dtype=np.uint8, order="F")
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
            raise EmptyLabel(
                f"{name} has no voxels", where="labels", advice="segment it again or remove it"
            )
        return mask


def stacked(
    masks: dict[str, NDArray[Any]], structures: tuple[Structure, ...], affine: NDArray[Any]
) -> LabelMap:
    """Paint masks over each other, outermost structure first.

    Args:
        masks: structure name → (ni, nj, nk) bool.

    Raises:
        EmptyLabel: a mask has no voxels.
        MisplacedLabel: more than a tenth of a structure lies outside the one that contains it
            (what lies outside, up to that, is cut off).
    """
    labels = np.zeros(next(iter(masks.values())).shape, dtype=np.uint8, order="F")
    by_name = {s.name: s for s in structures}
    for structure in sorted(structures, key=lambda s: _depth(s, by_name)):
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
    return LabelMap(labels, np.asarray(affine, dtype=np.float64), structures)


def _depth(structure: Structure, by_name: dict[str, Structure]) -> tuple[int, int]:
    depth, inner = 0, structure
    while inner.within in by_name and depth < 16:
        depth, inner = depth + 1, by_name[inner.within]
    return depth, {"organ": 0, "other": 1, "vessel": 2, "tumour": 3}[structure.kind]
