"""A real liver: supine, turned to the left side, and gas of 12 mmHg; beside published figures.

    python -m benchmarks.tissue_liver [--members N] [--seed N] [--jobs FOLDER] [--accurate]

The liver is that of ``../shared/data/ccth-a01-abdomen``, meshed from its contours. Prints the mesh
and its supports, each posture's figures (at the medians of the priors; median and 90 % interval of
the ensemble; what was published), what each figure depends on, and how much the quick element and
taking the scan as without stress change. Nothing here is validation: docs/liver_mechanics.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.organmesh import OrganMesh
from organtwin.core.parameter import interval
from organtwin.core.watch import Watch
from organtwin.importing import labels_at
from organtwin.meshing import Sizes, mesh_labels
from organtwin.organs import organ
from organtwin.simulating.posture import Posture
from organtwin.simulating.shifts import shifts
from organtwin.simulating.supports import places_of
from organtwin.simulating.uncertain import (
    Posed,
    posture_simulation,
    rank_correlations,
    stiffness_draws,
)

SET: Final = Path(__file__).parents[2] / "shared" / "data" / "ccth-a01-abdomen"
LIVER: Final = organ("liver")
EDGES: Final = Sizes(organ_edge_mm=12.0, tumour_edge_mm=8.0, smallest_edge_mm=8.0)
LEVEL: Final = 0.9
POSTURES: Final = (
    Posture("supine", pneumoperitoneum_mmhg=12.0),
    Posture("left-lateral"),
    Posture("left-lateral", pneumoperitoneum_mmhg=12.0),
)
PUBLISHED: Final = {
    (0, "cranial_mm"): "45, mean of 15 people (calibrated to it); pigs 14.6 ± 0.9, at most 28",
    (0, "volume_change_percent"): "-12, mean of 15 people (calibrated to it)",
    (2, "volume_change_percent"): "-13 to +24 in open surgery (Heizmann 2010)",
}
"""Nainamalai 2025, 10.1007/s00464-025-12392-y (people, 12 mmHg); Wise 2023 and Zijlmans 2012,
10.3109/13645706.2012.665805 (pigs); Heizmann 2010, 10.1007/s00268-010-0561-x."""


def main() -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=24, help="0: the medians alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=Path, help="keep the solver's jobs here")
    parser.add_argument("--accurate", action="store_true", help="the accurate element, too")
    asked = parser.parse_args()
    mesh = liver_mesh()
    target = tuple(np.average(mesh.points[mesh.tetrahedra].mean(1), 0, mesh.volumes_mm3()))
    print(f"{len(mesh.tetrahedra)} tetrahedra, {mesh.volume_ml('liver'):.0f} mL; target: centroid")
    _tell_supports(mesh)
    with tempfile.TemporaryDirectory() as scratch:
        jobs = asked.jobs or Path(scratch)
        draws = stiffness_draws(LIVER, asked.members, np.random.default_rng(asked.seed))
        for number, posture in enumerate(POSTURES):
            start = time.perf_counter()
            posed = posture_simulation(
                mesh, LIVER, posture, draws,
                folder=jobs, watch=Watch(), targets_mm=[target], preview=True,
            )  # fmt: skip
            _tell(number, posed, time.perf_counter() - start)
        _tell_stress_free(mesh, jobs)
        if asked.accurate:
            _tell_elements(mesh, jobs)
    return 0


def liver_mesh() -> OrganMesh:
    """Return the liver meshed from its contours."""
    labels, _ = labels_at(
        SET / "RTstruct.dcm", LIVER, beside=SET / "CT_images", names={}, watch=Watch()
    )
    return mesh_labels(labels, EDGES, Watch())[0]


def _tell_supports(mesh: OrganMesh) -> None:
    places = places_of(mesh, LIVER)
    for one in LIVER.supports:
        a, b, c = (mesh.points[places[one.place][:, i]] for i in range(3))
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 200.0
        print(
            f"  {one.place:10} {area:6.1f} cm2, {one.normal_kpa_per_mm:g} and "
            f"{one.tangential_kpa_per_mm:g} kPa/mm, times or over {np.exp(1.645 * one.spread):.1f}"
        )


def _tell(number: int, posed: Posed, seconds: float) -> None:
    posture = POSTURES[number]
    count = len(posed.ensemble.members) - 1
    print(
        f"\n{posture.position}, {posture.pneumoperitoneum_mmhg:g} mmHg: {count} members, "
        f"{posed.failed} not solved, {seconds:.0f} s"
    )
    for name, values in posed.simulation.quantities.items():
        column = values[:, 0]
        if count == 0:
            print(f"  {name:24} {column[0]:7.1f}")
            continue
        low, median, high = interval(column[1:], LEVEL)
        depends = sorted(
            rank_correlations(posed.ensemble, column).items(), key=lambda pair: -abs(pair[1])
        )
        told = ", ".join(f"{which} {rank:+.2f}" for which, rank in depends[:2])
        published = PUBLISHED.get((number, name), "none found")
        print(
            f"  {name:24} {column[0]:7.1f} | {median:7.1f} [{low:.1f}, {high:.1f}] | {told} | "
            f"{published}"
        )


def _at_medians(
    mesh: OrganMesh, posture: Posture, jobs: Path, *, preview: bool = True, unload: bool = False
) -> NDArray[np.float64]:
    medians = stiffness_draws(LIVER, 0, np.random.default_rng(0))
    posed = posture_simulation(
        mesh, LIVER, posture, medians,
        folder=jobs, watch=Watch(), preview=preview, unload=unload,
    )  # fmt: skip
    return np.asarray(posed.simulation.fields["displacement_mm"][0])


def _tell_stress_free(mesh: OrganMesh, jobs: Path) -> None:
    """Compare with the scan taken under the weight of the organ on its back."""
    for posture in POSTURES:
        name = f"{posture.position}, {posture.pneumoperitoneum_mmhg:g} mmHg, from without weight"
        whole = _at_medians(mesh, posture, jobs, unload=True)
        _compare(name, mesh, whole, _at_medians(mesh, posture, jobs))


def _tell_elements(mesh: OrganMesh, jobs: Path) -> None:
    for posture in POSTURES:
        name = f"{posture.position}, {posture.pneumoperitoneum_mmhg:g} mmHg, accurate element"
        accurate = _at_medians(mesh, posture, jobs, preview=False)
        _compare(name, mesh, accurate, _at_medians(mesh, posture, jobs))


def _compare(
    name: str,
    mesh: OrganMesh,
    better: NDArray[np.float64],
    used: NDArray[np.float64],
) -> None:
    apart = np.linalg.norm(better - used, axis=1)
    told: Mapping[str, float] = shifts(mesh, better, "liver")
    beside = shifts(mesh, used, "liver")
    print(f"\n{name}: apart by {apart.mean():.2f} mm on average, {apart.max():.2f} at most")
    for figure, value in told.items():
        print(f"  {figure:24} {value:7.1f}, used {beside[figure]:.1f}")


if __name__ == "__main__":
    raise SystemExit(main())
