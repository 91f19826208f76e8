"""Asks a MONAI Label server for the labels of one image, in a process of its own.

Started by `organtwin.segmenting.served`; reads one JSON object from stdin and prints JSON lines as
`organtwin.segmenting.beside` says. MONAI Label's REST interface: ``GET /info/`` lists the models,
``POST /infer/{model}?output=image`` takes a multipart form with "file" (the image) and "params"
(JSON), and answers the labels as NIfTI or NRRD, alone or as a part of a multipart answer. TLS is
verified, redirects are not followed, size and time of an answer are bounded, no proxy is asked.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import secrets
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, OrganTwinError
from organtwin.core.volume import GeometryReport, Volume, spacing_of, to_lps
from organtwin.core.watch import Watch
from organtwin.segmenting.inference import bound, end_with_parent

MOST_INFO_BYTES: Final = 4 * 2**20
MOST_ANSWER_BYTES: Final = 256 * 2**20
CHUNK: Final = 2**18
SAME_PLACE: Final = 0.05
"""Of a voxel: a server's grid may be off by so much at a corner, for it writes float32."""
BOUNDARY: Final = re.compile(
    rb'multipart/[a-z-]+\s*;.*?boundary="?([^";,\s]{1,200})', re.IGNORECASE
)


def main() -> int:
    """Ask for what is asked for on stdin."""
    asked = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        bound()
        _say(finished=True, **labelled(asked))
    except OrganTwinError as error:
        _say(error=error.what)
    except MemoryError:
        _say(error="its answer needs more memory than it may have")
    except TimeoutError:
        _say(error="the server does not answer in time")
    except ssl.SSLCertVerificationError as error:
        _say(error=f"its certificate cannot be trusted ({error.verify_message})")
    except OSError as error:
        _say(error=f"the server cannot be reached ({error.strerror or type(error).__name__})")
    except http.client.HTTPException as error:
        _say(error=f"the server does not speak HTTP ({type(error).__name__})")
    return 0


def labelled(asked: dict[str, Any]) -> dict[str, str]:
    """Send the image, write the labels found to "labels"; returns the SHA-256 of both ways.

    Args:
        asked: "server", "model", "most_s", "folder" with the "image" (raw, Fortran order), its
            "shape", "dtype" and "affine" (index → LPS mm), "values" of the labels expected.

    Raises:
        BadInput: the answer cannot be used.
        OSError, http.client.HTTPException: there is none.
    """
    folder, server = Path(asked["folder"]), _Server(asked["server"], asked["most_s"])
    _check_known(server, asked["model"])
    _say(done=0.1)
    volume = _volume(asked, folder)
    sent = _as_nifti(volume, folder)
    form, boundary = _form(sent)
    kind, body = server.ask(
        "POST",
        f"/infer/{asked['model']}?output=image",
        form,
        {"Content-Type": f"multipart/form-data; boundary={boundary}"},
        most=MOST_ANSWER_BYTES,
    )
    _say(done=0.9)
    owner = _read(_part(kind, body), volume, asked["values"], folder)
    (folder / "labels").write_bytes(owner.tobytes(order="F"))
    return {"sent": hashlib.sha256(sent).hexdigest(), "received": hashlib.sha256(body).hexdigest()}


class _Server:
    """One server, for so many seconds in all."""

    def __init__(self, address: str, most_s: float) -> None:
        self._parts, self._until = urlsplit(address), time.monotonic() + most_s

    def ask(
        self, verb: str, path: str, body: bytes = b"", headers: Any = None, *, most: int
    ) -> tuple[str, bytes]:
        """Return content type and bytes of an answer; raises BadInput, OSError, HTTPException."""
        line = self._line()
        try:
            line.request(verb, self._parts.path + path, body or None, headers or {})
            with line.getresponse() as answer:
                if answer.status != 200:
                    raise BadInput(_refusal(answer.status))
                if int(answer.getheader("Content-Length") or 0) > most:
                    raise BadInput(f"its answer is larger than {most >> 20} MiB")
                return answer.getheader("Content-Type") or "", self._whole(line, answer, most)
        except ValueError as error:
            raise BadInput("its answer is not HTTP") from error
        finally:
            line.close()

    def _line(self) -> http.client.HTTPConnection:
        host, port, left = str(self._parts.hostname), self._parts.port, self._left()
        if self._parts.scheme == "https":
            trusted = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=left, context=trusted)
        return http.client.HTTPConnection(host, port, timeout=left)

    def _whole(
        self, line: http.client.HTTPConnection, answer: http.client.HTTPResponse, most: int
    ) -> bytes:
        found = bytearray()
        while True:
            if line.sock is not None:
                line.sock.settimeout(self._left())
            self._left()
            part = answer.read1(CHUNK)
            if not part:
                return bytes(found)
            found += part
            if len(found) > most:
                raise BadInput(f"its answer is larger than {most >> 20} MiB")

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0.0:
            raise TimeoutError
        return left


def _refusal(status: int) -> str:
    if 300 <= status < 400:
        return f"the server sends elsewhere (HTTP {status}), which is not followed"
    return f"the server refuses (HTTP {status})"


def _check_known(server: _Server, model: str) -> None:
    """Raise BadInput when the server does not list a model."""
    _, body = server.ask("GET", "/info/", most=MOST_INFO_BYTES)
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput("it is no MONAI Label server (its /info/ is not JSON)") from error
    models = said.get("models") if isinstance(said, dict) else None
    if not isinstance(models, dict):
        raise BadInput("it is no MONAI Label server (its /info/ lists no models)")
    if model not in models:
        raise BadInput(f"the server has no model {model!r}")


def _volume(asked: dict[str, Any], folder: Path) -> Volume:
    voxels = np.fromfile(folder / "image", np.dtype(asked["dtype"]))
    voxels = voxels.reshape(asked["shape"], order="F")
    affine = np.array(asked["affine"], np.float64)
    return Volume(voxels, affine, "1", "", GeometryReport(spacing_of(affine), "LPS"))


def _as_nifti(volume: Volume, folder: Path) -> bytes:
    """Return the image as NIfTI: voxels and where they lie, nothing of whose they are."""
    from organtwin.exporting.nifti import write_voxels

    path = folder / "image.nii.gz"
    write_voxels(path, volume.voxels, volume.affine, said="image", watch=Watch())
    return path.read_bytes()


def _form(image: bytes) -> tuple[bytes, str]:
    """Return the multipart form of a request (RFC 7578) and its boundary."""
    boundary = secrets.token_hex(16)
    head = 'Content-Disposition: form-data; name="{}"{}\r\nContent-Type: {}\r\n\r\n'
    parts = (
        (head.format("params", "", "application/json"), b"{}"),
        (head.format("file", '; filename="image.nii.gz"', "application/octet-stream"), image),
    )
    body = b"".join(f"--{boundary}\r\n{top}".encode() + content + b"\r\n" for top, content in parts)
    return body + f"--{boundary}--\r\n".encode(), boundary


def _part(kind: str, body: bytes) -> bytes:
    """Return the file of labels in an answer: all of it, or the part of a multipart one."""
    found = BOUNDARY.match(kind.encode("latin-1", "replace"))
    if found is None:
        return body
    for part in body.split(b"--" + found[1])[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        if b"filename=" in head:
            return content.removesuffix(b"\r\n")
    raise BadInput("its answer holds no file of labels")


def _read(answer: bytes, volume: Volume, values: list[int], folder: Path) -> NDArray[np.uint8]:
    """Return the labels on the image's grid: 0, or 1 + the place of their value in `values`."""
    from organtwin.importing import label_source, read_masks

    path = folder / ("answer.nrrd" if answer.startswith(b"NRRD") else "answer.nii.gz")
    path.write_bytes(answer)
    try:
        source = label_source(path)
        _check_grid(source.size, source.affine, volume)
        known = dict(zip(source.names, source.values, strict=True))
        owner = np.zeros(volume.voxels.shape, np.uint8, order="F")
        for mask in read_masks(source, volume, Watch()):
            if known[mask.name] not in values:
                raise BadInput(f"its answer holds value {known[mask.name]}, not on its page")
            owner[mask.voxels] = 1 + values.index(known[mask.name])
    except OrganTwinError as error:
        raise BadInput(f"its answer cannot be used: {error.what}") from error
    return owner


def _check_grid(size: tuple[int, ...], affine: tuple[float, ...], volume: Volume) -> None:
    """Raise BadInput unless the answer lies voxel by voxel on the image."""
    shape = volume.voxels.shape
    if tuple(size) != shape:
        raise BadInput(f"it has {size} voxels, the image {shape}")
    ends = np.stack(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij"), -1)
    off = to_lps(np.array(affine).reshape(4, 4), ends) - to_lps(volume.affine, ends)
    if np.abs(off).max() > SAME_PLACE * min(volume.spacing_mm):
        raise BadInput("it lies elsewhere than the image")


def _say(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
