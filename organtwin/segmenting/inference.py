"""Runs a neural network of a hospital's in a process of its own, with limits, without a network.

Started by `neural`; reads one JSON object from stdin, prints JSON lines (``{"done": 0.4}``, at the
end ``{"finished": true}`` or ``{"error": …}``) and ends when its parent does. Image and scores are
raw float32 in the files named, C order. The file of the network is given to ONNX Runtime as bytes,
so that no other file it may name can be read, and only the processor is used.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MEMORY_BYTES: Final = 12 * 2**30
MOST_NETWORK_BYTES: Final = 2**31 - 1
Floats = NDArray[np.float32]


class Unusable(Exception):
    """What a person has to know of a network that cannot be run."""


def main() -> int:
    """Run the network asked for on stdin."""
    asked = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=end_with_parent, daemon=True).start()
    say, sys.stdout = sys.stdout, sys.stderr
    try:
        bound()
        for done in inferred(asked):
            print(json.dumps({"done": done}), file=say, flush=True)
        print(json.dumps({"finished": True}), file=say, flush=True)
    except Unusable as error:
        print(json.dumps({"error": str(error)}), file=say, flush=True)
    except MemoryError:
        print(json.dumps({"error": "it needs more memory than it may have"}), file=say, flush=True)
    except Exception as error:  # ONNX Runtime's own errors share no class
        text = f"ONNX Runtime refused it ({type(error).__name__}: {str(error)[:300]})"
        print(json.dumps({"error": text}), file=say, flush=True)
    return 0


def inferred(asked: dict[str, Any]) -> Iterator[float]:
    """Run a network over an image, patch by patch, and yield how far it is.

    Args:
        asked: "network" (path), "sha256", "image" and "scores" (paths), "shape" of the image,
            "patch", "overlap", "labels" (their number), "threads".

    Raises:
        Unusable: the network is not the one its page names, or does not do what that says.
    """
    session = _session(Path(asked["network"]), asked["sha256"], asked["threads"])
    shape, patch = tuple(asked["shape"]), tuple(asked["patch"])
    image: Floats = np.memmap(asked["image"], np.float32, "r", shape=shape)
    scores: Floats = np.memmap(asked["scores"], np.float32, "w+", shape=(asked["labels"], *shape))
    weights = np.zeros(shape, np.float32)
    bell = _bell(patch)
    starts = list(itertools.product(*map(_starts, shape, patch, [asked["overlap"]] * 3)))
    for number, start in enumerate(starts):
        box = tuple(slice(s, min(s + p, n)) for s, p, n in zip(start, patch, shape, strict=True))
        seen = image[box]
        short = [(0, p - n) for p, n in zip(patch, seen.shape, strict=True)]
        padded = np.pad(seen, short, mode="edge")
        (found,) = session.run(None, {session.get_inputs()[0].name: padded[None, None]})
        if found.shape != (1, asked["labels"], *patch) or found.dtype != np.float32:
            raise Unusable(f"it gives {found.dtype} {found.shape}, which its page does not say")
        if not np.isfinite(found).all():
            raise Unusable("it gives scores that are no numbers")
        inside = tuple(slice(0, n) for n in seen.shape)
        scores[(slice(None), *box)] += (found[0] * bell)[(slice(None), *inside)]
        weights[box] += bell[inside]
        yield (number + 1) / len(starts)
    scores /= weights


def _session(path: Path, sha256: str, threads: int) -> Any:
    """Return an ONNX Runtime session of exactly the file that was promised."""
    if path.stat().st_size > MOST_NETWORK_BYTES:
        raise Unusable("its network is larger than 2 GiB")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Unusable("its network is not the one that its page names (SHA-256 differs)")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    if len(session.get_inputs()) != 1 or len(session.get_outputs()) != 1:
        raise Unusable("its network has to take one image and give one array of scores")
    return session


def _starts(size: int, patch: int, overlap: float) -> Sequence[int]:
    """Return where patches begin along an axis: even, the last one flush with the end."""
    if size <= patch:
        return [0]
    steps = int(np.ceil((size - patch) / max(1.0, patch * (1.0 - overlap))))
    return [round(n * (size - patch) / steps) for n in range(steps + 1)]


def _bell(patch: tuple[int, ...]) -> Floats:
    """Return the weights of a patch (i, j, k): a Gaussian of sd 1/8 of it.

    Scores near a patch's border lack surroundings (Isensee et al. 2021,
    10.1038/s41592-020-01008-z, who weigh so).
    """
    lines = [np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (n / 8)) ** 2) for n in patch]
    bell = lines[0][:, None, None] * lines[1][:, None] * lines[2]
    weights: Floats = np.maximum(bell, 1e-3).astype(np.float32)
    return weights


def bound() -> None:
    """Allow so much memory and no file of what the process held when it crashed."""
    if sys.platform == "linux":
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end_with_parent() -> None:
    """Wait for the end of stdin, then end this process."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
