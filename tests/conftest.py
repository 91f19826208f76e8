"""Tests leave no trace in the home of whoever runs them."""

import os

os.environ.setdefault("ORGANTWIN_NO_INDEX", "1")
