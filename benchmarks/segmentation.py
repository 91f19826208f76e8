"""Segmentation from scribbles on real images, and how quickly further scribbles are answered.

``python benchmarks/segmentation.py [--json] [--draws N] [--method NAME]`` takes the images of
``../shared/data`` (TotalSegmentator's 3 mm CT with its own labels, a PET/CT's low-dose CT with a
liver contoured by people), draws six scribbles in all for each structure (three inside, three
around; see `scribbles.py` for the rule) ten times over, and prints the median Dice with its goal,
and the worst draw for information. Nothing is chosen by its result. Exit status 1 when a goal is
missed.

- "organ" is `random-walker`, unless another method is asked for, with its own settings.
- "first answer" and "further scribble" are `Growing(...)` and `Growing.add(...)` on a phantom of
  256³ voxels of 1.5 mm with three structures; wall time and CPU time, the slowest of the scribbles.
- "short", "axial" and "together" are medians over half as many draws of scribbles as other people
  may draw them, for information; "together" asks for all organs of the first image at once.
- What `segmenting_automatic.py` and `segmenting_clicked.py` measure follows.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import OrganTwinError
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.importing import Images, LabelSource, open_images
from organtwin.organs import organ
from organtwin.segmenting import BACKGROUND, Request, Seeds, method
from organtwin.segmenting.growing import Growing

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.scribbles import axial, drawn, short
from benchmarks.scribbles import together as at_once

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
LIVER = organ("liver")
GOALS = {"liver": 0.94, "spleen": 0.93, "kidney_left": 0.93, "kidney_right": 0.93}
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Result:
    """One figure and its goal; none means that it is for information."""

    what: str
    figure: float
    unit: str
    goal: float | None
    at_least: bool

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        if self.goal is None:
            return True
        return self.figure >= self.goal if self.at_least else self.figure <= self.goal


def main() -> int:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--method", default="random-walker")
    asked = parser.parse_args()
    results = []
    for result in _all(asked.method, asked.draws):
        results.append(result)
        if not asked.json:
            print(_line(result), flush=True)
    if asked.json:
        print(json.dumps([asdict(r) | {"reached": r.reached} for r in results]))
    return 0 if all(r.reached for r in results) else 1


def _all(name: str, draws: int) -> Iterable[Result]:
    others = max(1, draws // 2)
    return chain(_organs(name, draws), _others(name, others), _speed(), _automatic())


def _line(result: Result) -> str:
    head = f"{result.what:<62} {result.figure:8.3f} {result.unit:<4}"
    if result.goal is None:
        return f"{head} (for information)"
    sign, word = ("≥", "≤")[not result.at_least], "reached" if result.reached else "MISSED"
    return f"{head} (goal {sign} {result.goal:g})  {word}"


def dice(a: Mask, b: Mask) -> float:
    """Overlap of two masks, 2 |A ∩ B| / (|A| + |B|) (Dice 1945)."""
    return 2.0 * float((a & b).sum()) / float(a.sum() + b.sum())


def _organs(name: str, draws: int) -> Iterable[Result]:
    for place, volume, structure, truth in _cases():
        reached, begin = [], time.process_time()
        for draw in range(draws):
            seeds = drawn(truth, volume.affine, structure, draw=draw)
            reached.append(_reached(name, volume, seeds, truth))
        seconds = (time.process_time() - begin) / draws
        what = f"{place}, {structure} by {name}"
        yield Result(f"{what}: median Dice", float(np.median(reached)), "", GOALS[structure], True)
        yield Result(f"{what}: worst Dice", min(reached), "", None, True)
        yield Result(f"{what}: CPU time", seconds, "s", None, False)


def _others(name: str, draws: int) -> Iterable[Result]:
    together: dict[str, Mask] = {}
    for place, volume, structure, truth in _cases():
        for style in (short, axial):
            reached = [
                _reached(name, volume, style(truth, volume.affine, structure, draw=draw), truth)
                for draw in range(draws)
            ]
            what = f"{place}, {structure} by {name}, {style.__name__}: median Dice"
            yield Result(what, float(np.median(reached)), "", None, True)
        if place == "totalseg":
            together[structure], image = truth, volume
    found: dict[str, list[float]] = {structure: [] for structure in together}
    for draw in range(draws):
        seeds = at_once(together, image.affine, draw=draw)
        for structure, figure in _all_reached(name, image, seeds, together).items():
            found[structure].append(figure)
    for structure, all_draws in found.items():
        what = f"totalseg, {structure} by {name}, together: median Dice"
        yield Result(what, float(np.median(all_draws)), "", None, True)


def _reached(name: str, volume: Volume, seeds: Seeds, truth: Mask) -> float:
    structure = next(n for n in seeds.names if n != BACKGROUND)
    return _all_reached(name, volume, seeds, {structure: truth})[structure]


def _all_reached(
    name: str, volume: Volume, seeds: Seeds, truths: Mapping[str, Mask]
) -> dict[str, float]:
    """Dice of each structure; 0 of all where the method refuses."""
    try:
        labels = method(name).labelled(Request(volume, LIVER, seeds), Watch())
    except OrganTwinError:
        return dict.fromkeys(truths, 0.0)
    return {structure: dice(labels.mask(structure), truth) for structure, truth in truths.items()}


def _cases() -> Iterable[tuple[str, Volume, str, Mask]]:
    folder = SHARED / "totalseg-abdomen-3mm"
    with open_images(folder / "example_ct.nii.gz", Watch()) as images:
        volume = images.volume(images.scan.series[0], Watch())
        for name in ("liver", "spleen", "kidney_left", "kidney_right"):
            source = images.label_source(folder / "organs_v1" / f"{name}.nii.gz", Watch())
            yield "totalseg", volume, name, _mask(images, source, volume, "")
    with open_images(SHARED / "ccth-a01-abdomen", Watch()) as images:
        series = next(s for s in images.scan.series if s.modality == "CT")
        volume = images.volume(series, Watch())
        yield "ccth-a01", volume, "liver", _mask(images, images.scan.labels[0], volume, "liver")


def _mask(images: Images, source: LabelSource, volume: Volume, name: str) -> Mask:
    masks = images.masks(source, volume, Watch())
    return next(m.voxels for m in masks if name in ("", m.name)) > 0


def _speed() -> Iterable[Result]:
    volume, seeds, further = _phantom()
    begin, used = time.perf_counter(), time.process_time()
    growing = Growing(Request(volume, LIVER, seeds), Watch())
    labels = growing.labels()
    wall, cpu = time.perf_counter() - begin, time.process_time() - used
    _checked(labels)
    yield Result("grow-from-seeds, 256³: first answer, wall", wall, "s", 3.0, False)
    yield Result("grow-from-seeds, 256³: first answer, CPU", cpu, "s", None, False)
    walls, cpus = [], []
    for one in further:
        begin, used = time.perf_counter(), time.process_time()
        growing.add(one, Watch())
        walls.append(time.perf_counter() - begin)
        cpus.append(time.process_time() - used)
    yield Result("grow-from-seeds, 256³: further scribble, wall", max(walls), "s", 0.5, False)
    yield Result("grow-from-seeds, 256³: further scribble, CPU", max(cpus), "s", None, False)


def _checked(labels: LabelMap) -> None:
    if {s.name for s in labels.structures} != {"liver", "spleen", "kidney"}:
        raise SystemExit("the phantom's structures were not grown")


def _phantom() -> tuple[Volume, Seeds, list[Seeds]]:
    """Three ellipsoids in fat in 256³ voxels of 1.5 mm, noise of 10 HU; LPS mm from a corner."""
    grid = np.ogrid[:256, :256, :256]
    hu = np.full((256, 256, 256), -100.0, dtype=np.float32)
    shapes = {"liver": ((80, 120, 130), (60, 70, 60), 100.0),
              "spleen": ((200, 150, 140), (25, 40, 40), 120.0),
              "kidney": ((180, 190, 70), (22, 22, 40), 150.0)}  # fmt: skip
    for centre, radii, value in shapes.values():
        hu[sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radii, strict=True)) < 1] = value
    hu += np.random.default_rng(0).normal(0.0, 10.0, hu.shape).astype(np.float32)
    report = GeometryReport((1.5,) * 3, "LPS")
    voxels = np.asfortranarray(np.rint(hu).astype(np.int16))
    volume = Volume(voxels, np.diag([1.5, 1.5, 1.5, 1.0]), "HU", "CT", report)

    def line(centre: tuple[int, ...], length: int) -> tuple[tuple[float, float, float], ...]:
        i, j, k = (1.5 * n for n in centre)
        return (i - 0.75 * length, j, k), (i + 0.75 * length, j, k)

    lines = {name: (line(c, r[0]),) for name, (c, r, _) in shapes.items()}
    lines[BACKGROUND] = (line((128, 30, 128), 200), line((128, 230, 30), 200))
    further = [
        Seeds(scribbles={BACKGROUND: (line((128, 128, 220), 100),)}),
        Seeds(scribbles={"liver": (line((80, 140, 110), 40),)}),
        Seeds(scribbles={BACKGROUND: (line((140, 120, 130), 10),)}),
    ]
    return volume, Seeds(scribbles=lines), further


def _automatic() -> Iterable[Result]:
    from benchmarks.segmenting_automatic import real_figures, sample_figures
    from benchmarks.segmenting_clicked import clicked_figures

    for one in chain(sample_figures(), clicked_figures(), real_figures(SHARED)):
        yield Result(one.what, one.figure, "", one.goal, True)


if __name__ == "__main__":
    sys.exit(main())
