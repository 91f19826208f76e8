"""The warm solver: what it says, what it keeps, when it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solvers.jobfolder import run_folder
from tests.solvers.meshes import box_mesh, mesh_arrays, outputs, result_of, write_job

Server = subprocess.Popen[str]


def push(
    folder: Path, by_mm: float, *, element: str = "p1_p1", gravity: float = 0.0, shear: float = 2.0
) -> Path:
    """A bar held at one end, its other end moved."""
    mesh = box_mesh((30.0, 10.0, 10.0), (6, 2, 2))
    held, moved = (np.flatnonzero(mesh.points_mm[:, 0] == x).astype(np.int32) for x in (0.0, 30.0))
    arrays: dict[str, NDArray[Any]] = {**mesh_arrays(mesh), "fixed_nodes": held}
    arrays["prescribed_nodes"] = moved
    arrays["prescribed_mm"] = np.tile([0.0, 0.0, by_mm], (len(moved), 1))
    write_job(
        folder,
        "deformation",
        "neo_hookean",
        members=[{"shear_modulus_kpa@1": shear, "poisson_ratio@1": 0.49}],
        arrays=arrays,
        settings={"element": element, "gravity_mm_per_s2": (0.0, gravity, 0.0)},
    )
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "solvers", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def said(server: Server, line: str) -> list[dict[str, Any]]:
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(line + "\n")
    server.stdin.flush()
    lines = []
    while not lines or "ended" not in lines[-1]:
        lines.append(json.loads(server.stdout.readline()))
    return lines


def ask(server: Server, folder: Path) -> list[dict[str, Any]]:
    return said(server, json.dumps({"job": folder.name, "folder": str(folder)}))


def apart(folder: Path) -> float:
    """How far the answer in a folder is from that of a job of its own, over its largest."""
    found = outputs(folder)["displacement_mm"]
    assert run_folder(folder, lambda _: None).ok
    alone = outputs(folder)["displacement_mm"]
    return float(np.abs(found - alone).max() / np.abs(alone).max())


def test_that_every_line_has_the_name_of_its_job(server: Server, tmp_path: Path) -> None:
    lines = ask(server, push(tmp_path / "one", 1.0))
    assert {line["job"] for line in lines} == {"one"}
    assert lines[-1]["ended"] == 0
    assert result_of(tmp_path / "one").ok


@pytest.mark.parametrize(
    "other",
    [{"by_mm": 2.5}, {"gravity": 5000.0}, {"shear": 4.0, "gravity": 4000.0}, {"by_mm": -4.0}],
)
def test_that_other_numbers_on_a_kept_organ_answer_as_a_job_alone(
    server: Server, tmp_path: Path, other: dict[str, float]
) -> None:
    ask(server, push(tmp_path / "one", 2.0))
    ask(server, push(tmp_path / "two", **{"by_mm": 2.0, **other}))
    assert apart(tmp_path / "two") < 1e-4


def test_that_an_accurate_job_is_not_touched_by_those_before(
    server: Server, tmp_path: Path
) -> None:
    for name, by_mm in (("one", 2.0), ("two", 3.0)):
        ask(server, push(tmp_path / name, by_mm, element="p2_p1"))
    assert apart(tmp_path / "two") == 0.0


def test_that_a_job_that_fails_ends_with_its_result_and_leaves_the_next_alone(
    server: Server, tmp_path: Path
) -> None:
    assert ask(server, push(tmp_path / "bad", 1.0, element="p7"))[-1]["ended"] == 1
    assert result_of(tmp_path / "bad").error == "BadInput"
    assert "p7" in (tmp_path / "bad" / "log.txt").read_text(encoding="utf-8")
    assert ask(server, push(tmp_path / "good", 1.0))[-1]["ended"] == 0


@pytest.mark.parametrize("line", ["{", "[]", '{"job": "a"}', '{"job": "a", "folder": "/nowhere"}'])
def test_that_a_line_that_asks_for_nothing_is_answered(server: Server, line: str) -> None:
    assert said(server, line)[-1]["ended"] == 2
