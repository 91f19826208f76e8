"""What happens to the vessels: those a cut passes, those that may cool an ablation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.comparing.anatomy import Anatomy
from organtwin.comparing.quantities import spread
from organtwin.comparing.removal import Removal
from organtwin.comparing.trees import Tree, cut_tree
from organtwin.core.scenario import Quantity

HEAT_SINK_MM = 3.0
"""Calibre in mm from which a vessel cools an ablation: around hepatic veins up to 3 mm the zone's
margin stayed undistorted in 78 %, at 3 to 6 mm in 56 %, above 6 mm in 39 % (microwave, pigs:
PubMed 18589324, read through a mirror)."""
CUT_WIDE_MM = 5.0
"""Calibre in mm from which a vessel at a cut is warned of: unsourced, set your own."""
NEAR_MM = 5.0
"""How near the zone a vessel counts as at risk, in mm (a choice of this program)."""


def vessel_quantities(anatomy: Anatomy, removal: Removal | None) -> tuple[Quantity, ...]:
    """Return the vessel rows: of a cut, what it passes; of a zone, what lies near it."""
    if removal is None:
        return ()
    rows: list[Quantity] = []
    for tree in anatomy.trees:
        make = _cut if removal.contact == "cut" else _near
        rows += make(tree, removal, anatomy)
    return tuple(rows)


def _cut(tree: Tree, removal: Removal, anatomy: Anatomy) -> list[Quantity]:
    cut = cut_tree(tree, removal.distance_mm(tree.points_mm) < 0.0)
    trunk = "the trunk is the thickest place of each connected piece of the tree"
    return [
        Quantity(
            "vessel crossings",
            tree.name,
            float(cut.crossings),
            "1",
            basis="places where the tree passes the cut",
        ),
        spread(
            Quantity(
                "largest calibre cut",
                tree.name,
                cut.calibre_mm,
                "mm",
                basis="diameter of the largest ball inside the vessel at a crossing; 90 % "
                "interval: its border shifted by a standard deviation of half a voxel",
            ),
            2.0 * anatomy.boundary_sd_mm if cut.crossings else 0.0,
            at_least=0.0,
        ),
        Quantity(
            "tree cut from its trunk",
            tree.name,
            cut.from_trunk_ml,
            "mL",
            basis=f"vessel volume removed or no longer joined to a trunk that stays; {trunk}",
        ),
        Quantity(
            "tree left without trunk",
            tree.name,
            cut.left_without_trunk_ml,
            "mL",
            basis=f"vessel volume that stays in the patient without its trunk; {trunk}",
        ),
    ]


def _near(tree: Tree, removal: Removal, anatomy: Anatomy) -> list[Quantity]:
    distance = removal.distance_mm(tree.points_mm)
    near = distance <= NEAR_MM
    wide = tree.calibre_mm > HEAT_SINK_MM
    rows = [
        spread(
            Quantity(
                f"largest calibre within {NEAR_MM:g} mm",
                tree.name,
                float(tree.calibre_mm[near].max()) if near.any() else 0.0,
                "mm",
                basis=f"local diameter of the tree inside the zone or within {NEAR_MM:g} mm of "
                "it; 90 % interval: its border shifted by a standard deviation of half a voxel",
            ),
            2.0 * anatomy.boundary_sd_mm if near.any() else 0.0,
            at_least=0.0,
        )
    ]
    if wide.any():
        rows.append(
            spread(
                Quantity(
                    f"distance to vessels over {HEAT_SINK_MM:g} mm",
                    tree.name,
                    float(distance[wide].min()) - 0.5 * anatomy.voxel_mm,
                    "mm",
                    basis="from the zone's border to the nearest wall of such a vessel, negative "
                    "inside the zone; 90 % interval: the vessel's border shifted by a standard "
                    "deviation of half a voxel",
                ),
                anatomy.boundary_sd_mm,
            )
        )
    return rows


def vessel_warnings(anatomy: Anatomy, removal: Removal | None) -> tuple[str, ...]:
    """Return a line for each tree that loses its trunk, is cut where wide, lies in or by a zone."""
    if removal is None:
        return ()
    found = []
    for tree in anatomy.trees:
        distance = removal.distance_mm(tree.points_mm)
        if removal.contact == "cut":
            found += _cut_warnings(tree, distance)
        else:
            found += _zone_warnings(tree, distance, half_voxel_mm=0.5 * anatomy.voxel_mm)
    return tuple(found)


def _cut_warnings(tree: Tree, distance_mm: NDArray[np.float64]) -> list[str]:
    cut = cut_tree(tree, distance_mm < 0.0)
    found = []
    if cut.trunk_removed:
        found.append(f"the cut takes the trunk of the {tree.name}")
    if cut.calibre_mm >= CUT_WIDE_MM:
        found.append(
            f"the cut crosses the {tree.name}, up to {cut.calibre_mm:.1f} mm wide; "
            f"{CUT_WIDE_MM:g} mm is unsourced, set your own"
        )
    return found


def _zone_warnings(
    tree: Tree, distance_mm: NDArray[np.float64], *, half_voxel_mm: float
) -> list[str]:
    near = distance_mm <= NEAR_MM
    inside = (distance_mm < half_voxel_mm) & (tree.calibre_mm > HEAT_SINK_MM)
    found = []
    if inside.any():
        found.append(
            f"the zone contains the {tree.name} ({tree.calibre_mm[inside].max():.1f} mm wide): "
            "thrombosis or bile duct injury possible; ducts, arteries and gallbladder are not "
            "modelled"
        )
    calibre = float(tree.calibre_mm[near].max()) if near.any() else 0.0
    if calibre > HEAT_SINK_MM:
        found.append(
            f"heat sink: the {tree.name} is {calibre:.1f} mm wide within {NEAR_MM:g} mm of "
            "the zone; undistorted margins were seen around 56 % of veins of 3 to 6 mm and "
            "39 % above (microwave, pigs: PubMed 18589324, read through a mirror)"
        )
    return found
