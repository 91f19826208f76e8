"""Meshing measured: the liver-size phantom, the sample patient, every shared set, random maps.

``python benchmarks/meshing.py [phantom] [sample] [shared] [random] [--maps N] [--seed N] [--json]``
prints per map CPU seconds, tetrahedra, the smallest dihedral angle, the share of tetrahedra below
15°, the worst volume error, the worst 95 % Hausdorff distance in voxels (of any structure), the
worst mean distance, whether all surfaces are watertight, and pinches; then what failed.
Exit status 1 when a promise is missed: 8°, 99.9 % from 15°, 1 % of volume, one voxel, pieces kept,
watertight where the voxels' own surface does not touch itself.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.meshing_cases import phantom, random_maps, sample, shared
from organtwin.core.errors import OrganTwinError
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.meshing import Sizes, mesh_labels

PLAIN = Sizes()
WHOLE = Sizes(most_tetrahedra=1_000_000)
FINE = Sizes(most_tetrahedra=3_000_000)
LIVER = Sizes(vessel_radius_mm=4.0, smallest_edge_mm=1.5, organ_alone=True)
LARGE = Sizes(smallest_edge_mm=1.5, target_tetrahedra=120_000)


@dataclass(frozen=True)
class Result:
    """Figures of one map."""

    name: str
    cpu_s: float
    tetrahedra: int = 0
    min_deg: float = 0.0
    below_15_percent: float = 0.0
    volume_percent: float = 0.0
    hausdorff_voxels: float = 0.0
    mean_voxels: float = 0.0
    watertight: bool = False
    pinches: int = 0
    failure: str = ""
    missed: tuple[str, ...] = ()

    def kept(self) -> bool:
        """Whether all promises are kept."""
        return not self.failure and not self.missed


def measured(name: str, labels: LabelMap, sizes: Sizes) -> Result:
    """Return the figures of one map."""
    start = time.process_time()
    try:
        _, quality = mesh_labels(labels, sizes, Watch())
    except (OrganTwinError, ArithmeticError, LookupError, ValueError, MemoryError) as error:
        return Result(name, time.process_time() - start, failure=f"{type(error).__name__}: {error}")
    return Result(
        name,
        time.process_time() - start,
        quality.tetrahedra,
        quality.min_dihedral_deg,
        100.0 - (quality.from_15_deg_percent or 0.0),
        max(abs(r.error_percent) for r in quality.regions),
        max(r.hausdorff95_voxels for r in quality.regions),
        max(r.mean_distance_mm / max(r.hausdorff95_mm, 1e-9) * r.hausdorff95_voxels
            for r in quality.regions),
        all(r.watertight for r in quality.regions),
        sum(r.pinches for r in quality.regions),
        missed=quality.missed,
    )  # fmt: skip


def wanted(sets: list[str], maps: int, seed: int) -> Iterator[tuple[str, LabelMap, Sizes]]:
    """Return the maps asked for with their sizes."""
    if "phantom" in sets:
        yield "phantom, 120 000 wanted", phantom(), LARGE
    if "sample" in sets:
        for name, labels in sample():
            yield f"{name}, liver", labels, LIVER
            yield f"{name}, all", labels, PLAIN
    if "shared" in sets:
        yield from ((name, labels, FINE) for name, labels in shared())
    if "random" in sets:
        yield from ((name, labels, WHOLE) for name, labels in random_maps(maps, seed))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=[])
    parser.add_argument("--maps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    results = []
    for name, labels, sizes in wanted(
        asked.sets or ["phantom", "sample", "shared", "random"], asked.maps, asked.seed
    ):
        result = measured(name, labels, sizes)
        results.append(result)
        if not asked.json:
            print(_line(result), flush=True)
    missed = [r.name for r in results if not r.kept()]
    if asked.json:
        print(json.dumps([asdict(r) for r in results], indent=1))
    else:
        print(
            f"{len(results) - len(missed)} of {len(results)} keep every promise; missed: {missed}"
        )
    return 1 if missed else 0


def _line(r: Result) -> str:
    if r.failure:
        return f"{r.name:42} {r.cpu_s:6.1f} s  FAILED {r.failure}"
    return (
        f"{r.name:42} {r.cpu_s:6.1f} s {r.tetrahedra:8d} min {r.min_deg:5.2f} <15 "
        f"{r.below_15_percent:6.3f}% vol {r.volume_percent:6.2f}% hd95 {r.hausdorff_voxels:5.2f} "
        f"mean {r.mean_voxels:4.2f} {'tight' if r.watertight else 'OPEN'} pinches {r.pinches}"
        f"{''.join(f'  <- {sentence}' for sentence in r.missed)}"
    )


if __name__ == "__main__":
    sys.exit(main())
