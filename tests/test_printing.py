import json

import pytest

from organtwin.core.errors import BadInput
from organtwin.core.visible import visible
from organtwin.printing import Printer
from organtwin.tables import Table

STEERS = [*range(32), *range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x202A, 0x202F)]
STEERS += [*range(0x2066, 0x206A), 0xD800, 0xDCFF]
EVIL = "Eve\x1b]0;x\x07\x9b2J\r\u202eannA\u2066\udcff[bold]:+1:"
SHOWN = r"Eve\x1b]0;x\x07\x9b2J\r\u202eannA\u2066\udcff[bold]:+1:"


@pytest.mark.parametrize("code", STEERS)
def test_that_what_steers_is_spelled(code: int) -> None:
    assert visible(f"a{chr(code)}b").isprintable()


def test_that_names_of_all_languages_stay() -> None:
    names = "Müller^Zoë=山田^太郎=やまだ^たろう שלום محمد"
    assert visible(names) == names


def test_that_foreign_text_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer(as_json=False)
    printer.note(EVIL)
    printer.step("import", EVIL, 1.0)
    printer.table(Table("Series", ("what",), ((EVIL,),)))
    printer.warn(EVIL)
    printer.error(BadInput(EVIL))
    said = capsys.readouterr()
    assert said.out.count(SHOWN) == 3
    assert said.err.replace("\n", "").count(SHOWN) == 2
    assert visible((said.out + said.err).replace("\n", "")).count("\\x") == 5 * 3


def test_that_json_is_ascii_and_brings_names_back(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer(as_json=True)
    printer.note(EVIL + "\x7f")
    printer.warn(EVIL)
    printer.finish()
    said = capsys.readouterr()
    assert (said.out + said.err).replace("\n", "").isprintable()
    assert json.loads(said.out)["notes"] == [EVIL + "\x7f"]
