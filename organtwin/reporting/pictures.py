"""3D pictures of the organ, drawn off screen: no display is needed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyvista as pv
from matplotlib.figure import Figure
from matplotlib.image import imread, imsave
from matplotlib.patches import Patch
from numpy.typing import NDArray
from vtkmodules.vtkCommonCore import vtkLogger

from organtwin.core.errors import BadArgument
from organtwin.reporting import look, solids
from organtwin.reporting.scene import Scene, Shape

FROM_FRONT = (-0.42, -1.0, 0.34)
"""Where the eye stands: in front of the patient, a little to his right and above, LPS."""
VIEW_ANGLE_DEG = 24.0
SUPERSAMPLING = 2
LETTERS = (("L", (1, 0, 0)), ("P", (0, 1, 0)), ("S", (0, 0, 1)))
OPPOSITE = {"L": "R", "P": "A", "S": "I"}


def render(
    scene: Scene,
    *,
    width_px: int = 900,
    height_px: int = 760,
    view_from: tuple[float, float, float] = FROM_FRONT,
    around: Sequence[Scene] = (),
) -> NDArray[np.uint8]:
    """Return (height, width, 3) uint8: the scene in 3D on white, without words.

    Args:
        view_from: direction from the organ to the eye, LPS.
        around: scenes that shall share the camera.
    """
    if not scene.shapes:
        raise BadArgument("a picture needs at least one surface", where=scene.title)
    centre, radius = solids.bounds_of((scene, *around))
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    plotter = pv.Plotter(
        off_screen=True,
        window_size=(width_px * SUPERSAMPLING, height_px * SUPERSAMPLING),
        lighting="light kit",
    )
    try:
        plotter.set_background("white")
        _draw(plotter, scene)
        direction = np.array(view_from) / np.linalg.norm(view_from)
        reach = 1.02 * radius / np.sin(np.radians(VIEW_ANGLE_DEG / 2))
        plotter.camera.position = tuple(centre + reach * direction)
        plotter.camera.focal_point = tuple(centre)
        plotter.camera.up = (0.0, 0.0, 1.0)
        plotter.camera.view_angle = VIEW_ANGLE_DEG
        plotter.renderer.ResetCameraClippingRange()
        image = plotter.screenshot(None, return_img=True)
    finally:
        plotter.close()
    return _halved(np.asarray(image))


def _halved(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    n, (h, w, _) = SUPERSAMPLING, image.shape
    boxes = image.reshape(h // n, n, w // n, n, 3)
    result: NDArray[np.uint8] = (boxes.mean(axis=(1, 3)) + 0.5).astype(np.uint8)
    return result


def _draw(plotter: pv.Plotter, scene: Scene) -> None:
    """Add what is solid first and what is seen through last, so that no peeling is needed."""
    layers: list[tuple[Any, look.Colour, float]] = []
    for shape in scene.shapes:
        kept, taken = solids.split(shape, scene.removed)
        layers.append((kept, shape.colour, _opacity(shape)))
        if taken is not None:
            layers.append((taken, *_gone(shape, scene.contact)))
    if scene.removed is not None and scene.contact == "zone":
        layers.append((solids.border(scene.removed), look.ZONE, 0.34))
    for entry, target in scene.probes:
        layers.append((solids.rod(entry, target), look.PROBE, 1.0))
    layers.sort(key=lambda layer: -layer[2])
    solid = [layer for layer in layers if layer[2] > 0.5]
    for mesh, colour, opacity in solid:
        _add(plotter, mesh, colour, opacity)
    _draw_cut(plotter, scene)
    for mesh, colour, opacity in layers[len(solid) :]:
        _add(plotter, mesh, colour, opacity)


def _draw_cut(plotter: pv.Plotter, scene: Scene) -> None:
    organs = [shape for shape in scene.shapes if shape.kind == "organ"]
    if scene.removed is None or scene.contact != "cut" or not organs:
        return
    face = solids.cut_face(organs[0], scene.removed)
    if face is None:
        return
    plotter.add_mesh(face, color=look.CUT, opacity=0.5, lighting=False, culling=False)
    edge = face.extract_feature_edges(manifold_edges=False, feature_edges=False)
    plotter.add_mesh(edge, color=look.CUT, line_width=5, lighting=False)


def _opacity(shape: Shape) -> float:
    return 0.40 if shape.kind == "organ" else 1.0


def _gone(shape: Shape, contact: str) -> tuple[look.Colour, float]:
    """Colour and opacity of the part of a shape that is removed."""
    if shape.kind == "tumour":
        return shape.colour, 0.85
    mixed = tuple(0.25 * c + 0.75 * g for c, g in zip(shape.colour, look.REMOVED, strict=True))
    red, green, blue = mixed
    opacity = 0.45 if shape.kind != "organ" else (0.22 if contact == "cut" else 0.12)
    return (red, green, blue), opacity


def _add(plotter: pv.Plotter, mesh: Any, colour: look.Colour, opacity: float) -> None:
    if mesh.n_cells == 0:
        return
    plotter.add_mesh(
        mesh,
        color=colour,
        opacity=opacity,
        smooth_shading=True,
        split_sharp_edges=False,
        culling="back" if opacity < 1.0 else False,
        specular=0.30,
        specular_power=24,
        ambient=0.20,
        diffuse=0.80,
        show_scalar_bar=False,
        scalars=None,
    )


def comparison_picture(
    scenes: Sequence[Scene],
    *,
    width_px: int = 2100,
    view_from: tuple[float, float, float] = FROM_FRONT,
    heading: str = "Scenarios side by side",
) -> NDArray[np.uint8]:
    """Return (height, width, 3) uint8: scenes side by side with one camera, captions and key.

    Raises:
        BadArgument: there is no scene.
    """
    if not scenes:
        raise BadArgument("a comparison needs at least one scene")
    images = [
        render(s, width_px=860, height_px=800, view_from=view_from, around=tuple(scenes))
        for s in scenes
    ]
    cut = _common_frame(images)
    panel = images[0][cut].shape
    lines = max(len(s.lines) for s in scenes)
    width = width_px / 150
    panel_in = (width - 0.3) / len(scenes)
    image_in = panel_in * 0.96 * panel[0] / panel[1]
    height = 0.62 + 0.5 + image_in + 0.24 * lines + 0.3 + 0.55
    figure = look.new_figure(width, height)
    _words(figure, 0.15 / width, 1 - 0.36 / height, heading, size=17, weight="bold")
    _words(
        figure, 1 - 0.15 / width, 1 - 0.36 / height, look.RESEARCH_USE, size=9.5,
        colour=look.BANNER, align="right", weight="bold",
    )  # fmt: skip
    for number, (scene, image) in enumerate(zip(scenes, images, strict=True)):
        left = (0.15 + number * panel_in) / width
        _panel(figure, scene, image[cut], (left, panel_in, image_in, number, view_from))
    _key(figure, scenes, height)
    return pixels(figure)


def _common_frame(images: Sequence[NDArray[np.uint8]]) -> tuple[slice, slice]:
    """Slices that cut off the white border all the images share, leaving a margin."""
    used = np.any([np.any(image < 250, axis=2) for image in images], axis=0)
    rows, columns = (np.flatnonzero(used.any(axis=axis)) for axis in (1, 0))
    cuts = [
        slice(max(int(line[0]) - 44, 0), int(line[-1]) + 45) if len(line) else slice(None)
        for line in (rows, columns)
    ]
    return cuts[0], cuts[1]


def _panel(
    figure: Figure,
    scene: Scene,
    image: NDArray[np.uint8],
    place: tuple[float, float, float, int, tuple[float, float, float]],
) -> None:
    left, panel_in, image_in, number, view_from = place
    width, height = figure.get_size_inches()
    top = 1 - (0.62 + 0.5) / height
    colour = look.scenario_colour(number)
    figure.patches.append(
        _bar(figure, (left, 1 - 0.70 / height), (panel_in * 0.96 / width, 0.045 / height), colour)
    )
    _words(figure, left, 1 - 0.92 / height, scene.title, size=13, weight="bold")
    axes = figure.add_axes(
        (left, top - image_in / height, panel_in * 0.96 / width, image_in / height)
    )
    axes.imshow(image, interpolation="antialiased")
    axes.set_axis_off()
    orientation_letters(axes, view_from)
    for row, line in enumerate(scene.lines):
        y = top - (image_in + 0.22 + 0.24 * row) / height
        _words(figure, left, y, line, size=10.5, colour=look.INK)


def _bar(
    figure: Figure, corner: tuple[float, float], size: tuple[float, float], colour: str
) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, *size, color=colour, lw=0, transform=figure.transFigure)


def orientation_letters(axes: Any, view_from: tuple[float, float, float]) -> None:
    """Write which side of the patient each edge of a picture shows (R, L, A, P, S, I)."""
    toward = np.array(view_from) / np.linalg.norm(view_from)
    right = np.cross((0.0, 0.0, 1.0), toward)
    right /= np.linalg.norm(right)
    up = np.cross(toward, right)
    edges = ((right, 0.985, 0.5), (-right, 0.015, 0.5), (up, 0.5, 0.98), (-up, 0.5, 0.02))
    for direction, x, y in edges:
        axes.text(
            x, y, _letter(direction), transform=axes.transAxes, ha="center", va="center",
            fontsize=11, fontweight="bold", color=look.MUTED,
        )  # fmt: skip


def _letter(direction: NDArray[np.float64]) -> str:
    letter, axis = max(LETTERS, key=lambda pair: abs(float(direction @ np.array(pair[1]))))
    return letter if float(direction @ np.array(axis)) > 0 else OPPOSITE[letter]


def _key(figure: Figure, scenes: Sequence[Scene], height: float) -> None:
    seen = {s.name: s.colour for scene in scenes for s in scene.shapes}
    patches = [Patch(facecolor=c, label=n, alpha=0.9) for n, c in seen.items()]
    contacts = {scene.contact for scene in scenes}
    if "cut" in contacts:
        patches.append(Patch(facecolor=look.CUT, alpha=0.6, label="cut"))
        patches.append(Patch(facecolor=look.REMOVED, alpha=0.5, label="removed"))
    if "zone" in contacts:
        patches.append(Patch(facecolor=look.ZONE, alpha=0.4, label="ablation zone"))
    if any(scene.probes for scene in scenes):
        patches.append(Patch(facecolor=look.PROBE, label="probe"))
    figure.legend(
        handles=patches, loc="lower center", ncols=len(patches), frameon=False, fontsize=10,
        labelcolor=look.INK, handlelength=1.1, handleheight=1.1, columnspacing=1.8,
        bbox_to_anchor=(0.5, 0.10 / height),
    )  # fmt: skip


def _words(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    figure.text(
        x, y, text, fontsize=style.get("size", 10), color=style.get("colour", look.INK),
        fontweight=style.get("weight", "normal"), ha=style.get("align", "left"), va="center",
        parse_math=False,
    )  # fmt: skip


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Return (height, width, 3) uint8: a figure drawn at its own resolution."""
    figure.canvas.draw()
    rgba = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
    result: NDArray[np.uint8] = np.ascontiguousarray(rgba[..., :3])
    return result


def png_bytes(image: NDArray[np.uint8]) -> bytes:
    """Return an image (height, width, 3) uint8 as the bytes of a PNG file."""
    stream = io.BytesIO()
    imsave(stream, image, format="png")
    return stream.getvalue()


def write_png(image: NDArray[np.uint8], path: Path) -> Path:
    """Write an image (height, width, 3) uint8 as a PNG file; returns its path."""
    path.write_bytes(png_bytes(image))
    return path


def read_png(path: Path) -> NDArray[Any]:
    """Return the image of a PNG file, (height, width, channels) float 0..1."""
    return np.asarray(imread(path))
