"""One step of the pipeline in a process of its own: what the window runs for long work.

``python -m organtwin.step CASE_FOLDER`` reads one JSON object from stdin, ``{"step", "arguments",
"case"}`` (case: the id of the Case to start from), and prints JSON lines: ``{"progress",
"message"}`` while it works, at the end ``{"case", "done"}`` or ``{"error", "what", "where",
"advice"}``. It puts objects into the case folder and never touches the journal: the window appends
the entry. Ending the process is how a step is cancelled; what it had put is not referred to.
"""

from __future__ import annotations

import json
import signal
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from organtwin.casefolder import ObjectFolder
from organtwin.core.errors import BadInput, OrganTwinError
from organtwin.core.watch import Watch
from organtwin.places import keep_caches_there


def main() -> int:
    """Run the step asked for on stdin; returns 0 when it did, 2 for bad input, 1 otherwise."""
    keep_caches_there()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        request = json.loads(sys.stdin.readline())
        _say(**_run(Path(sys.argv[1]), request))
    except OrganTwinError as error:
        _say(error=type(error).__name__, what=error.what, where=error.where, advice=error.advice)
        return 2 if isinstance(error, BadInput) else 1
    except MemoryError:
        _say(
            error="OutOfMemory",
            what="there is not enough memory for this step",
            where="",
            advice="close other programs, or choose a coarser mesh or fewer members",
        )
        return 1
    except Exception as error:  # the last door: the window must hear of everything
        traceback.print_exc()
        _say(
            error="Crash",
            what=f"the step failed ({type(error).__name__}: {error})",
            where=traceback.extract_tb(error.__traceback__)[-1].name,
            advice="nothing was changed; please report this with the log",
        )
        return 1
    return 0


def _run(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    from organtwin.pipeline import run_step

    store = ObjectFolder(folder / "objects")
    watch = Watch(lambda fraction, message: _say(progress=fraction, message=message))
    case, done = run_step(
        request["step"],
        store.get(request["case"]),
        store,
        arguments=request["arguments"],
        watch=watch,
    )
    return {"case": store.put(case), "done": asdict(done)}


def _say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    sys.exit(main())
