"""Label maps to mesh: a liver-size phantom, the sample patient, shared sets, random maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.labelmap import LabelMap, Structure, StructureKind
from organtwin.core.volume import to_lps
from organtwin.core.watch import Watch
from organtwin.importing import labels_at
from organtwin.organs import TUMOUR_CODE
from organtwin.organs.liver import LIVER, ORGAN

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
SAMPLE = ROOT / "sample_dicom"
Voxels = NDArray[np.uint8]


def structure(name: str, label: int, kind: StructureKind = "other", within: str = "") -> Structure:
    """Return a structure of a plain name."""
    code = TUMOUR_CODE if kind == "tumour" else LIVER
    return Structure(name, label, kind, code, (0.5, 0.5, 0.5), within)


def map_of(voxels: NDArray[np.integer], spacing_mm: tuple[float, float, float]) -> LabelMap:
    """Return a label map of structures "s1", "s2", … of kind "other"."""
    found = tuple(structure(f"s{n}", int(n)) for n in np.unique(voxels[voxels > 0]))
    placed = np.diag([*spacing_mm, 1.0])
    return LabelMap(np.asfortranarray(voxels, dtype=np.uint8), placed, found)


def phantom() -> LabelMap:
    """256 by 256 by 128: a liver of 1.3 L, tumours of 11.5 and 7.6 mL, a vessel tree."""
    size = (256, 256, 128)
    affine = np.diag([0.8, 0.8, 1.25, 1.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(size) - 1) / 2)
    at = to_lps(affine, np.stack(np.indices(size), axis=-1))
    x, y, z = (at[..., axis] for axis in range(3))
    labels = np.zeros(size, dtype=np.uint8, order="F")
    dent = 1.0 + 0.10 * np.sin(x / 17.0) * np.cos(y / 21.0) - 0.12 * np.tanh((x - 20.0) / 25.0)
    labels[(x / 86.0) ** 2 + (y / 68.0) ** 2 + (z / 58.0) ** 2 < dent] = 1
    tree = np.zeros(size, dtype=bool)
    for start, end, radius in _branches():
        tree |= _near(at, np.array(start), np.array(end)) < radius
    labels[tree & (labels > 0)] = 2
    for number, (centre, radius) in enumerate((((-35, -10, 8), 14.0), ((30, 22, -12), 12.2))):
        labels[((at - centre) ** 2).sum(-1) < radius**2] = 101 + number
    tumours = [structure(f"tumour-{n}", 100 + n, "tumour", "liver") for n in (1, 2)]
    return LabelMap(labels, affine, (*ORGAN.structures[:2], *tumours))


def _branches() -> list[tuple[tuple[float, ...], tuple[float, ...], float]]:
    found = []
    ends = [((0.0, -60.0, 0.0), (0.0, -20.0, 0.0), 6.0)]
    rng = np.random.default_rng(11)
    for _ in range(4):
        following = []
        for start, end, radius in ends:
            found.append((start, end, radius))
            along = (np.array(end) - start) / np.linalg.norm(np.array(end) - start)
            for _ in range(2):
                turned = along + 0.9 * rng.normal(size=3)
                tip = np.array(end) + 24.0 * turned / np.linalg.norm(turned)
                following.append((end, tuple(tip.tolist()), 0.75 * radius))
        ends = following
    return found


def _near(at: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> Voxels:
    share = np.clip(((at - a) @ (b - a)) / ((b - a) @ (b - a)), 0.0, 1.0)
    return np.linalg.norm(at - a - share[..., None] * (b - a), axis=-1)


def sample() -> Iterator[tuple[str, LabelMap]]:
    """The sample patient's labels of each visit, from the truth."""
    for path in sorted((SAMPLE / "truth").glob("*_seg.dcm")):
        yield f"sample {path.stem}", labels_at(path, ORGAN, beside=SAMPLE, watch=Watch())[0]


def shared() -> Iterator[tuple[str, LabelMap]]:
    """Every labelled set of the shared images."""
    sought = (
        "totalseg-abdomen-3mm/labels*.nii.gz",
        "totalseg-abdomen-3mm/organs_v1/*.nii.gz",
        "ccth-a01-abdomen/RTstruct.dcm",
        "remind-022-brain-mr/Tumor_segmentation.dcm",
        "sts-002/nifti/*_mask.nii.gz",
        "sts-002/dicom/*/mask/RS.dcm",
        "btp-longitudinal-a/*/*_Mask.nii.gz",
        "odd-dicom-a/seg-liver-3slices/liver.dcm",
        "odd-dicom-a/seg-liver-3slices/partial_overlaps.dcm",
    )
    for path in (path for pattern in sought for path in sorted(SHARED.glob(pattern))):
        beside = path.parents[1] if path.name == "RS.dcm" else None
        labels, _ = labels_at(path, ORGAN, beside=beside, watch=Watch())
        yield str(path.relative_to(SHARED)), labels


def random_maps(count: int, seed: int, size: int = 24) -> Iterator[tuple[str, LabelMap]]:
    """Random maps, each kind in turn, on grids of spacings 1, (1, 1, 2.5) and (0.8, 0.9, 1.2)."""
    spacings = ((1.0, 1.0, 1.0), (1.0, 1.0, 2.5), (0.8, 0.9, 1.2))
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        kind, make = list(KINDS.items())[number % len(KINDS)]
        spacing = spacings[(number // len(KINDS)) % len(spacings)]
        yield f"random {number} {kind}", map_of(make(rng, size), spacing)


def _smooth(rng: np.random.Generator, size: int, width: float) -> NDArray[np.float64]:
    found: NDArray[np.float64] = ndimage.gaussian_filter(rng.normal(size=(size,) * 3), width)
    return found / found.std()


def _ball(size: int, centre: NDArray[np.float64], radius: float) -> NDArray[np.bool_]:
    at = np.stack(np.indices((size,) * 3), axis=-1)
    inside: NDArray[np.bool_] = ((at - centre) ** 2).sum(axis=-1) < radius**2
    return inside


def _organ(rng: np.random.Generator, size: int) -> Voxels:
    at = (np.stack(np.indices((size,) * 3), axis=-1) - (size - 1) / 2) / (0.42 * size)
    return ((at**2).sum(-1) < 1 + 0.2 * _smooth(rng, size, 4.0)).astype(np.uint8)


def _capsule(rng: np.random.Generator, size: int) -> Voxels:
    labels = _organ(rng, size)
    towards = rng.normal(size=3)
    centre = size / 2 + 0.33 * size * towards / np.linalg.norm(towards)
    labels[_ball(size, centre, rng.uniform(2.0, 5.0)) & (labels > 0)] = 2
    return labels


def _touching(rng: np.random.Generator, size: int) -> Voxels:
    labels, centre = _organ(rng, size), size / 2 + rng.uniform(-3, 3, 3)
    step = rng.normal(size=3)
    step /= np.linalg.norm(step)
    for number, radius in enumerate(rng.uniform(2.0, 4.5, 3)):
        labels[_ball(size, centre + 4.5 * (number - 1) * step, radius) & (labels > 0)] = 2 + number
    return labels


def _vessels(rng: np.random.Generator, size: int) -> Voxels:
    labels = _organ(rng, size)
    for number in range(4):
        at, heading = np.full(3, size / 2), rng.normal(size=3)
        for _ in range(60):
            heading += 0.4 * rng.normal(size=3)
            at = at + 0.5 * heading / np.linalg.norm(heading)
            voxel = tuple(np.clip(np.rint(at).astype(int), 1, size - 2))
            labels[voxel] = 2 + number % 2
    return labels


def _islands(rng: np.random.Generator, size: int) -> Voxels:
    labels = np.zeros((size,) * 3, dtype=np.uint8)
    for _ in range(12):
        inside = _ball(size, rng.uniform(2, size - 2, 3), rng.uniform(0.7, 4.0))
        labels[inside] = rng.integers(1, 4)
    return labels


def _holes(rng: np.random.Generator, size: int) -> Voxels:
    labels = _organ(rng, size)
    for _ in range(8):
        labels[_ball(size, size / 2 + rng.uniform(-7, 7, 3), rng.uniform(0.7, 2.5))] = 0
    return labels


def _checkerboard(rng: np.random.Generator, size: int) -> Voxels:
    at, step = np.indices((size // 2,) * 3), int(rng.integers(1, 4))
    odd = (at // step).sum(axis=0) % 2
    return (odd + rng.integers(0, 2)).astype(np.uint8)


def _blobs(rng: np.random.Generator, size: int) -> Voxels:
    count, width = int(rng.integers(2, 6)), rng.uniform(1.0, 3.5)
    fields = np.stack([_smooth(rng, size, width) for _ in range(count)])
    return fields.argmax(axis=0).astype(np.uint8)


def _noise(rng: np.random.Generator, size: int) -> Voxels:
    small = (size // 3,) * 3
    return (rng.random(small) < 0.3).astype(np.uint8) * rng.integers(1, 3, small).astype(np.uint8)


def _sheets(rng: np.random.Generator, size: int) -> Voxels:
    field = _smooth(rng, size, 3.0)
    labels = np.where(abs(field) < 0.12, 2, (field > 0).astype(int) * rng.integers(0, 2))
    return labels.astype(np.uint8)


KINDS: Mapping[str, Callable[[np.random.Generator, int], Voxels]] = {
    "tumour at the capsule": _capsule,
    "touching tumours": _touching,
    "one-voxel vessels": _vessels,
    "islands": _islands,
    "holes": _holes,
    "checkerboard": _checkerboard,
    "blobs": _blobs,
    "noise": _noise,
    "sheets": _sheets,
}
