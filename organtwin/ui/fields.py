"""A Simulation as layers of a Scene: a deformed organ, the densities of a growing tumour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.core.organmesh import OrganMesh
from organtwin.core.simulation import Simulation
from organtwin.ui.scene import Layer, Scale, Scene
from organtwin.ui.shapes import isosurface

PROBABLE = (
    (0.05, (0.46, 0.62, 0.85), 0.22, "visible in 5 % of members"),
    (0.50, (0.95, 0.75, 0.25), 0.55, "visible in half"),
    (0.95, (0.90, 0.33, 0.26), 1.0, "visible in 95 %"),
)
"""Probability of visible tumour → colour, opacity, caption."""


def deformed(simulation: Simulation, mesh: OrganMesh, organ: str) -> Scene:
    """Return the organ's surface after the load, coloured by displacement, over its old place."""
    moved = mean_displacement(simulation)
    length = np.linalg.norm(moved, axis=1)
    points = mesh.points + moved
    shell = mesh.surface(organ)
    layers = [
        Layer(
            f"deformed/{simulation.job}",
            points,
            shell,
            (0.8, 0.8, 0.8),
            0.84 if len(mesh.structures) > 1 else 1.0,
            values=length,
        ),
        Layer(
            f"before/{simulation.job}",
            mesh.points,
            shell,
            (0.62, 0.68, 0.76),
            0.10,
            caption="before",
        ),
    ]
    for structure in mesh.structures:
        if structure.kind == "tumour":
            inner = mesh.surface(structure.name)
            name = f"moved/{structure.name}/{simulation.job}"
            layers.insert(0, Layer(name, points, inner, structure.colour, caption=structure.name))
    top = float(length.max())
    return Scene(tuple(layers), Scale("Displacement", "mm", 0.0, top), "After the load")


def mean_displacement(simulation: Simulation) -> NDArray[np.float64]:
    """Return (n, 3) mm, the mean displacement over the members."""
    field = np.asarray(simulation.fields["displacement_mm"], dtype=np.float64)
    result: NDArray[np.float64] = field if field.ndim == 2 else field.mean(axis=0)
    return result


def grown(simulation: Simulation, number: int) -> Scene:
    """Return where the tumour is visible on the `number`-th day, in some and in most members."""
    points = np.asarray(simulation.fields["points_mm"], dtype=np.float64)
    cells = np.asarray(simulation.fields["tetrahedra"])
    probability = np.asarray(simulation.fields["visible_probability"][number], dtype=np.float64)
    day = float(simulation.days[number])
    layers = []
    for level, shade, opacity, caption in reversed(PROBABLE):
        corners, triangles = isosurface(points, cells, probability, level)
        if len(triangles):
            name = f"grown/{simulation.job}/{number}/{level}"
            layers.append(Layer(name, corners, triangles, shade, opacity, caption=caption))
    return Scene(tuple(layers), title=f"{simulation.structure} on day {day:g}")
