"""``python -m organtwin.cli``."""

import sys

from organtwin.cli import main

sys.exit(main())
