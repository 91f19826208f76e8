"""What the files of this folder are given to add their verbs with."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from organtwin.printing import Printer

Run = Callable[[argparse.Namespace, Printer], None]
Verb = Callable[[str, Run, str], argparse.ArgumentParser]
"""(name, what it runs, what it does in a few words) → the parser to add arguments to."""
