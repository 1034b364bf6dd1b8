#!/bin/sh
# test_on_postgresql.sh PYTHON: run the tests that touch the database on Debian's postgresql package.
# As root it installs the package if it is missing; a cluster of its own runs in a temporary folder.
set -eu
python=$1
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
if [ -z "$bin" ] || [ ! -x "$bin/initdb" ]; then
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "PostgreSQL's server is not installed: apt-get install postgresql" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
    bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
fi

scratch=$(mktemp -d)
as_server=""
if [ "$(id -u)" -eq 0 ]; then # PostgreSQL refuses to run as root; the package brings the user postgres
    chown postgres "$scratch"
    as_server="runuser -u postgres --"
fi
stop() {
    $as_server "$bin/pg_ctl" -D "$scratch/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap stop EXIT

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
$as_server "$bin/initdb" -D "$scratch/data" -U countenance -A trust --encoding=UTF8 --no-locale >/dev/null
$as_server "$bin/pg_ctl" -D "$scratch/data" -w -l "$scratch/log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$scratch -c max_connections=300" start >/dev/null
"$bin/postgres" --version
# Left out: what starts servers of its own, each with the embedded PostgreSQL, whatever this names.
elsewhere=""
for name in backup durability faults import key_rotation kills log_tampering overload reembed review_story story; do
    elsewhere="$elsewhere --ignore=tests/integration/test_$name.py"
done
COUNTENANCE_TEST_DATABASE_URL="postgresql://countenance@127.0.0.1:$port/postgres" \
    "$python" -m pytest -q -n 2 --dist loadgroup tests/unit/store tests/unit/accounts tests/unit/audit tests/unit/backup \
    tests/unit/casework tests/unit/conduct tests/unit/gallery tests/unit/gateway tests/unit/importing tests/unit/operations \
    tests/unit/reembedding tests/unit/rights tests/integration $elsewhere
