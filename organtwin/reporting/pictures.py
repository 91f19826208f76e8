"""3D pictures of the organ, drawn off screen: no display is needed.

What is seen through (organ, zone, cut) is drawn in passes of its own and laid over the solid
things pixel by pixel, in order of depth: only its nearest face counts, and it is clearer where it
faces the eye than along its rim, like glass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkFloatArray, vtkLogger, vtkUnsignedCharArray

from organtwin.core.errors import BadArgument
from organtwin.reporting import look, solids
from organtwin.reporting.images import frame_of
from organtwin.reporting.scene import Scene, Shape

FROM_FRONT = (-0.42, -1.0, 0.34)
"""Where the eye stands: in front of the patient, a little to his right and above, LPS."""
VIEW_ANGLE_DEG = 24.0
SUPERSAMPLING = 2
FACING = "facing"

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Glass:
    """A surface seen through: its opacity where it faces the eye, and along its rim."""

    mesh: pv.PolyData
    colour: look.Colour
    middle: float
    rim: float


def render(
    scene: Scene,
    *,
    width_px: int = 900,
    height_px: int = 760,
    view_from: tuple[float, float, float] = FROM_FRONT,
    around: Sequence[Scene] = (),
    trim: bool = False,
) -> Image:
    """Return (height, width, 3) uint8: the scene in 3D on white, without words.

    Args:
        view_from: direction from the organ to the eye, LPS.
        around: scenes that shall share the camera.
        trim: cut off the white border, which makes the image smaller than asked.

    Raises:
        BadArgument: the scene has no surface.
    """
    if not scene.shapes:
        raise BadArgument("a picture needs at least one surface", where=scene.title)
    centre, radius = solids.bounds_of((scene, *around))
    eye = np.array(view_from) / np.linalg.norm(view_from)
    eye = centre + 1.02 * radius / np.sin(np.radians(VIEW_ANGLE_DEG / 2)) * eye
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    plotter = pv.Plotter(
        off_screen=True,
        window_size=(width_px * SUPERSAMPLING, height_px * SUPERSAMPLING),
        lighting="light kit",
    )
    try:
        _aim(plotter, eye, centre, radius)
        image = _layered(plotter, scene, eye)
    finally:
        plotter.close()
    small = _halved(image)
    return small[frame_of([small], 20)] if trim else small


def _aim(
    plotter: pv.Plotter, eye: NDArray[np.float64], centre: NDArray[np.float64], radius: float
) -> None:
    plotter.set_background("white")
    plotter.camera.position = tuple(eye)
    plotter.camera.focal_point = tuple(centre)
    plotter.camera.up = (0.0, 0.0, 1.0)
    plotter.camera.view_angle = VIEW_ANGLE_DEG
    reach = float(np.linalg.norm(eye - centre))
    plotter.camera.clipping_range = (max(reach - 1.8 * radius, 1.0), reach + 1.8 * radius)


def _layered(plotter: pv.Plotter, scene: Scene, eye: NDArray[np.float64]) -> Floats:
    """Return (h, w, 3) float32, 0..255: solid things with what is seen through laid over them."""
    solid, glasses = _parts(scene)
    actors = [_add(plotter, mesh, colour) for mesh, colour in solid]
    base, depth = _pass(plotter)
    for actor in actors:
        actor.SetVisibility(False)
    panes = [_pane(plotter, glass, eye) for glass in glasses]
    if not panes:
        return base
    depths = np.stack([pane[2] for pane in panes])
    order = np.argsort(-depths, axis=0)
    colours = np.stack([pane[0] for pane in panes])
    alphas = np.stack([np.where(d < depth, a, 0.0) for (_, a, d) in panes]).astype(np.float32)
    for rank in range(len(panes)):
        pick = order[rank : rank + 1]
        alpha = np.take_along_axis(alphas, pick, axis=0)[0][..., None]
        colour = np.take_along_axis(colours, pick[..., None], axis=0)[0]
        base = base * (1.0 - alpha) + colour * alpha
    return base


def _pass(plotter: pv.Plotter) -> tuple[Floats, Floats]:
    """Draw what is visible: colours (h, w, 3) 0..255 and depth 0..1 (h, w), inf where is nothing.

    All passes share one clipping range, so their depths can be compared.
    """
    window = plotter.render_window
    window.Render()
    wide, high = window.GetSize()
    colours, depth = vtkUnsignedCharArray(), vtkFloatArray()
    window.GetPixelData(0, 0, wide - 1, high - 1, 0, colours, 0)
    window.GetZbufferData(0, 0, wide - 1, high - 1, depth)
    rgb = vtk_to_numpy(colours).reshape(high, wide, 3)[::-1].astype(np.float32)
    z = vtk_to_numpy(depth).reshape(high, wide)[::-1].astype(np.float32)
    return rgb, np.where(z < 1.0, z, np.float32(np.inf))


def _pane(
    plotter: pv.Plotter, glass: Glass, eye: NDArray[np.float64]
) -> tuple[Floats, Floats, Floats]:
    """Return a glass' colours, opacity and depth in every pixel."""
    mesh = glass.mesh
    toward = eye - mesh.points
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    mesh[FACING] = np.abs(np.einsum("ij,ij->i", mesh.point_normals, toward))
    lit = _add(plotter, mesh, glass.colour)
    colours, depth = _pass(plotter)
    plotter.remove_actor(lit, render=False)
    if glass.middle == glass.rim:
        return colours, np.where(np.isfinite(depth), np.float32(glass.middle), 0.0), depth
    plain = plotter.add_mesh(
        mesh,
        scalars=FACING,
        cmap="gray",
        clim=(0.0, 1.0),
        lighting=False,
        show_scalar_bar=False,
        reset_camera=False,
        render=False,
    )
    facing = _pass(plotter)[0][..., 0] / 255.0
    plotter.remove_actor(plain, render=False)
    opacity = glass.middle + (glass.rim - glass.middle) * (1.0 - facing) ** 2
    return colours, np.where(np.isfinite(depth), opacity, 0.0), depth


def _halved(image: Floats) -> Image:
    n, (h, w, _) = SUPERSAMPLING, image.shape
    boxes = image.reshape(h // n, n, w // n, n, 3)
    result: Image = (boxes.mean(axis=(1, 3)) + 0.5).clip(0, 255).astype(np.uint8)
    return result


def _parts(scene: Scene) -> tuple[list[tuple[Any, look.Colour]], list[Glass]]:
    """Return what is solid (mesh, colour) and what is seen through."""
    solid: list[tuple[Any, look.Colour]] = []
    glasses: list[Glass] = []
    for shape in scene.shapes:
        kept, taken = solids.split(shape, scene.removed)
        if kept.n_cells and shape.kind == "organ":
            glasses.append(Glass(kept, shape.colour, 0.24, 0.78))
        elif kept.n_cells:
            solid.append((kept, shape.colour))
        if taken is not None and taken.n_cells:
            if shape.kind == "organ" and scene.contact == "cut":
                glasses.append(Glass(taken, look.REMOVED, 0.14, 0.55))
            elif shape.kind == "organ":
                glasses.append(Glass(taken, shape.colour, 0.24, 0.78))
            else:
                solid.append((taken, _faded(shape)))
    solid += [(solids.rod(entry, target), look.PROBE) for entry, target in scene.probes]
    if scene.removed is not None and scene.contact == "zone":
        glasses.append(Glass(solids.border(scene.removed), look.ZONE, 0.30, 0.80))
    organs = [shape for shape in scene.shapes if shape.kind == "organ"]
    if scene.removed is not None and scene.contact == "cut" and organs:
        face = solids.cut_face(organs[0], scene.removed)
        if face is not None:
            glasses.append(Glass(face, look.CUT, 0.42, 0.42))
            solid.append((solids.rim(face), look.CUT))
    return solid, glasses


def _faded(shape: Shape) -> look.Colour:
    """Colour of the part of an inner shape that is removed: tumours keep most of their own."""
    own = 0.75 if shape.kind == "tumour" else 0.25
    red, green, blue = (
        own * c + (1.0 - own) * g for c, g in zip(shape.colour, look.REMOVED, strict=True)
    )
    return red, green, blue


def _add(plotter: pv.Plotter, mesh: Any, colour: look.Colour) -> Any:
    return plotter.add_mesh(
        mesh,
        color=colour,
        smooth_shading=True,
        split_sharp_edges=False,
        specular=0.28,
        specular_power=24,
        ambient=0.22,
        diffuse=0.80,
        show_scalar_bar=False,
        reset_camera=False,
        render=False,
    )
