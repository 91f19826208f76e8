"""The patient at rest: every organ on one fine grid, and the picture of it in HU.

This is the baseline frame. A visit's scan is this picture, bent (motion.py) and scanned
(scanner.py), with the tumours of that day blended in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from sample_dicom import anatomy, loops, skeleton, vessels
from sample_dicom.grid import Field, Floats, Grid
from sample_dicom.shapes import Axes, tubes

FINE = Grid.around((-165.0, -116.0, -150.0), (165.0, 116.0, 150.0), (0.7, 0.7, 1.25))
LIVER_HU = 106.0
TUMOUR_HU = 60.0


@dataclass(frozen=True)
class Patient:
    """Distances (mm, negative inside) of the labelled organs on FINE, and the two vessel trees."""

    organs: dict[str, Field]
    portal: vessels.Tree
    hepatic: vessels.Tree


def build(random: np.random.Generator) -> Patient:
    """Shape the labelled organs and grow the vessels in the liver."""
    organs = {
        "liver": _filled(anatomy.liver),
        "spleen": _filled(anatomy.spleen),
        "kidneys": _filled(anatomy.kidneys),
    }
    cloud = _cloud(organs["liver"], random)
    portal = vessels.portal_tree(cloud, random)
    hepatic = vessels.hepatic_tree(cloud, portal, random)
    organs["portal vein"] = tubes(FINE, portal.paths())
    organs["hepatic vein"] = tubes(FINE, hepatic.paths())
    _keep_below_capsule(organs)
    return Patient(organs, portal, hepatic)


def slabs(grid: Grid) -> list[slice]:
    """Blocks of i that keep memory small."""
    return [slice(i, min(i + 32, grid.shape[0])) for i in range(0, grid.shape[0], 32)]


def slab_axes(rows: slice) -> Axes:
    """Open axes of one block of FINE."""
    x, y, z = FINE.open_axes()
    return x[rows], y, z


def _filled(shape: Callable[[Axes], Floats]) -> Field:
    values = np.empty(FINE.shape, np.float32)
    for rows in slabs(FINE):
        values[rows] = shape(slab_axes(rows))
    return Field(FINE, values)


def _cloud(liver: Field, random: np.random.Generator) -> Floats:
    """About 14 000 points evenly inside the liver, 5 mm below its capsule, (n, 3) mm."""
    grid = Grid.around((-135.0, -95.0, -100.0), (110.0, 75.0, 95.0), (4.4, 4.4, 4.4))
    points = grid.points().reshape(3, -1)
    points = points + random.uniform(-1.5, 1.5, points.shape).astype(np.float32)
    cloud: Floats = points[:, liver.at(points, outside=20.0) < -5.0].T.astype(np.float64)
    return cloud


def _keep_below_capsule(organs: dict[str, Field]) -> None:
    """Cut vessels at 2 mm below the capsule; the portal trunk may leave through the porta."""
    liver = organs["liver"].values
    x, y, z = FINE.open_axes()
    porta = np.sqrt(((x + 15.0) / 36.0) ** 2 + ((y - 7.0) / 26.0) ** 2 + ((z + 14.0) / 34.0) ** 2)
    outlet = np.sqrt((x + 21.0) ** 2 + (y - 20.0) ** 2 + ((z - 40.0) / 1.2) ** 2)
    for name, door in (("portal vein", porta < 1.0), ("hepatic vein", outlet < 14.0)):
        shape = organs[name].values
        np.maximum(shape, np.where(door, -20.0, liver + 2.0), out=shape)


def picture(patient: Patient, random: np.random.Generator) -> Floats:
    """HU of the resting patient without tumours on FINE, float32, portal-venous phase."""
    hu = np.empty(FINE.shape, np.float32)
    fixed = {
        "ribs": skeleton.ribs(FINE),
        "cartilages": skeleton.cartilages(FINE),
        "breastbone": skeleton.breastbone(FINE),
        "colon": loops.colon(FINE),
        "bowel": loops.small_bowel(FINE, random),
        "pancreas": loops.pancreas(FINE),
        "aorta": tubes(FINE, [anatomy.aorta_path()]),
        "cava": tubes(FINE, [anatomy.cava_path()]),
        **patient.organs,
    }
    texture = {
        "fine": _texture(random, 1.1),
        "coarse": _texture(random, 3.5),
    }
    for rows in slabs(FINE):
        block = {name: field.values[rows] for name, field in fixed.items()}
        grain = {name: values[rows] for name, values in texture.items()}
        hu[rows] = _block(slab_axes(rows), block, grain)
    return hu


def _texture(random: np.random.Generator, width_mm: float) -> Floats:
    noise = random.standard_normal(FINE.shape, dtype=np.float32)
    smooth = ndimage.gaussian_filter(noise, [width_mm / s for s in FINE.spacing_mm], truncate=3.0)
    even: Floats = smooth / smooth.std()
    return even


class _Canvas:
    """One block being painted: later coats cover earlier ones, edges blend over one voxel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.hu = np.full(shape, -1000.0, np.float32)

    def coat(self, distance: Floats, value: Floats | float) -> None:
        """Cover where distance < 0 with value (HU)."""
        cover = np.clip(0.5 - distance / 0.9, 0.0, 1.0)
        if cover.any():
            self.hu += cover * (value - self.hu)


def _block(axes: Axes, field: dict[str, Floats], grain: dict[str, Floats]) -> Floats:
    shape = field["liver"].shape
    canvas = _Canvas(shape)
    fine, coarse = grain["fine"], grain["coarse"]
    _paint_trunk(canvas, axes, fine, coarse)
    _paint_chest(canvas, axes, fine)
    _paint_bones(canvas, axes, field, fine)
    _paint_bowel(canvas, axes, field, fine, coarse)
    _paint_organs(canvas, axes, field, fine, coarse)
    _paint_vessels(canvas, field)
    return canvas.hu


def _paint_trunk(canvas: _Canvas, axes: Axes, fine: Floats, coarse: Floats) -> None:
    skin = anatomy.body(axes)
    canvas.coat(skin, 35.0)
    canvas.coat(skin + anatomy.SKIN_MM, -104.0 + 4.0 * fine + 3.0 * coarse)
    wall = anatomy.muscle_wall(axes)
    inner = anatomy.cavity(axes)
    layers = 6.0 * np.cos(wall * 1.5) - 10.0
    canvas.coat(wall, 58.0 + np.minimum(layers, 0.0) + 5.0 * coarse)
    canvas.coat(inner, -98.0 + 5.0 * fine + 6.0 * coarse)
    canvas.coat(np.maximum(anatomy.back_muscles(axes), wall), 60.0 + 4.0 * coarse)


def _paint_chest(canvas: _Canvas, axes: Axes, fine: Floats) -> None:
    above = anatomy.above_diaphragm(axes)
    inner = anatomy.cavity(axes)
    sheet = np.maximum(np.abs(above - 1.2) - 1.6, inner)
    canvas.coat(sheet, 50.0)
    air = anatomy.lungs(axes)
    base = 40.0 * np.clip((axes[1] - 20.0) / 60.0, 0.0, 1.0)
    canvas.coat(air, -862.0 + base + 14.0 * fine)
    strands = np.maximum(air + 2.0, 2.35 - fine)
    canvas.coat(strands, -420.0)
    muscle = anatomy.heart(axes)
    canvas.coat(muscle, 112.0 + 3.0 * fine)
    canvas.coat(muscle + 11.0, 152.0)


def _paint_bones(canvas: _Canvas, axes: Axes, field: dict[str, Floats], fine: Floats) -> None:
    canvas.coat(skeleton.discs(axes), 88.0)
    spongy = 185.0 + 42.0 * fine
    for bone, shell_mm, shell_hu in (
        (skeleton.vertebral_bodies(axes), 1.1, 430.0),
        (skeleton.arches(axes), 1.8, 560.0),
        (field["ribs"], 1.2, 620.0),
        (field["breastbone"], 1.1, 420.0),
    ):
        canvas.coat(bone, shell_hu)
        canvas.coat(bone + shell_mm, spongy)
    canvas.coat(field["cartilages"], 105.0 + 8.0 * fine)
    canvas.coat(skeleton.canal(axes), 12.0)
    canvas.coat(skeleton.cord(axes), 42.0)


def _paint_bowel(
    canvas: _Canvas, axes: Axes, field: dict[str, Floats], fine: Floats, coarse: Floats
) -> None:
    inside = anatomy.cavity(axes) + 2.0
    bowel = np.maximum(field["bowel"], inside)
    canvas.coat(bowel, 98.0)
    canvas.coat(bowel + 2.0, 28.0 + 5.0 * coarse)
    wall = np.maximum(field["colon"], inside)
    canvas.coat(wall, 82.0)
    canvas.coat(wall + 2.2, 20.0 + 35.0 * coarse)
    canvas.coat(np.maximum(wall + 2.4, 4.5 * (1.3 - coarse) + 0.0 * axes[1]), -760.0)
    canvas.coat(field["pancreas"] - 0.8 * coarse, 97.0 + 6.0 * fine)
    canvas.coat(field["pancreas"] + 4.0 + 2.5 * np.abs(fine), 99.0)


def _paint_organs(
    canvas: _Canvas, axes: Axes, field: dict[str, Floats], fine: Floats, coarse: Floats
) -> None:
    belly = anatomy.stomach(axes)
    canvas.coat(belly, 88.0)
    rugae = 3.6 + 1.2 * coarse
    canvas.coat(belly + rugae, 14.0 + 5.0 * coarse)
    canvas.coat(np.maximum(belly + rugae, axes[1] + 26.0), -985.0)
    canvas.coat(field["spleen"], 121.0 + 3.0 * fine)
    kidney = field["kidneys"]
    canvas.coat(kidney, 186.0 + 3.0 * fine)
    canvas.coat(kidney + 7.5 + 1.6 * coarse, 166.0 + 3.0 * fine)
    sinus = anatomy.renal_sinus(axes)
    canvas.coat(sinus, -75.0)
    canvas.coat(sinus + 4.0 + 1.5 * coarse, 60.0)
    canvas.coat(field["liver"], LIVER_HU + 3.2 * fine + 2.0 * coarse)
    bile = anatomy.gallbladder(axes)
    canvas.coat(bile, 52.0)
    canvas.coat(bile + 1.6, 9.0)


def _paint_vessels(canvas: _Canvas, field: dict[str, Floats]) -> None:
    canvas.coat(field["cava"], 138.0)
    canvas.coat(field["aorta"], 170.0)
    canvas.coat(field["aorta"] + 1.3, 152.0)
    canvas.coat(field["hepatic vein"], 158.0)
    canvas.coat(field["portal vein"], 168.0)
