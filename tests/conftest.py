"""Fixtures of every suite live beside this file, one module a subject."""

import os
import signal

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # two processes of tests share a GPU
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A script's `make test &` has its children ignore Ctrl-C, and what the tests start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup, likewise

pytest_plugins = [
    "fixtures_packs",
    "fixtures_store",
    "fixtures_kms",
    "fixtures_gateway",
    "fixtures_photos",
    "fixtures_attributes",
    "fixtures_server",
    "fixtures_clients",
]
