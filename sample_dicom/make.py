"""Make the sample patient: `python sample_dicom/make.py --to FOLDER` (same seed, same pixels)."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sample_dicom import ct_objects, patient, scanner, seg_objects, sites, truth, tumours, visits
from sample_dicom.grid import Field, Floats, Grid

SEED = 20250114
VOXEL_MM = 0.7
STEP_DAYS = 0.5


def random(seed: int, *place: int) -> np.random.Generator:
    """The random numbers of one part of the work, independent of the others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


def the_tumours(centres: tuple[sites.Triple, sites.Triple]) -> list[tumours.Tumour]:
    """The two tumours' true laws."""
    return [
        tumours.Tumour("tumour-1", centres[0], 0.06, 0.020, 10.0, 4.5, 33.6),
        tumours.Tumour("tumour-2", centres[1], 0.03, 0.012, 8.0, 5.0, 25.9),
    ]


def tissue(tumour: tumours.Tumour, liver: Field, rng: np.random.Generator) -> tumours.Tissue:
    """The box around a tumour with its uneven coefficients; cells live inside the liver only."""
    c, w = tumour.centre_mm, tumour.half_width_mm
    count = 2 * round(w / VOXEL_MM) + 1
    grid = Grid((c[0] - w, c[1] - w, c[2] - w), (VOXEL_MM,) * 3, (count,) * 3)
    fields = [
        mean
        * tumours.uneven(
            grid, spread=tumour.spread, correlation_mm=tumour.correlation_mm, random=rng
        )
        for mean in (tumour.diffusion_mm2_per_day, tumour.growth_per_day)
    ]
    return tumours.Tissue(grid, liver.at(grid.points(), outside=50.0) < 0.0, fields[0], fields[1])


def grow(
    who: patient.Patient, seed: int
) -> tuple[list[tumours.Tumour], dict[str, dict[int, Field]], dict[str, Any]]:
    """Place and grow both tumours: their laws, name to day to density, and their truth."""
    laws = the_tumours(sites.choose(who))
    density, record = {}, {}
    for number, law in enumerate(laws):
        rng = random(seed, 2, number)
        place = tissue(law, who.organs["liver"], rng)
        density[law.name], age = tumours.history(
            law, place, list(visits.DAYS), random=rng, step_days=STEP_DAYS
        )
        record[law.name] = truth.tumour_record(
            law, seed_to_day0_days=age, h_mm=VOXEL_MM, step_days=STEP_DAYS
        )
    return laws, density, record


def visit(
    day: int,
    who: patient.Patient,
    resting: Field,
    density: dict[str, dict[int, Field]],
    marks: dict[str, Floats],
    *,
    seed: int,
    folder: Path,
) -> dict[str, Any]:
    """Scan one visit, write its images and masks, and return its truth."""
    name = ct_objects.Identity(day, seed)
    today = {tumour: days[day] for tumour, days in density.items()}
    lies = visits.attend(day)
    sick = visits.with_tumours(resting, list(today.values()))
    hu = scanner.scan(sick, lies.lying_mm, lies.grid, random(seed, 3, day))
    masks = visits.masks(lies, who, today)
    slices = ct_objects.write_series(hu, lies.grid, name, folder / "images" / name.folder)
    seg_objects.write_masks(masks, slices, name, folder / "truth" / f"{name.folder}_seg.dcm")
    record = truth.visit_record(lies, masks, today, marks, name)
    record["liver_hu_mean_and_std"] = _liver_hu(hu, masks)
    return record


def _liver_hu(hu: np.ndarray[Any, Any], masks: dict[str, Any]) -> list[float]:
    plain = masks["liver"].copy()
    for name in ("portal vein", "hepatic vein", "tumour-1", "tumour-2"):
        plain &= ~masks[name]
    return [round(float(hu[plain].mean()), 2), round(float(hu[plain].std()), 2)]


def make(folder: Path, seed: int = SEED) -> dict[str, Any]:
    """Write images/ and truth/ below folder and return the content of truth.json."""
    who = patient.build(random(seed, 0))
    resting = Field(patient.FINE, patient.picture(who, random(seed, 1)))
    laws, density, record = grow(who, seed)
    marks = truth.resting_landmarks(who, laws)
    story = {
        "patient_id": "OT-SAMPLE-1",
        "synthetic": True,
        "seed": seed,
        "frame": "LPS mm of each visit; the baseline frame is that of day 0",
        "mask_bytes": truth.MASK_BYTES,
        "noise_hu": scanner.NOISE_HU,
        "tumours": record,
        "visits": [
            visit(day, who, resting, density, marks, seed=seed, folder=folder)
            for day in visits.DAYS
        ],
    }
    (folder / "truth" / "truth.json").write_text(
        json.dumps(story, indent=1) + "\n", encoding="utf-8"
    )
    return story


def main() -> None:
    """Read the command line and make the patient."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--seed", type=int, default=SEED)
    chosen = parser.parse_args()
    began = time.perf_counter()
    story = make(chosen.to, chosen.seed)
    for one in story["visits"]:
        print(one["date"], "day", one["day"], one["volumes_ml"])
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
