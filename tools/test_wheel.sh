#!/bin/sh
# test_wheel.sh PYTHON: build the wheel and use it, installed from the file, in an environment of its own.
set -eu
python=$(command -v "$1")
root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cd "$root"
"$python" -m build --wheel --no-isolation --outdir "$scratch" . >/dev/null
sh tools/make_venv.sh "$python" "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$scratch"/*.whl

cd "$scratch" # so that the package comes from the wheel and not from the checkout
"$scratch/venv/bin/countenance" --version
"$scratch/venv/bin/countenance" demo --sheet "$scratch/demo.png"
test -s "$scratch/demo.png"
echo "wheel: 1 passed, 0 failed"
