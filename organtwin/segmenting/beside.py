"""Runs a module of ours in a process of its own and follows it: models, here and on servers.

The module reads one JSON object from stdin and prints JSON lines: ``{"done": 0.4}``, at the end
``{"finished": true, …}`` or ``{"error": …}``. It ends when stdin does.
"""

from __future__ import annotations

import json
import select
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from organtwin.core.children import command, environment, safe_folder
from organtwin.core.errors import BadInput, OrganTwinError, Stopped
from organtwin.core.watch import Watch

POLL_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Beside:
    """What is run.

    Args:
        module: of ours.
        name: of the model, for a person.
        where: its file or server.
        silence_s: without a sign of life, after which it is given up.
        most_s: that it may take in all.
    """

    module: str
    name: str
    where: str
    silence_s: float = 600.0
    most_s: float = 86_400.0


def run_beside(beside: Beside, asked: Mapping[str, Any], watch: Watch) -> Mapping[str, Any]:
    """Run it and return what it said at the end; raises BadInput when it cannot be run, Stopped."""
    with subprocess.Popen(
        command(beside.module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        cwd=safe_folder(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            process.stdin.flush()
            found = _followed(process.stdout, beside, watch)
        finally:
            process.kill()
    if isinstance(found, OrganTwinError):
        raise found
    return found


def _followed(lines: Any, beside: Beside, watch: Watch) -> Mapping[str, Any] | OrganTwinError:
    """Pass on how far it is; returns its last words, or what went wrong."""
    began = heard = time.monotonic()
    watch.tell(0.0, f"starting {beside.name}")
    while True:
        if watch.asked_to_stop():
            return Stopped("stopped on request", where="segment")
        now = time.monotonic()
        if now - began > beside.most_s:
            return _failed(beside, f"it took longer than {beside.most_s:g} s")
        if now - heard > beside.silence_s:
            return _failed(beside, f"no sign of life for {beside.silence_s:g} s")
        if not select.select([lines], [], [], POLL_SECONDS)[0]:
            continue
        heard, line = now, lines.readline()
        said = json.loads(line) if line else {"error": "its process ended in the middle"}
        if "error" in said:
            return _failed(beside, str(said["error"]))
        if said.get("finished"):
            return dict(said)
        watch.tell(float(said["done"]), f"{beside.name} looks at the image")


def _failed(beside: Beside, why: str) -> BadInput:
    return BadInput(
        f"the model {beside.name} cannot be run: {why}",
        where=beside.where,
        advice="use another method, or ask whoever provides the model",
    )
