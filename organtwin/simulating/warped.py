"""Images and labels after a deformation, on the grid they were on.

What each voxel shows, told by `Warped.shown`:

- `TISSUE`: the mesh covers its centre; the image is read, linearly between voxels, where that
  tissue was at rest.
- `SURROUNDINGS`: what the mesh never held. It is not modelled: the image is as it was.
- `VACATED`: the mesh left it, or its tissue was off the image. Nothing is known of it: `fill`.
- `BLENDED`: surroundings made to follow the organ, by how it moves at its nearest voxel, less and
  less up to `blend_mm` away; a picture without mechanics, and none unless asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import Beneath, LabelMap, trimmed
from organtwin.core.organmesh import OrganMesh
from organtwin.core.volume import Volume, checked_affine, spacing_of, voxel_ml_of
from organtwin.simulating.warping import covered, require_sound

Floats = NDArray[np.float64]
SURROUNDINGS, TISSUE, VACATED, BLENDED = range(4)
AIR_HU: Final = -1000.0
STEEPEST: Final = 1.25
"""Least width of a blend over the farthest the surface moves: narrower, it would fold."""
HALF: Final = 0.5 + 1e-6
SAME: Final = 1e-3
"""Of a voxel: sources nearer to each other are one."""


@dataclass(frozen=True, eq=False)
class Warped:
    """An image or labels after a deformation.

    Args:
        voxels: (ni, nj, nk), dtype as given, Fortran order.
        shown: (ni, nj, nk) uint8, Fortran order: what each voxel shows, as this module says.
        tissue_ml, vacated_ml, blended_ml: how much of the grid shows that.
        folded_ml: covered by tissue more than once: the organ runs into itself; the last shows.
        beyond_ml: covered by tissue that was off the image at rest; it counts as vacated.
        fill: what vacated voxels hold.
    """

    voxels: NDArray[Any]
    shown: NDArray[np.uint8]
    tissue_ml: float
    vacated_ml: float
    blended_ml: float
    folded_ml: float
    beyond_ml: float
    fill: float


@dataclass(frozen=True, eq=False)
class _Found:
    """Voxels that the deformed mesh covers: where, of which tetrahedron, from where."""

    voxels: NDArray[np.int64]
    cells: NDArray[np.int64]
    source: Floats
    shown: NDArray[np.uint8]
    held: NDArray[np.bool_]
    folded: int
    beyond: int


def warped_image(
    volume: Volume,
    mesh: OrganMesh,
    displacement_mm: NDArray[Any],
    *,
    fill: float | None = None,
    blend_mm: float = 0.0,
) -> Warped:
    """Return the image as it would look after the deformation.

    Args:
        displacement_mm: (n, 3) of the mesh's points, LPS.
        fill: value of what the organ leaves; air (-1000) in HU, else the image's least, when None.
        blend_mm: as far as the surroundings follow the organ; 0 not at all.

    Raises:
        BadArgument: as `require_sound`; a blend too narrow for how far the organ moves, a fill
            that the image's kind of numbers cannot hold, or a mesh that is not on the image.
        BadMesh: the displacement turns tetrahedra inside out.
    """
    points = require_sound(mesh, displacement_mm)
    voxels = np.asarray(volume.voxels)
    if fill is None:
        fill = AIR_HU if volume.unit == "HU" else float(voxels.min())
    _require_held(fill, voxels.dtype)
    found = _found(mesh, points, voxels.shape, volume.affine)
    result = np.array(voxels, order="F")
    flat, shown = result.reshape(-1, order="F"), found.shown.reshape(-1, order="F")
    flat[shown == VACATED] = fill
    flat[found.voxels] = _read(voxels, found.source)
    if blend_mm > 0.0:
        _blend(result, volume, found, blend_mm=blend_mm)
    return _told(result, found, volume.affine, fill)


def warped_labels(
    labels: NDArray[np.integer[Any]],
    affine: Floats,
    mesh: OrganMesh,
    displacement_mm: NDArray[Any],
    *,
    values: NDArray[np.integer[Any]],
    inner: Collection[int] = (),
) -> Warped:
    """Return a grid of labels after the deformation.

    A voxel in the deformed mesh gets the value of its tetrahedron's region, so that volumes are
    those of the mesh; one whose tissue was, at rest, in a voxel of `inner` gets that. Values of
    the mesh's regions and of `inner` are gone where the organ left; all others stay, except where
    it now is.

    Args:
        labels: (ni, nj, nk); `affine` (4, 4), index → LPS mm.
        displacement_mm: (n, 3) of the mesh's points, LPS.
        values: (m,) the value in `labels` of each tetrahedron's region.
        inner: values of structures in the organ that are no regions of the mesh.

    Raises:
        BadArgument, BadMesh: as `warped_image`.
    """
    points = require_sound(mesh, displacement_mm)
    found = _found(mesh, points, labels.shape, checked_affine(affine))
    result = _relabelled(labels, found, values, inner)
    return _told(result, found, affine, 0.0)


def warped_labelmap(
    labels: LabelMap, mesh: OrganMesh, displacement_mm: NDArray[Any]
) -> tuple[LabelMap, Warped]:
    """Return the structures after the deformation, and what each voxel shows.

    The mesh's regions are the structures of the same names; what lies within them goes along,
    voxel by voxel; all others stay where the organ does not cover them. As `warped_labels`.

    Raises:
        BadArgument, BadMesh: as `warped_labels`; a region of the mesh is no structure.
    """
    names = {s.label: s.name for s in mesh.structures}
    own = {label: labels.structure(names[label]).label for label in np.unique(mesh.regions)}
    values = np.array([own[label] for label in mesh.regions], np.uint8)
    inside = {s.label for name in names.values() for s in labels.inside(name)}
    points = require_sound(mesh, displacement_mm)
    found = _found(mesh, points, labels.labels.shape, labels.affine)
    result = _relabelled(labels.labels, found, values, inside - set(own.values()))
    below = (_beneath(one, found, goes=one.label in inside) for one in labels.beneath)
    hidden = (trimmed(b.label, b.start, b.voxels & (result != b.label)) for b in below)
    kept = tuple(b for b in hidden if b is not None)
    warped = _told(result, found, labels.affine, 0.0)
    return replace(labels, labels=result, beneath=kept), warped


def _found(mesh: OrganMesh, points_mm: Floats, shape: tuple[int, ...], affine: Floats) -> _Found:
    """What the mesh covers with its points at `points_mm`, and what it held at rest."""
    shown = np.zeros(shape, np.uint8, order="F")
    flat = shown.reshape(-1, order="F")
    for part in covered(mesh, mesh.points, shape, affine):
        flat[part.voxels] = VACATED
    held = shown == VACATED
    parts = list(covered(mesh, points_mm, shape, affine))
    if not any(len(part.voxels) for part in parts):
        raise BadArgument("the deformed mesh does not lie on this image", where="warp")
    voxels = np.concatenate([part.voxels for part in parts])
    cells = np.concatenate([part.cells for part in parts])
    source = np.concatenate([part.source for part in parts])
    there = ((source > -HALF) & (source < np.array(shape) - 1.0 + HALF)).all(axis=1)
    flat[voxels[~there]] = VACATED
    flat[voxels[there]] = TISSUE
    folded = _folded(voxels, source, flat.size)
    beyond = _different(voxels[~there], flat.size)
    return _Found(voxels[there], cells[there], source[there], shown, held, folded, beyond)


def _folded(voxels: NDArray[np.int64], source: Floats, size: int) -> int:
    """How many voxels have more than one source; on a face between cells they agree."""
    rows = np.arange(len(voxels), dtype=np.int32)
    last = np.zeros(size, np.int32)
    last[voxels] = rows
    again = np.flatnonzero(last[voxels] != rows)
    away = np.abs(source[again] - source[last[voxels[again]]]).max(axis=1)
    return _different(voxels[again[away > SAME]], size)


def _different(places: NDArray[np.int64], size: int) -> int:
    """How many different places there are among some of a grid of `size`."""
    marks = np.zeros(size, bool)
    marks[places] = True
    return int(np.count_nonzero(marks))


def _relabelled(
    labels: NDArray[Any], found: _Found, values: NDArray[Any], inner: Collection[int]
) -> NDArray[Any]:
    """The labels as `warped_labels` says."""
    result = np.array(labels, order="F")
    result[np.isin(labels, [*np.unique(values), *inner])] = 0
    flat = result.reshape(-1, order="F")
    flat[found.voxels] = values[found.cells]
    if inner:
        before = _nearest(labels, found.source)
        kept = np.isin(before, list(inner))
        flat[found.voxels[kept]] = before[kept]
    return result


def _beneath(one: Beneath, found: _Found, *, goes: bool) -> Beneath:
    """What lies beneath, on the whole grid: pulled along, or left where the organ is not now."""
    before = np.zeros(found.shown.shape, bool, order="F")
    before[one.box] = one.voxels
    after = np.zeros_like(before) if goes else before.copy(order="F")
    flat = after.reshape(-1, order="F")
    flat[found.voxels] = _nearest(before, found.source) if goes else False
    return Beneath(one.label, (0, 0, 0), after)


def _blend(result: NDArray[Any], volume: Volume, found: _Found, *, blend_mm: float) -> None:
    """Fill surroundings and what the organ left from around it, moved less the farther away."""
    shape, linear = found.shown.shape, volume.affine[:3, :3]
    at = np.stack(np.unravel_index(found.voxels, shape, order="F"), axis=1)
    moved = at - found.source
    farthest = float(np.linalg.norm(moved @ linear.T, axis=1).max())
    if blend_mm < STEEPEST * farthest:
        raise BadArgument(
            f"a blend of {blend_mm:g} mm is too narrow for tissue that moves {farthest:.1f} mm",
            where="warp",
            advice=f"blend over {STEEPEST * farthest:.0f} mm or more, or not at all",
        )
    spacing = np.array(spacing_of(volume.affine))
    margin = np.ceil(blend_mm / spacing).astype(int) + 1
    start = np.maximum(at.min(axis=0) - margin, 0)
    box = tuple(slice(a, b) for a, b in zip(start, at.max(axis=0) + margin + 1, strict=True))
    shown = found.shown[box]
    number = np.zeros(shown.shape, np.int32)
    number[tuple((at - start).T)] = np.arange(len(at))
    off, nearest = ndimage.distance_transform_edt(
        shown != TISSUE, sampling=spacing, return_indices=True
    )
    near = np.nonzero((off > 0.0) & (off < blend_mm))
    follows = moved[number[tuple(axis[near] for axis in nearest)]]
    source = np.stack(near, axis=1) + start - (1.0 - off[near] / blend_mm)[:, None] * follows
    known = ((source > -HALF) & (source < np.array(shape) - 1.0 + HALF)).all(axis=1)
    known &= ~_nearest(found.held, source)
    places = tuple(axis[known] for axis in near)
    result[box][places] = _read(np.asarray(volume.voxels), source[known])
    shown[places] = BLENDED


def _read(voxels: NDArray[Any], source: Floats) -> NDArray[Any]:
    """Return (k,) the image at indices (k, 3), linear between centres, of the image's kind."""
    values = ndimage.map_coordinates(voxels, source.T, np.float64, order=1, mode="nearest")
    rounded = np.rint(values) if np.issubdtype(voxels.dtype, np.integer) else values
    return np.asarray(rounded.astype(voxels.dtype))


def _nearest(voxels: NDArray[Any], source: Floats) -> NDArray[Any]:
    """Return (k,) the voxels nearest to indices (k, 3)."""
    i, j, k = np.clip(np.rint(source).astype(np.int64), 0, np.array(voxels.shape) - 1).T
    return np.asarray(voxels[i, j, k])


def _require_held(fill: float, dtype: np.dtype[Any]) -> None:
    held = np.isfinite(fill)
    if held and np.issubdtype(dtype, np.integer):
        bounds = np.iinfo(dtype)
        held = bounds.min <= fill <= bounds.max and float(fill).is_integer()
    if not held:
        raise BadArgument(f"voxels of {dtype} cannot hold {fill:g}", where="fill")


def _told(result: NDArray[Any], found: _Found, affine: Floats, fill: float) -> Warped:
    voxel_ml = voxel_ml_of(affine)
    kinds = (TISSUE, VACATED, BLENDED)
    tissue, vacated, blended = (np.count_nonzero(found.shown == kind) * voxel_ml for kind in kinds)
    return Warped(
        result,
        found.shown,
        tissue_ml=tissue,
        vacated_ml=vacated,
        blended_ml=blended,
        folded_ml=found.folded * voxel_ml,
        beyond_ml=found.beyond * voxel_ml,
        fill=float(fill),
    )
