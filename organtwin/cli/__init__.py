"""The river without a window: ``organtwin VERB …``.

Exit status 0 only when the verb did what it says, 2 for bad input, 1 for anything else. With
``--json`` the result is one JSON object on stdout and progress one JSON object a line on stderr.
"""

from __future__ import annotations

import argparse
import signal
from collections.abc import Sequence

from organtwin import __version__
from organtwin.cli import (
    cutting,
    deidentifying,
    editing,
    exporting,
    imaging,
    inspecting,
    measuring,
    meshing,
    others,
    river,
    segmenting,
    transferring,
)
from organtwin.cli.verb import Run
from organtwin.core.errors import BadInput, Missing, OrganTwinError
from organtwin.places import keep_caches_there
from organtwin.printing import Printer

RESEARCH_USE = "For research use only; not a medical device."
VERBS = (
    inspecting, imaging, segmenting, editing, meshing, cutting, measuring, river, exporting,
    deidentifying, transferring, others,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    keep_caches_there()
    signal.signal(signal.SIGTERM, _stop)
    asked = _parser().parse_args(arguments)
    printer = Printer(as_json=asked.json)
    try:
        asked.run(asked, printer)
    except OrganTwinError as error:
        printer.error(error)
        return 2 if isinstance(error, BadInput | Missing) else 1
    except KeyboardInterrupt:
        printer.note("stopped; what was finished is saved")
        return 130
    finally:
        printer.finish()
    return 0


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser = argparse.ArgumentParser("organtwin", description=f"OrganTwin. {RESEARCH_USE}")
    parser.add_argument("--version", action="version", version=f"organtwin {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, run: Run, says: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=says, description=says, parents=[common])
        made.set_defaults(run=run)
        return made

    for module in VERBS:
        module.add(verb)
    return parser
