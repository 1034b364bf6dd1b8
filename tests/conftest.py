"""Fixtures of every suite live beside this file, one module a subject."""

pytest_plugins = [
    "fixtures_packs",
    "fixtures_store",
    "fixtures_gateway",
    "fixtures_photos",
    "fixtures_server",
    "fixtures_clients",
]
