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
passed=0
failed=0
check() { # check NAME COMMAND...: run it and count
    name=$1
    shift
    if "$@" >"$scratch/output" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
        cat "$scratch/output"
    fi
}

check "the package comes from the wheel" "$scratch/venv/bin/python" -c '
import sys, countenance
assert countenance.__file__.startswith(sys.prefix), countenance.__file__'
check "countenance --version" sh -c '
"$1/countenance" --version | grep -qF "$("$1/python" -c "from importlib.metadata import version; print(version(\"countenance\"))")"' \
    sh "$scratch/venv/bin"
check "every module can be imported" "$scratch/venv/bin/python" -W error -c '
import importlib, pkgutil, countenance
for module in pkgutil.walk_packages(countenance.__path__, "countenance."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)'
check "the library tells one person from another" "$scratch/venv/bin/python" -c '
import countenance
from countenance.cli.portraits import load_portraits
from countenance.settings import Settings
portraits = load_portraits(Settings.from_env().cache_dir)
one = max(portraits.known.values(), key=len)
same, other = countenance.compare(*one[:2]), countenance.compare(one[0], portraits.stranger)
assert same >= 80 > other, (same, other)'
check "countenance demo" "$scratch/venv/bin/countenance" demo --sheet "$scratch/demo.png"
check "the demo's contact sheet" test -s "$scratch/demo.png"

echo "wheel: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
