"""Automatic liver and veins, tumours from one line, on every visit of the sample patient.

``python benchmarks/segmenting_automatic.py [--json] [--real FOLDER]`` prints each figure with its
goal; exit status 1 when a goal is missed. `benchmarks/segmentation.py` imports `sample_figures` and
`real_figures`.

- Dice as in Dice 1945; "centreline" is the share of the truth's skeleton (`skeletonize`, Lee 1994)
  that lies in any vein found, "own tree" in the tree of its name.
- A tumour's line is its longest diameter within a slice of the truth, its click the line's middle.
- Seconds are of this process (`time.process_time`), so that a busy machine does not disturb them.
- Real images (``--real ../shared/data``): TotalSegmentator's own labels at 3 mm, no gold standard,
  and a radiotherapist's contours; both without contrast.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from skimage.morphology import skeletonize

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume, to_lps
from organtwin.core.watch import Watch
from organtwin.importing import label_source, open_images, read_masks, read_volume, scan
from organtwin.organs import organ
from organtwin.segmenting import Request, Seeds, method

SAMPLE = Path(__file__).resolve().parents[1] / "sample_dicom"
LIVER = organ("liver")
Flags = NDArray[np.bool_]
Goals = dict[str, float]
GOALS: Goals = {"liver": 0.96, "tumour": 0.90, "portal-vein": 0.75, "centreline": 0.90}
REAL_GOAL = 0.95


@dataclass(frozen=True)
class Figure:
    """One figure; goal None where it is only told."""

    what: str
    figure: float
    goal: float | None = None

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        return self.goal is None or self.figure >= self.goal

    @property
    def line(self) -> str:
        """One line for a person."""
        goal = "" if self.goal is None else f"  goal {self.goal:g}"
        return f"{self.what:52} {self.figure:8.3f}{goal}{'' if self.reached else '  MISSED'}"


def sample_figures() -> Iterator[Figure]:
    """Figures of each visit of the sample patient."""
    for day, volume, truth in sample_visits():
        yield from _automatic(day, volume, truth)
        yield from _clicked(day, volume, truth)


def sample_visits() -> Iterator[tuple[str, Volume, dict[str, Flags]]]:
    """Name, image and true masks of each visit of the sample patient."""
    for folder in sorted((SAMPLE / "images").iterdir()):
        volume = read_volume(scan(folder, Watch()).series[0], Watch())
        source = scan(SAMPLE / "truth" / f"{folder.name}_seg.dcm", Watch()).labels[0]
        truth = {
            m.name.lower().replace(" ", "-"): np.asarray(m.voxels)
            for m in read_masks(source, volume, Watch())
        }
        yield folder.name, volume, truth


def _automatic(day: str, volume: Volume, truth: dict[str, Flags]) -> Iterator[Figure]:
    started = time.process_time()
    labels = method("liver-ct").labelled(Request(volume, LIVER), Watch())
    yield Figure(f"{day} liver-ct, s", time.process_time() - started)
    veins = np.zeros(volume.voxels.shape, bool)
    for one in labels.of_kind("vessel"):
        veins |= labels.mask(one.name)
    yield Figure(f"{day} liver Dice", dice(labels.mask("liver"), truth["liver"]), GOALS["liver"])
    for name in ("portal-vein", "hepatic-vein"):
        named = any(s.name == name for s in labels.structures)
        found = labels.mask(name) if named else np.zeros_like(veins)
        centre = skeletonize(truth[name])
        yield Figure(f"{day} {name} Dice", dice(found, truth[name]), GOALS.get(name))
        goal = GOALS["centreline"] if name == "portal-vein" else None
        yield Figure(f"{day} {name} centreline", float(veins[centre].mean()), goal)
        yield Figure(f"{day} {name} centreline, own tree", float(found[centre].mean()), goal)


def _clicked(day: str, volume: Volume, truth: dict[str, Flags]) -> Iterator[Figure]:
    organ_only = LabelMap(
        truth["liver"].astype(np.uint8), volume.affine, (LIVER.structure("liver"),)
    )
    for name in (n for n in truth if n.startswith("tumour")):
        for so_far, said in ((None, "no labels"), (organ_only, "liver labelled")):
            seeds = Seeds(diameters={name: longest_line(truth[name], volume)})
            labels = method("tumour-click").labelled(Request(volume, LIVER, seeds, so_far), Watch())
            found = labels.mask(name)
            yield Figure(f"{day} {name} Dice, {said}", dice(found, truth[name]), GOALS["tumour"])
            ratio = float(found.sum() / truth[name].sum())
            yield Figure(f"{day} {name} volume ratio, {said}", ratio)


def real_figures(data: Path) -> Iterator[Figure]:
    """Liver Dice on the two real CT of the shared data, without contrast."""
    total = data / "totalseg-abdomen-3mm"
    with open_images(total / "example_ct.nii.gz", Watch()) as images:
        read = images.volume(images.scan.series[0], Watch())
    volume = replace(read, unit="HU", modality="CT")  # a NIfTI file does not say so
    source = label_source(total / "organs_v1" / "liver.nii.gz")
    liver = read_masks(source, volume, Watch())[0].voxels
    yield _real("totalseg-abdomen-3mm", volume, liver)
    found = scan(data / "ccth-a01-abdomen", Watch())
    series = next(s for s in found.series if s.modality == "CT")
    volume = read_volume(series, Watch())
    masks = read_masks(found.labels[0], volume, Watch())
    yield _real("ccth-a01-abdomen", volume, next(m.voxels for m in masks if m.name == "liver"))


def _real(name: str, volume: Volume, truth: Flags) -> Figure:
    labels = method("liver-ct").labelled(Request(volume, LIVER), Watch())
    return Figure(f"{name} liver Dice", dice(labels.mask("liver"), np.asarray(truth)), REAL_GOAL)


def longest_line(
    mask: Flags, volume: Volume
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Ends (LPS mm) of a mask's longest diameter within a slice, at the voxels' outer edges."""
    best, ends = 0.0, np.zeros((2, 3))
    for k in np.unique(np.nonzero(mask)[2]):
        index = np.argwhere(mask[:, :, k])
        points = to_lps(volume.affine, np.column_stack([index, np.full(len(index), k)]))
        far = cdist(points, points)
        a, b = np.unravel_index(int(np.argmax(far)), far.shape)
        if far[a, b] > best:
            best, ends = float(far[a, b]), points[[a, b]]
    edge = (ends[1] - ends[0]) / best * 0.5 * min(volume.spacing_mm)
    first, last = (tuple(float(x) for x in p) for p in (ends[0] - edge, ends[1] + edge))
    return (first[0], first[1], first[2]), (last[0], last[1], last[2])


def dice(a: Flags, b: Flags) -> float:
    """Overlap of two masks: 2 |A ∩ B| / (|A| + |B|) (Dice 1945)."""
    return 2.0 * float((a & b).sum()) / max(float(a.sum() + b.sum()), 1.0)


def main() -> int:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--real", type=Path, help="folder of the shared data")
    asked = parser.parse_args()
    figures = []
    for one in chain(real_figures(asked.real) if asked.real else (), sample_figures()):
        figures.append(one)
        if not asked.json:
            print(one.line, flush=True)
    if asked.json:
        print(json.dumps([asdict(f) | {"reached": f.reached} for f in figures], indent=1))
    return 0 if all(f.reached for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
