"""Veins corrected by clicks: a user simulated by a rule, on the sample patient and on others.

``python benchmarks/segmenting_clicked.py [--patients SEED ...]`` prints the portal vein's Dice and
the share of its centreline in its own label after 0, 6 and 12 clicks on every visit of the sample
patient, and on patients that its generator makes from other seeds (each a few minutes).
`benchmarks/segmentation.py` imports `clicked_figures`.

- The user starts from `liver-ct`'s labels and uses `vessels`. Each click lies on the truth's
  centreline, in the largest connected part of it that is labelled as the other tree, portal or
  hepatic, at the point nearest that part's middle, and says which tree it is. Nothing else is told;
  a click that does harm is kept.
- Dice and centreline as in `segmenting_automatic.py`. "slowest click" is CPU time of the method,
  remarks included.
- Other patients: the same liver with other vessels, textures and noise, no tumours, days in turn.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Volume, to_lps
from organtwin.core.watch import Watch
from organtwin.segmenting import Request, Seeds, method

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.segmenting_automatic import GOALS, LIVER, Figure, Flags, dice, sample_visits

PORTAL, HEPATIC = "portal-vein", "hepatic-vein"
CLICKS = (0, 6, 12)
EVERYWHERE = np.ones((3, 3, 3))
Click = tuple[str, NDArray[np.int64]]


def clicked_figures() -> Iterator[Figure]:
    """Figures of each visit of the sample patient."""
    for day, volume, truth in sample_visits():
        yield from _clicked(day, volume, truth)


def other_figures(seeds: Iterable[int]) -> Iterator[Figure]:
    """Figures of generated patients, one visit each."""
    for seed in seeds:
        volume, truth = generated(seed)
        yield from _clicked(f"patient {seed}", volume, truth)


def generated(seed: int) -> tuple[Volume, dict[str, Flags]]:
    """A patient of the sample's generator without tumours: one visit, and its true masks."""
    from sample_dicom import patient, scanner, visits
    from sample_dicom.grid import Field
    from sample_dicom.make import random

    who = patient.build(random(seed, 0))
    resting = Field(patient.FINE, patient.picture(who, random(seed, 1)))
    visit = visits.attend(visits.DAYS[seed % len(visits.DAYS)])
    hu = scanner.scan(resting, visit.lying_mm, visit.grid, random(seed, 3, visit.day))
    affine = np.diag([*visit.grid.spacing_mm, 1.0])
    affine[:3, 3] = visit.grid.origin_mm
    report = GeometryReport(visit.grid.spacing_mm, "LPS")
    masks = visits.masks(visit, who, {})
    truth = {name.replace(" ", "-"): np.asarray(mask) for name, mask in masks.items()}
    return Volume(np.asfortranarray(hu), affine, "HU", "CT", report), truth


def _clicked(day: str, volume: Volume, truth: dict[str, Flags]) -> Iterator[Figure]:
    labels = method("liver-ct").labelled(Request(volume, LIVER), Watch())
    centres = {name: skeletonize(truth[name]) for name in (PORTAL, HEPATIC)}
    points: dict[str, tuple[tuple[float, float, float], ...]] = {}
    slowest = 0.0
    for clicks in range(max(CLICKS) + 1):
        began = time.process_time()
        found = method("vessels").labelled(Request(volume, LIVER, Seeds(points), labels), Watch())
        slowest = max(slowest, time.process_time() - began) if clicks else 0.0
        if clicks in CLICKS:
            portal = found.mask(PORTAL)
            goal = GOALS[PORTAL] if clicks == 0 else None
            what = f"{day} {PORTAL}, {clicks} clicks"
            yield Figure(f"{what}: Dice", dice(portal, truth[PORTAL]), goal)
            own = float(portal[centres[PORTAL]].mean())
            yield Figure(f"{what}: centreline, own tree", own)
        if (click := worst(found, truth, centres, volume.spacing_mm)) is not None:
            x, y, z = to_lps(volume.affine, click[1].astype(np.float64)[None])[0].tolist()
            points = points | {click[0]: (*points.get(click[0], ()), (x, y, z))}
    yield Figure(f"{day} slowest click, s", slowest)


def worst(
    found: LabelMap,
    truth: dict[str, Flags],
    centres: dict[str, Flags],
    spacing_mm: tuple[float, float, float],
) -> Click | None:
    """The tree and the voxel (3,) of the next click; None when nothing is wrong."""
    largest: tuple[int, Click] | None = None
    for name, other in ((PORTAL, HEPATIC), (HEPATIC, PORTAL)):
        wrong = centres[name] & found.mask(other)
        parts, _ = ndimage.label(
            ndimage.binary_dilation(wrong, EVERYWHERE) & truth[name], EVERYWHERE
        )
        sizes = np.bincount(parts[wrong], minlength=2)
        part = int(np.argmax(sizes))
        if sizes[part] > (largest[0] if largest else 0):
            places = np.argwhere(wrong & (parts == part))
            away = np.linalg.norm((places - places.mean(axis=0)) * spacing_mm, axis=1)
            largest = int(sizes[part]), (name, places[int(np.argmin(away))])
    return largest[1] if largest else None


def main() -> int:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, nargs="*", default=[], help="seeds of others")
    asked = parser.parse_args()
    reached = True
    for figures in (clicked_figures(), other_figures(asked.patients)):
        for one in figures:
            reached &= one.reached
            print(one.line, flush=True)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
