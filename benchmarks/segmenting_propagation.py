"""Labels of the sample patient's first day carried to every later visit, held against the truth.

``python benchmarks/segmenting_propagation.py [--json]``: Dice of each structure, correlation and
residual as the method says them, and processor time. The later visits are given as images alone;
each also with another table position, and one (``--cut``) without its upper third. Tumours grow
meanwhile and are carried as they were: their Dice says how much they changed, not how good this is.
Exit status 1 where the liver falls below its goal.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing import image_at, labels_at
from organtwin.organs import organ
from organtwin.updating import follow, propagated

SAMPLE: Final = Path(__file__).parents[1] / "sample_dicom"
DAYS: Final = ("day045", "day090", "day135")
LIVER_GOAL: Final = 0.94
TABLE_MM: Final = np.array([150.0, -80.0, 400.0])


def visit(day: str) -> tuple[Volume, LabelMap]:
    """Return a visit's image and its true labels."""
    volume = image_at(SAMPLE / "images" / day, None, "CT", Watch())
    truth = SAMPLE / "truth" / f"{day}_seg.dcm"
    return volume, labels_at(truth, organ("liver"), on=volume, watch=Watch())[0]


def elsewhere(volume: Volume, labels: LabelMap, slices: int) -> tuple[Volume, LabelMap]:
    """Return a visit on another table position, its first slices only."""
    affine = volume.affine.copy()
    affine[:3, 3] += TABLE_MM
    voxels = np.asfortranarray(volume.voxels[..., :slices])
    drawn = LabelMap(labels.labels[..., :slices], affine, labels.structures)
    return replace(volume, voxels=voxels, affine=affine), drawn


def row(
    name: str, start: tuple[Volume, LabelMap], later: tuple[Volume, LabelMap]
) -> dict[str, Any]:
    """Return the figures of one visit."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = follow(*start, later[0], watch=Watch())
    carried = propagated(start[1], found.registration, later[0])
    spent = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    said = {"correlation": found.likeness, "residual_mm": found.registration.residual_mm,
            "inside": found.inside}  # fmt: skip
    overlap = {}
    for structure in carried.structures:
        one, other = carried.mask(structure.name), later[1].mask(structure.name)
        overlap[structure.name] = float(2.0 * (one & other).sum() / (one.sum() + other.sum()))
    return {"visit": name, **spent, **said, "dice": overlap}


def said(r: dict[str, Any]) -> str:
    """Return the figures of one visit as a line."""
    return (
        f"{r['visit']}: {r['cpu_s']:.1f} s of processor, {r['wall_s']:.1f} s; correlation "
        f"{r['correlation']:.3f}, borders {r['residual_mm']:.2f} mm off, "
        f"{r['inside']:.0%} inside; Dice " + ", ".join(f"{n} {d:.3f}" for n, d in r["dice"].items())
    )


def main() -> int:
    """Print a line for each visit."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--cut", action="store_true", help="also without the upper third")
    asked.add_argument("--days", nargs="*", default=DAYS, choices=DAYS)
    chosen = asked.parse_args()
    start, rows = visit("day000"), []
    for day in chosen.days:
        later = visit(day)
        slices = later[0].voxels.shape[2]
        cuts = {day: slices} | ({f"{day} cut": 2 * slices // 3} if chosen.cut else {})
        for name, kept in cuts.items():
            rows.append(row(name, start, elsewhere(*later, slices=kept)))
            if not chosen.json:
                print(said(rows[-1]), flush=True)
    if chosen.json:
        print(json.dumps(rows))
    return int(min(r["dice"]["liver"] for r in rows) < LIVER_GOAL)


if __name__ == "__main__":
    sys.exit(main())
