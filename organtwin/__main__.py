"""``python -m organtwin [CASE_FOLDER]``: open the window."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from organtwin.places import keep_caches_there


def main(arguments: list[str] | None = None) -> int:
    """Open the window; returns its exit status, 2 where there is no display."""
    parser = argparse.ArgumentParser("organtwin", description="Opens the window of OrganTwin.")
    parser.add_argument("case", nargs="?", type=Path, help="case folder to open")
    parser.add_argument("--sample", action="store_true", help="open the sample patient")
    parser.add_argument("--page", default="", help="page to begin with")
    parser.add_argument("--scheme", choices=("dark", "light"), default="dark", help="colours")
    parser.add_argument("--size", default="1440x900", help="WIDTHxHEIGHT of the window")
    parser.add_argument("--screenshot", type=Path, help="save a picture of the window and end")
    given = parser.parse_args(arguments)
    try:
        width, height = (int(part) for part in given.size.split("x"))
    except ValueError:
        parser.error(f"--size: {given.size} is not WIDTHxHEIGHT")
    shown = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not any(map(os.environ.get, shown)):
        sys.stderr.write(
            "there is no display here: use the command line (`organtwin demo`) or set DISPLAY\n"
        )
        return 2
    keep_caches_there()
    from organtwin.ui.app import run
    from organtwin.ui.pages import pages

    names = [page.name for page in pages()]
    if given.page and given.page not in names:
        parser.error(f"--page: no page {given.page!r}; there are: {', '.join(names)}")
    return run(
        given.case,
        sample=given.sample,
        page=given.page,
        scheme=given.scheme,
        size=(width, height),
        screenshot=given.screenshot,
    )


if __name__ == "__main__":
    sys.exit(main())
