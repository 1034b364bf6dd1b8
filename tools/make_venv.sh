#!/bin/sh
# make_venv.sh PYTHON VENV: a virtual environment with pip, on machines that lack python3-venv too.
set -eu
python=$1
venv=$2

"$python" - <<'CHECK'
import sys
if sys.version_info < (3, 11):
    sys.exit(f"Countenance needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}: give make PYTHON=python3.x")
CHECK

echo "making $venv ..."
if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$python" -m venv "$venv"
elif "$python" -m pip --version >/dev/null 2>&1; then
    # Debian splits ensurepip off; virtualenv brings pip of its own. It goes to a folder we throw away.
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    "$python" -m pip install --quiet --disable-pip-version-check --target "$scratch" virtualenv
    PYTHONPATH="$scratch" "$python" -m virtualenv --quiet "$venv"
elif command -v uv >/dev/null 2>&1; then
    uv venv --quiet --seed --python "$python" "$venv"
elif [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    # Debian's bare python3, as in a fresh container: nothing here can make an environment yet.
    echo "installing python3-venv with apt-get ..."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
    "$python" -m venv "$venv"
else
    echo "this Python can make no virtual environment: install python3-venv (Debian, Ubuntu) or uv, then run make again" >&2
    exit 1
fi
