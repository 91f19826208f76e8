"""Where the tumours sit: deep in the liver, apart from each other, one of them beside a vessel."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from sample_dicom.grid import Field, Floats, Grid
from sample_dicom.patient import Patient

Triple = tuple[float, float, float]


def choose(patient: Patient) -> tuple[Triple, Triple]:
    """Centres (LPS mm) of tumour-1 (right lobe, by a wide vessel) and tumour-2 (left of Cantlie).

    Tumour-1: at least 29 mm below the capsule, its edge on day 0 about 2 mm from the nearest
    vessel wider than 2.4 mm radius. Tumour-2: at least 24 mm below the capsule, at least 78 mm
    from tumour-1, away from wide vessels.
    """
    points, depth_mm = _candidates(patient.organs["liver"])
    gap_mm = _gap_to_vessels(patient, points, wider_than_mm=2.4)
    right = (points[:, 0] < -62.0) & (depth_mm > 29.0)
    first = points[right][np.argmin(np.abs(gap_mm[right] - 12.0))]
    apart = np.linalg.norm(points - first, axis=1) > 78.0
    left = (points[:, 0] > -16.0) & (depth_mm > 24.0) & apart
    second = points[left][np.argmax(np.minimum(gap_mm[left], 16.0) + 0.1 * depth_mm[left])]
    return _triple(first), _triple(second)


def _candidates(liver: Field) -> tuple[Floats, Floats]:
    """Points of a 3 mm grid in the liver, (n, 3) mm, and their depth below the capsule, (n,) mm."""
    grid = Grid.around((-135.0, -95.0, -100.0), (110.0, 75.0, 95.0), (3.0, 3.0, 3.0))
    inside = liver.at(grid.points(), outside=20.0) < 0.0
    depth = ndimage.distance_transform_edt(inside, sampling=grid.spacing_mm)
    chosen = depth > 15.0
    return grid.points()[:, chosen].T.astype(np.float64), depth[chosen]


def _gap_to_vessels(patient: Patient, points: Floats, *, wider_than_mm: float) -> Floats:
    gaps = []
    for tree in (patient.portal, patient.hepatic):
        samples, radii = tree.samples(wider_than_mm=wider_than_mm)
        far, index = cKDTree(samples).query(points)
        gaps.append(far - radii[index])
    nearest: Floats = np.minimum(*gaps)
    return nearest


def _triple(point: Floats) -> Triple:
    return float(point[0]), float(point[1]), float(point[2])
