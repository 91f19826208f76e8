"""What a cut that is made leaves and takes, in words and in rows of a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.core.cut import Cut
from organtwin.core.organmesh import MeshQuality, OrganMesh


def parted(cut: Cut) -> str:
    """Return what stays, what goes, and how far the cut passes each tumour."""
    stays_ml, gone_ml = (float(m.volumes_mm3().sum()) / 1e3 for m in (cut.remnant, cut.specimen))
    share = 100.0 * stays_ml / max(stays_ml + gone_ml, 1e-9)
    (organ, *_) = (s.name for s in (*cut.remnant.structures, *cut.specimen.structures))
    said = [
        f"By {cut.by}. {stays_ml:.0f} mL stay, {share:.0f} % of the {organ} as meshed with its "
        f"tumours; {gone_ml:.0f} mL are cut off."
    ]
    for name in _tumours(cut):
        stays, goes = (_points(part, name) for part in (cut.remnant, cut.specimen))
        if len(stays) and len(goes):
            said.append(f"{name} is cut through.")
        elif len(goes):
            said.append(f"{name} is cut off with {_away_mm(cut, goes):.0f} mm around it.")
        else:
            said.append(f"{name} stays, {_away_mm(cut, stays):.0f} mm from the cut.")
    return " ".join(said)


def shape_of(cut: Cut) -> str:
    """Return how well both parts are meshed."""
    return (
        f"Both together within {abs(cut.volume_error_percent):.3f} % of the whole; smallest angle "
        f"{cut.min_dihedral_deg:.1f}°, {cut.from_15_deg_percent:.2f} % of the elements from 15°; "
        f"the cut at most {cut.off_mm:.1f} mm off."
    )


def rows_of(cut: Cut, quality: MeshQuality | None) -> tuple[list[tuple[str, ...]], list[int]]:
    """Return a row for each structure, and which of them speak of a part of their label only."""
    parts = cut.remnant, cut.specimen
    names = list(dict.fromkeys(s.name for part in parts for s in part.structures))
    shares = [quality.share_meshed(name) if quality is not None else "" for name in names]
    rows = [
        (name + f"\n{share} meshed" * bool(share), *(_part_ml(part, name) for part in parts))
        for name, share in zip(names, shares, strict=True)
    ]
    doubtful = [number for number, share in enumerate(shares) if share]
    whole = ("all", *(_ml(part.volumes_mm3().sum()) for part in parts))
    if rows[0][1:] == whole[1:]:
        return rows, doubtful
    return [whole, *rows], [number + 1 for number in doubtful]


def _tumours(cut: Cut) -> list[str]:
    both = (*cut.remnant.structures, *cut.specimen.structures)
    return list(dict.fromkeys(s.name for s in both if s.kind == "tumour"))


def _points(part: OrganMesh, name: str) -> NDArray[np.float64]:
    """Return (n, 3) LPS mm the points of a structure in one part, none where it is not."""
    if name not in {s.name for s in part.structures}:
        return np.zeros((0, 3))
    cells = part.tetrahedra[np.isin(part.regions, part.labels_inside(name))]
    found: NDArray[np.float64] = part.points[np.unique(cells)]
    return found


def _away_mm(cut: Cut, points: NDArray[np.float64]) -> float:
    from organtwin.meshing.knives import triangulated

    away = triangulated(cut.remnant.points, cut.remnant_faces)(points)
    return float(np.abs(away).min())


def _part_ml(part: OrganMesh, name: str) -> str:
    there = name in {s.name for s in part.structures}
    return _ml(1000.0 * part.volume_ml(name)) if there else "–"


def _ml(mm3: float) -> str:
    return f"{float(mm3) / 1000.0:,.2f}".replace(",", " ")
