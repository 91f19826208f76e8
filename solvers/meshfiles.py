"""Arrays in, fields out: bounded, checked, without pickle."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.distance import DistanceMap
from solvers.failures import BadInput
from solvers.refinement import Mesh
from solvers.tetrahedra import volumes_mm3

MOST_BYTES: Final = 4 * 2**30
MOST_NODES: Final = 2_000_000
MOST_CELLS: Final = 12_000_000
FARTHEST_MM: Final = 1e5


def array_hash(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's bytes in C order, hexadecimal: as in `Job.inputs`."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def read_arrays(path: Path, hashes: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """Return every array of an ``.npz`` by name.

    Args:
        hashes: the hash each array must have, by name.

    Raises:
        BadInput: not such a file, larger than `MOST_BYTES`, or not what `hashes` says.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MOST_BYTES:
                raise BadInput(f"{path.name} unpacks to more than {MOST_BYTES} bytes")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise BadInput(f"{path.name} cannot be read: {error}") from error
    if set(arrays) != set(hashes):
        odd = sorted(set(arrays) ^ set(hashes))
        raise BadInput(f"{path.name} and the job's inputs differ in: {', '.join(odd)}")
    for name, expected in hashes.items():
        if array_hash(arrays[name]) != expected:
            raise BadInput(f"the array {name!r} is not the one the job names (its hash differs)")
    return arrays


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an ``.npz`` under a temporary name, flush it to disk, and give it its name."""
    draft = path.with_suffix(".part")
    with draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **dict(arrays))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def mesh_from(arrays: Mapping[str, NDArray[Any]]) -> Mesh:
    """Return the job's mesh from ``points_mm``, ``tetrahedra`` and ``regions``.

    Raises:
        BadInput: missing, of a wrong shape, not finite, out of range, or with an empty cell.
    """
    points = real_array(arrays, "points_mm", (None, 3))
    cells = index_array(arrays, "tetrahedra", 4, len(points))
    regions = _found(arrays, "regions")
    if regions.shape != (len(cells),) or regions.dtype.kind not in "iu":
        raise BadInput(f"regions: expected integers of shape ({len(cells)},)")
    if not 4 <= len(points) <= MOST_NODES or not 1 <= len(cells) <= MOST_CELLS:
        raise BadInput(f"a mesh of {len(points)} points and {len(cells)} cells is out of bounds")
    unused = len(points) - len(np.unique(cells))
    if unused:
        raise BadInput(f"{unused} points belong to no tetrahedron: leave them out")
    volumes = volumes_mm3(points, cells)
    if volumes.min() <= 1e-9 * volumes.mean():
        raise BadInput(f"tetrahedron {int(volumes.argmin())} is flat: its volume is zero")
    return Mesh(points, cells, regions.astype(np.int32))


def distance_map(arrays: Mapping[str, NDArray[Any]], name: str) -> DistanceMap:
    """Return the distance map of the arrays ``<name>_mm`` and ``<name>_affine``.

    Raises:
        BadInput: missing, of a wrong shape, not finite, or with an affine that is no map.
    """
    values = real_array(arrays, f"{name}_mm", (None, None, None))
    affine = real_array(arrays, f"{name}_affine", (4, 4))
    if min(values.shape) < 2:
        raise BadInput(f"{name}_mm: at least two voxels along each axis are needed")
    if abs(np.linalg.det(affine[:3, :3])) < 1e-9 or (affine[3] != (0, 0, 0, 1)).any():
        raise BadInput(f"{name}_affine maps no grid to LPS mm")
    return DistanceMap(values.astype(np.float32), affine)


def real_array(
    arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int | None, ...]
) -> NDArray[np.float64]:
    """Return one input as float64; BadInput unless of `shape` (None: any), finite and near."""
    array = _found(arrays, name)
    if array.dtype.kind not in "fiu" or array.ndim != len(shape):
        raise BadInput(f"{name}: expected numbers in {len(shape)} dimensions")
    if any(
        want is not None and want != have for want, have in zip(shape, array.shape, strict=True)
    ):
        raise BadInput(f"{name}: its shape is {array.shape}, expected {shape}")
    if not (np.abs(array) <= FARTHEST_MM).all():
        raise BadInput(f"{name}: a value is not finite or beyond {FARTHEST_MM:.0f}")
    return np.ascontiguousarray(array, dtype=np.float64)


def index_array(
    arrays: Mapping[str, NDArray[Any]], name: str, width: int | None, size: int
) -> NDArray[np.int32]:
    """Return one input as int32 indices into `size` points: (k,) or (k, `width`); else BadInput."""
    array = _found(arrays, name)
    shaped = array.ndim == 1 if width is None else array.ndim == 2 and array.shape[1] == width
    if array.dtype.kind not in "iu" or not shaped:
        raise BadInput(f"{name}: expected integer indices, of {width or 1} a row")
    if array.size and (array.min() < 0 or array.max() >= size):
        raise BadInput(f"{name}: an index is outside 0..{size - 1}")
    return np.ascontiguousarray(array, dtype=np.int32)


def _found(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    if name not in arrays:
        raise BadInput(f"the input array {name!r} is missing")
    return arrays[name]
