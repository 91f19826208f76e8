"""Trains a tiny network on phantoms and writes it as a hospital would provide it.

Blurs of the image at four scales (a fixed convolution) go through a perceptron with one hidden
layer, trained here by Adam (Kingma & Ba 2015) on a few thousand voxels.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.segmenting.abdomen import Abdomen, abdomen

SIZE, HIDDEN, CLASSES = 9, 16, 3
WINDOW = (0.0, 200.0)
SIGMAS = (0.7, 1.3, 2.0, 3.0)
VOXELS = (16_000, 8_000, 2_000)
Floats = NDArray[np.float32]


def write_model(folder: Path) -> Path:
    """Write model.onnx and model.json into a new folder; returns the folder."""
    folder.mkdir(parents=True)
    content = _network(*_trained()).SerializeToString()
    (folder / "model.onnx").write_bytes(content)
    page = {
        "organtwin_model": 1,
        "name": "tiny",
        "title": "Liver and tumour of a phantom",
        "version": "1",
        "licence": "Apache-2.0",
        "source": "trained on phantoms by the tests",
        "sha256": hashlib.sha256(content).hexdigest(),
        "modality": "CT",
        "unit": "HU",
        "spacing_mm": [3, 3, 3],
        "window": list(WINDOW),
        "patch": [40, 40, 40],
        "overlap": 0.25,
        "labels": [
            {"structure": "background"},
            {"structure": "liver", "code": ["10200004", "SCT", "Liver"]},
            {"structure": "tumour-1"},
        ],
    }
    (folder / "model.json").write_text(json.dumps(page))
    return folder


def _kernels() -> Floats:
    """(4, 1, 7, 7, 7) Gaussians that sum to 1."""
    away = np.arange(SIZE) - SIZE // 2
    square = away[:, None, None] ** 2 + away[:, None] ** 2 + away**2
    kernels = [np.exp(-0.5 * square / sigma**2) for sigma in SIGMAS]
    return np.array([k / k.sum() for k in kernels], np.float32)[:, None]


def _features(phantom: Abdomen) -> Floats:
    """(voxels, 4)."""
    from scipy import ndimage

    low, high = WINDOW
    seen = np.clip((phantom.volume.voxels - low) / (high - low), 0.0, 1.0).astype(np.float32)
    blurred = [ndimage.correlate(seen, k[0], mode="constant") for k in _kernels()]
    return np.stack(blurred, -1).reshape(-1, len(SIGMAS))


def _trained() -> tuple[Floats, Floats, Floats, Floats]:
    rng = np.random.default_rng(7)
    seen, truth = [], []
    for seed in (11, 12):
        phantom = abdomen(seed=seed)
        classes = (phantom.liver.astype(int) + phantom.tumour).ravel()
        chosen = [rng.choice(np.flatnonzero(classes == c), n) for c, n in enumerate(VOXELS)]
        seen.append(_features(phantom)[np.concatenate(chosen)])
        truth.append(classes[np.concatenate(chosen)])
    x, y = np.concatenate(seen), np.eye(CLASSES)[np.concatenate(truth)]
    weights = [
        rng.normal(0, 2.0, (len(SIGMAS), HIDDEN)), rng.normal(0, 0.5, HIDDEN),
        rng.normal(0, 0.5, (HIDDEN, CLASSES)), np.zeros(CLASSES),
    ]  # fmt: skip
    first, second = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    for step in range(1, 1500):
        part = rng.integers(len(x), size=512)
        slopes = _slopes(weights, x[part], y[part])
        for n, slope in enumerate(slopes):
            first[n] += 0.1 * (slope - first[n])
            second[n] += 0.001 * (slope**2 - second[n])
            mean, square = first[n] / (1 - 0.9**step), second[n] / (1 - 0.999**step)
            weights[n] -= 0.02 * mean / (np.sqrt(square) + 1e-8)
    a, b, c, d = (w.astype(np.float32) for w in weights)
    return a, b, c, d


def _slopes(
    weights: list[NDArray[np.float64]], x: Floats, y: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Of the mean cross entropy."""
    a, b, c, d = weights
    hidden = np.maximum(x @ a + b, 0.0)
    raw = hidden @ c + d
    odds = np.exp(raw - raw.max(axis=1, keepdims=True))
    wrong = (odds / odds.sum(axis=1, keepdims=True) - y) / len(x)
    back = (wrong @ c.T) * (hidden > 0)
    return [x.T @ back, back.sum(axis=0), hidden.T @ wrong, wrong.sum(axis=0)]


def _network(a: Floats, b: Floats, c: Floats, d: Floats) -> onnx.ModelProto:
    held = {
        "blurs": _kernels(),
        "a": a.T.reshape(HIDDEN, len(SIGMAS), 1, 1, 1), "b": b,
        "c": c.T.reshape(CLASSES, HIDDEN, 1, 1, 1), "d": d,
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["image", "blurs"], ["blurred"], pads=[SIZE // 2] * 6),
        helper.make_node("Conv", ["blurred", "a", "b"], ["mixed"]),
        helper.make_node("Relu", ["mixed"], ["hidden"]),
        helper.make_node("Conv", ["hidden", "c", "d"], ["scores"]),
    ]
    sides = ["i", "j", "k"]
    graph = helper.make_graph(
        nodes, "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, *sides])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, CLASSES, *sides])],
        [numpy_helper.from_array(np.ascontiguousarray(v), n) for n, v in held.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
