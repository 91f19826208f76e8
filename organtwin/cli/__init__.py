"""The river without a window: ``organtwin VERB …``.

Exit status 0 only when the verb did what it says, 2 for bad input, 1 for anything else. With
``--json`` the result is one JSON object on stdout and progress one JSON object a line on stderr;
whatever went wrong is "error" in that object, never a traceback.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from organtwin import __version__
from organtwin.cli import (
    cutting,
    deforming,
    deidentifying,
    density,
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
    warping,
)
from organtwin.cli.verb import Run
from organtwin.core.errors import BadArgument, BadInput, Missing, OrganTwinError, Stopped
from organtwin.places import keep_caches_there
from organtwin.printing import Printer

RESEARCH_USE = "For research use only; not a medical device."
VERBS = (
    inspecting, imaging, segmenting, editing, meshing, cutting, deforming, measuring, river,
    exporting, deidentifying, transferring, density, warping, others,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    keep_caches_there()
    signal.signal(signal.SIGTERM, _stop)
    given = sys.argv[1:] if arguments is None else arguments
    printer = Printer(as_json="--json" in given)
    try:
        kind = _JsonParser if printer.as_json else argparse.ArgumentParser
        asked = _parser(kind).parse_args(given)
        printer.as_json = asked.json
        asked.run(asked, printer)
    except OrganTwinError as error:
        printer.error(error)
        return 2 if isinstance(error, BadInput | Missing) else 1
    except KeyboardInterrupt:
        printer.note("stopped; what was finished is saved")
        if printer.as_json:
            printer.error(Stopped("stopped; what was finished is saved"))
        return 130
    except Exception as error:  # the last door: a program that asked for JSON must get it
        if not printer.as_json:
            raise
        printer.error(_unexpected(error))
        return 1
    finally:
        printer.finish()
    return 0


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


class _JsonParser(argparse.ArgumentParser):
    """Says what is wrong with a command line as an error of the tree."""

    def error(self, message: str) -> NoReturn:
        """Raise BadArgument."""
        raise BadArgument(message, where=self.prog, advice=f"see `{self.prog} --help`")


def _unexpected(error: Exception) -> OrganTwinError:
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError):
        return OrganTwinError("there is not enough memory", advice="close other programs")
    return OrganTwinError(what, advice="please report this; without --json it says more")


def _parser(kind: type[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser = kind("organtwin", description=f"OrganTwin. {RESEARCH_USE}")
    parser.add_argument("--version", action="version", version=f"organtwin {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, run: Run, says: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=says, description=says, parents=[common])
        made.set_defaults(run=run)
        return made

    for module in VERBS:
        module.add(verb)
    return parser
