"""A server on this computer that speaks MONAI Label's REST interface, or misbehaves as asked."""

from __future__ import annotations

import email
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from organtwin.core.watch import Watch
from organtwin.exporting.nifti import packed
from organtwin.importing import image_at

SLOW_S = 3.0


@dataclass
class Served:
    """What it was asked and how it answers: "well", "multipart", or badly."""

    how: str = "well"
    address: str = ""
    images: list[bytes] = field(default_factory=list)


def labels_for(image: bytes, how: str, folder: Path) -> bytes:
    """Voxels of 80 to 130 are the liver (1)."""
    path = folder / "sent.nii.gz"
    path.write_bytes(image)
    volume = image_at(path, None, "CT", Watch())
    found = ((volume.voxels > 80) & (volume.voxels < 130)).astype(np.uint8)
    affine = volume.affine.copy()
    if how == "cut":
        found = found[:-1]
    if how == "moved":
        affine[:3, 3] += 5.0
    if how == "other":
        found *= 7
    if how == "nothing":
        found *= 0
    return packed(np.asfortranarray(found), affine, watch=Watch())


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    served = Served()

    class Answer(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def send(self, body: bytes, kind: str, status: int = 200, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            for name, value in ({"Length": str(len(body))} | headers).items():
                self.send_header("Content-Length" if name == "Length" else name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def do_GET(self) -> None:
            if served.how == "redirect":
                self.send(b"", "text/plain", 307, Location="http://127.0.0.1:1/info/")
            elif served.how == "page":
                self.send(b"<html>", "text/html")
            else:
                models = {} if served.how == "unknown" else {"segmentation_liver": {}}
                self.send(json.dumps({"name": "MONAILabel", "models": models}).encode(),
                          "application/json")  # fmt: skip

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            parts = email.message_from_bytes(head + body).get_payload()
            by_name = {p.get_param("name", header="content-disposition"): p for p in parts}
            assert json.loads(by_name["params"].get_payload(decode=True)) == {}
            assert self.path == "/infer/segmentation_liver?output=image"
            image = by_name["file"].get_payload(decode=True)
            served.images.append(image)
            self.answer(image)

        def answer(self, image: bytes) -> None:
            kind = "application/octet-stream"
            if served.how == "giant":
                self.send(b"x" * 1000, kind, Length=str(2**40))
            elif served.how == "slow":
                time.sleep(SLOW_S)
            elif served.how == "garbage":
                self.send(b"\x00\xff" * 4000, kind)
            elif served.how == "fails":
                self.send(b"patient data in a trace", "text/plain", 500)
            elif served.how == "multipart":
                labels = labels_for(image, "well", folder)
                top = b'--cut\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'
                self.send(
                    top % (b"params", b"") + b'{"label_names": {}}\r\n'
                    + top % (b"image", b'; filename="x.nii.gz"') + labels + b"\r\n--cut--\r\n",
                    'multipart/form-data; boundary="cut"',
                )  # fmt: skip
            else:
                self.send(labels_for(image, served.how, folder), kind)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    served.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
