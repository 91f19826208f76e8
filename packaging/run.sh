#!/bin/sh
# The main job: with a display the window on the sample patient, without one the same river headless.
set -eu
cd "$(dirname "$0")/.."
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    exec .venv/bin/python -m organtwin --sample
fi
exec .venv/bin/organtwin demo --to out/demo --replace
