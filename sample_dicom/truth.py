"""truth.json: what is true of the sample patient at each visit."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from scipy import ndimage

from sample_dicom import motion
from sample_dicom.ct_objects import Identity
from sample_dicom.grid import Field, Flags, Floats, Grid
from sample_dicom.patient import Patient
from sample_dicom.tumours import VISIBLE, Tumour, visible_ml
from sample_dicom.vessels import Tree
from sample_dicom.visits import Visit

MASK_BYTES = (
    "uint8 0 or 1, one byte a voxel, index (i, j, k) with i to the left fastest, then j to the "
    "back, then k to the head (numpy: mask.astype('uint8').tobytes(order='F'))"
)


def mask_hash(mask: Flags) -> str:
    """SHA-256 of a mask (ni, nj, nk) by the convention MASK_BYTES."""
    return hashlib.sha256(mask.astype(np.uint8).tobytes(order="F")).hexdigest()


def resting_landmarks(patient: Patient, tumours: list[Tumour]) -> dict[str, Floats]:
    """Named points in the baseline frame, LPS mm, each (3,)."""
    found: dict[str, Floats] = {}
    liver = patient.organs["liver"]
    for tree in (patient.portal, patient.hepatic):
        for number, point in enumerate(_wide_forks(tree, liver, 12), start=1):
            found[f"{tree.name} fork {number}"] = point
    for tumour in tumours:
        found[f"{tumour.name} centre"] = np.asarray(tumour.centre_mm)
    for name in ("liver", "spleen"):
        top, bottom = _tips(patient.organs[name])
        found[f"{name} top"], found[f"{name} lower tip"] = top, bottom
    left, right = _kidney_halves(patient.organs["kidneys"])
    for side, field in (("left", left), ("right", right)):
        top, bottom = _tips(field)
        found[f"{side} kidney top"], found[f"{side} kidney lower tip"] = top, bottom
    return found


def _wide_forks(tree: Tree, liver: Field, count: int) -> list[Floats]:
    """The forks with the widest stems that lie inside the liver, at least 8 mm apart."""
    chosen: list[Floats] = []
    for point, _ in sorted(tree.forks, key=lambda fork: -fork[1]):
        inside = float(liver.at(point.astype(np.float32)[:, None], outside=20.0)[0]) < -3.0
        if inside and all(np.linalg.norm(point - other) > 8.0 for other in chosen):
            chosen.append(point)
    return chosen[:count]


def _tips(field: Field) -> tuple[Floats, Floats]:
    """Middle of the highest and of the lowest filled layer of the largest piece, (3,) mm each."""
    pieces, count = ndimage.label(field.values < 0.0)
    sizes = np.bincount(pieces.ravel())[1:]
    filled = pieces == 1 + int(np.argmax(sizes[:count]))
    layers = np.flatnonzero(filled.any(axis=(0, 1)))
    found = []
    for k in (layers[-1], layers[0]):
        i, j = (float(np.mean(axis)) for axis in np.nonzero(filled[:, :, k]))
        found.append(np.asarray(field.grid.origin_mm) + np.array([i, j, k]) * field.grid.spacing_mm)
    return found[0], found[1]


def _kidney_halves(field: Field) -> tuple[Field, Field]:
    middle = round(-field.grid.origin_mm[0] / field.grid.spacing_mm[0])
    left, right = field.values.copy(), field.values.copy()
    left[:middle], right[middle:] = 50.0, 50.0
    return Field(field.grid, left), Field(field.grid, right)


def visit_record(
    visit: Visit,
    masks: dict[str, Flags],
    densities: dict[str, Field],
    landmarks: dict[str, Floats],
    who: Identity,
) -> dict[str, Any]:
    """One visit's part of truth.json; the motion keeps volume, so both exact volumes agree."""
    way = motion.MOTIONS[visit.day]
    exact = {n: round(visible_ml(u.values, u.grid), 4) for n, u in densities.items()}
    return {
        "day": visit.day,
        "date": who.date,
        "images": f"images/{who.folder}",
        "segmentation": f"truth/{who.folder}_seg.dcm",
        "series_instance_uid": who.uid("series"),
        "frame_of_reference_uid": who.uid("frame of reference"),
        "grid": {
            "origin_mm": list(visit.grid.origin_mm),
            "spacing_mm": list(visit.grid.spacing_mm),
            "shape": list(visit.grid.shape),
        },
        "volumes_ml": {n: round(float(m.sum()) * visit.grid.voxel_ml, 4) for n, m in masks.items()},
        "exact_tumour_volumes_ml": exact,
        "baseline_frame_tumour_volumes_ml": exact,
        "mask_sha256": {name: mask_hash(mask) for name, mask in masks.items()},
        "landmarks_mm": {name: _rounded(way.forward(point)) for name, point in landmarks.items()},
        "motion": motion_record(visit.grid, way),
    }


def motion_record(grid: Grid, way: motion.Motion) -> dict[str, Any]:
    """The motion's parameters and what they do on the scanner's grid."""
    coarse = Grid(grid.origin_mm, (11.2, 11.2, 10.0), (32, 32, 24))
    there = coarse.points().astype(np.float64)
    resting = way.inverse(there)
    bend = np.linalg.norm(way.bend(resting) - resting, axis=0)
    jacobian = way.jacobian(resting)
    back = way.forward(resting) - there
    return {
        "law": "x = R (flow(X) - c) + c + t; flow: unit time along sum of width * exp(-q.q/2) * "
        "(p (1 - q.q/2) + q (p.q)/2), q = (X - centre) / width, p = push / width",
        "centre_mm": list(motion.CENTRE_MM),
        "turn_deg_about_xyz": list(way.turn_deg),
        "shift_mm": list(way.shift_mm),
        "eddies": [
            {"centre_mm": b.centre_mm, "width_mm": b.width_mm, "push_mm": b.push_mm}
            for b in way.eddies
        ],
        "largest_bend_mm": round(float(bend.max()), 3),
        "jacobian_range": [round(float(jacobian.min()), 6), round(float(jacobian.max()), 6)],
        "inverse_error_mm": float(f"{np.abs(back).max():.2e}"),
    }


def tumour_record(
    tumour: Tumour, *, seed_to_day0_days: float, h_mm: float, step_days: float
) -> dict[str, Any]:
    """One tumour's law, with units."""
    return {
        "law": "u_t = div(D grad u) + rho u (1 - u), no flux through the capsule, no treatment",
        "centre_mm": list(tumour.centre_mm),
        "diffusion_mm2_per_day": tumour.diffusion_mm2_per_day,
        "growth_per_day": tumour.growth_per_day,
        "visible_density": VISIBLE,
        "look": "HU = liver + s (tumour - liver), s = u^2 / (u^2 + (1 - u)^2)",
        "day0_radius_mm": tumour.radius_day0_mm,
        "seed_to_day0_days": round(seed_to_day0_days, 3),
        "heterogeneity": {
            "of": "D and rho, each times its own factor of mean 1 (log-normal, clipped)",
            "relative_spread": tumour.spread,
            "correlation_mm": tumour.correlation_mm,
        },
        "solver": {
            "method": "voxel finite volumes, Strang splitting: exact logistic, Heun diffusion",
            "voxel_mm": h_mm,
            "step_days": step_days,
        },
    }


def _rounded(point: Floats) -> list[float]:
    return [round(float(v), 3) for v in point]
