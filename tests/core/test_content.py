"""Identity is content."""

import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.core.case import Case, Visit
from organtwin.core.content import decode, encode, identity, noun, pieces
from organtwin.core.errors import CaseDamaged
from organtwin.core.scenario import Action, Scenario
from organtwin.core.volume import GeometryReport, Volume


def a_volume(dtype: str = "int16") -> Volume:
    voxels = np.arange(24, dtype=dtype).reshape(2, 3, 4)
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    return Volume(voxels, affine, "HU", "CT", GeometryReport((1.0, 2.0, 3.0), "LPS"))


@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8"])
def test_that_a_volume_comes_back_as_it_was(dtype: str) -> None:
    volume = a_volume(dtype)
    again = decode(encode(volume))
    np.testing.assert_array_equal(again.voxels, volume.voxels)
    assert again.voxels.dtype == volume.voxels.dtype
    assert again.geometry == volume.geometry


def test_that_memory_order_does_not_change_the_identity() -> None:
    volume = a_volume()
    other = Volume(np.ascontiguousarray(volume.voxels), volume.affine, "HU", "CT", volume.geometry)
    assert identity(encode(volume)) == identity(encode(other))


def test_that_one_voxel_changes_the_identity() -> None:
    voxels = a_volume().voxels.copy()
    voxels[1, 2, 3] += 1
    other = Volume(voxels, a_volume().affine, "HU", "CT", a_volume().geometry)
    assert identity(encode(a_volume())) != identity(encode(other))


def test_that_dates_maps_and_tuples_come_back() -> None:
    case = Case("Ä", visits=(Visit(0.0, date(2026, 1, 2), "v"),))
    plan = Scenario("wait", 90.0, (Action("infuse", 90.0, {"doses": 4.0, "at": (1.0, 2.0, 3.0)}),))
    assert decode(encode(case)) == case
    assert dict(decode(encode(plan)).actions[0].arguments) == plan.actions[0].arguments


def test_that_arrays_come_back_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        decode(encode(a_volume())).voxels[0, 0, 0] = 1


@pytest.mark.parametrize("cut", [0, 7, 12, 40, -1])
def test_that_a_cut_object_is_refused(cut: int) -> None:
    with pytest.raises(CaseDamaged):
        decode(encode(a_volume())[:cut])


def test_that_an_object_array_is_refused() -> None:
    content = encode(a_volume()).replace(b'"<i2"', b'"|O8"')
    with pytest.raises(CaseDamaged):
        decode(content)


def test_that_an_unknown_noun_is_refused() -> None:
    content = encode(Case("x")).replace(b'"Case"', b'"Cose"')
    with pytest.raises(CaseDamaged, match="not known"):
        decode(content)


def test_that_a_fresh_process_knows_every_noun(tmp_path: Path) -> None:
    (tmp_path / "volume").write_bytes(encode(a_volume()))
    code = (
        "import sys; from pathlib import Path; from organtwin.core.content import decode; "
        "print(type(decode(Path(sys.argv[1]).read_bytes())).__name__)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "volume")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert said.stdout.strip() == "Volume"


def test_that_ids_are_what_they_always_were() -> None:
    """The id was computed by the version of 22 November 2026, which joined copies of all arrays."""

    @noun
    @dataclass(frozen=True)
    class Arrays:
        whole: Any
        row_major: Any
        single: Any
        empty: Any
        flags: Any

    whole = np.arange(24, dtype="int16").reshape(2, 3, 4)
    thing = Arrays(
        np.asfortranarray(whole),
        whole.astype("f4"),
        np.array(7.5),
        np.zeros((0, 3), "u1"),
        whole % 2 == 0,
    )
    known = "7b1ecfeb45b993d22f0770459bdf503574ffe9cfa9dfa470ef75e8d30f824b73"
    assert identity(*pieces(thing)) == identity(encode(thing)) == known
