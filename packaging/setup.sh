#!/bin/sh
# Sets up what is missing: system libraries, interpreter, virtual environment, compiled forms.
# `setup.sh test` adds what the tests need. Seconds and no installation when all is there.
set -eu
cd "$(dirname "$0")/.."
purpose=${1:-run}

say() { printf '%s\n' "$*"; }
fail() { printf 'organtwin set-up: %s\n' "$*" >&2; exit 1; }

libraries='libglib-2.0.so.0=libglib2.0-0 libEGL.so.1=libegl1 libGL.so.1=libgl1
 libdbus-1.so.3=libdbus-1-3 libfontconfig.so.1=libfontconfig1
 libxkbcommon-x11.so.0=libxkbcommon-x11-0 libxcb-cursor.so.0=libxcb-cursor0
 libxcb-icccm.so.4=libxcb-icccm4 libxcb-keysyms.so.1=libxcb-keysyms1 libxcb-shape.so.0=libxcb-shape0'

missing_packages() {
    known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null || true)
    for pair in $libraries; do
        case "$known" in *"${pair%%=*} "*) ;; *) printf ' %s' "${pair#*=}" ;; esac
    done
    [ -d /usr/share/fonts/truetype/dejavu ] || printf ' fonts-dejavu-core'
    ls /usr/lib/*/dri/swrast_dri.so >/dev/null 2>&1 || printf ' libgl1-mesa-dri'
    command -v cc >/dev/null 2>&1 || printf ' gcc libc6-dev'
    if [ "$purpose" = test ]; then
        command -v Xvfb >/dev/null 2>&1 || printf ' xvfb'
        command -v dciodvfy >/dev/null 2>&1 || printf ' dicom3tools'
        command -v pdftoppm >/dev/null 2>&1 || printf ' poppler-utils'
        command -v ccx >/dev/null 2>&1 || printf ' calculix-ccx'
    fi
}

install_packages() {
    if [ "$(id -u)" = 0 ]; then as_root=''
    elif sudo -n true 2>/dev/null; then as_root='sudo -n'
    else fail "these system packages are missing and you may not install them:
   $1
Ask an administrator for:  apt-get install$1"
    fi
    say "Installing system packages:$1"
    DEBIAN_FRONTEND=noninteractive $as_root apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $1 >/dev/null
}

new_enough() {
    "$1" -c 'import sys, venv; raise SystemExit(not (3, 12) <= sys.version_info[:2] <= (3, 14))' \
        >/dev/null 2>&1
}

find_python() {
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.14 python3 python \
        "$HOME"/.pyenv/versions/3.1[234]*/bin/python3 /usr/local/bin/python3.1[234] \
        /opt/python*/bin/python3; do
        [ -n "$candidate" ] && new_enough "$candidate" && { printf '%s' "$candidate"; return; }
    done
    fail 'Python 3.12, 3.13 or 3.14 with the venv module was not found.
Install it (Debian 13, Ubuntu 24.04: apt-get install python3 python3-venv; elsewhere pyenv or
python.org), or name it:  PYTHON=/path/to/python3.13 make run'
}

has_headers() {
    "$1" -c 'import pathlib, sysconfig
raise SystemExit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").is_file())'
}

if command -v apt-get >/dev/null 2>&1; then
    packages=$(missing_packages)
    [ -z "$packages" ] || install_packages "$packages"
fi

wanted=$(cat requirements.txt pyproject.toml packaging/setup.sh | cksum)
if [ "$(cat .venv/ready 2>/dev/null || true)" != "$wanted at $PWD" ]; then
    python=$(find_python)
    if ! has_headers "$python"; then
        command -v apt-get >/dev/null 2>&1 ||
            fail "the C headers of $python are missing: install its development package"
        install_packages " $("$python" -c 'import sys; print("python%d.%d-dev" % sys.version_info[:2])')"
    fi
    say "Setting up .venv with $("$python" --version) (once; a few minutes)"
    rm -rf .venv
    "$python" -m venv .venv
    # --no-deps: the list is complete, and leaves out what must not be installed (see lock.sh)
    .venv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
        --no-deps --require-hashes -r requirements.txt
    .venv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
        --no-deps --no-build-isolation --editable .
    say 'Compiling the solver forms (once; a few minutes)'
    .venv/bin/python -m solvers compile >/dev/null
    printf '%s' "$wanted at $PWD" > .venv/ready
fi
