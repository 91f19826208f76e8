"""VTK drawing into memory; imported late, for the window shall be there first."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtGui import QImage


def new_window() -> tuple[Any, Any]:
    """Return a vtkRenderWindow without a window of its own, and its lit vtkRenderer."""
    import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  (registers the OpenGL classes)
    from vtkmodules.vtkRenderingCore import vtkLightKit, vtkRenderer, vtkRenderWindow

    window = vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    renderer = vtkRenderer()
    renderer.SetBackground(0.030, 0.040, 0.055)
    renderer.SetBackground2(0.085, 0.105, 0.135)
    renderer.GradientBackgroundOn()
    renderer.SetUseFXAA(True)
    renderer.AutomaticLightCreationOff()
    light = vtkLightKit()
    light.SetKeyLightIntensity(1.15)
    light.SetKeyToFillRatio(2.6)
    light.AddLightsToRenderer(renderer)
    window.AddRenderer(renderer)
    return window, renderer


def picture_of(window: Any, width: int, height: int) -> QImage:
    """Return what a render window drew last, width by height pixels."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

    pixels = vtkUnsignedCharArray()
    window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, pixels)
    rows = np.ascontiguousarray(vtk_to_numpy(pixels).reshape(height, width, 4)[::-1])
    return QImage(rows.data, width, height, QImage.Format.Format_RGBX8888).copy()
