"""`countenance reembed switch` and `rollback`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from countenance.cli.reembed_build import (
    VAULT,
    look_at_pictures,
    open_source,
    pattern_option,
    source_option,
)
from countenance.cli.reembed_status import print_status
from countenance.cli.reembedded import Reembedded, collection_options, open_reembedded
from countenance.cli.tables import as_json_option
from countenance.errors import SetupError
from countenance.gallery.reembedding_records import FacesLeftBehind, Reembedding
from countenance.gallery.two_models import Model
from countenance.store import UnitOfWork

_Command = TypeVar("_Command", bound=Callable[..., Any])

leave_behind_option = click.option(
    "--leave-behind",
    is_flag=True,
    help="also where faces have no template of that model: they stay listed and stored, and no search finds "
    "them until they get one or the model is changed back",
)


def _options(command: _Command) -> _Command:
    """Of both directions."""
    for option in (as_json_option, leave_behind_option, pattern_option, source_option, collection_options):
        command = option(command)
    return command


@click.command()
@_options
def switch(**given: Any) -> None:
    """Use the new model for COLLECTION from now on, in all processes, at one moment.

    Faces without a template of it are looked for once more, in the vault or with --from; if some are left,
    nothing is switched unless --leave-behind says so. A call that is under way with the old model is
    answered by it or told to try again, which AWS's clients do by themselves. `rollback` undoes it.

    Example: countenance reembed switch staff
    """
    _turn(is_new=True, **given)


@click.command()
@_options
def rollback(**given: Any) -> None:
    """Use the old model for COLLECTION again: every answer is as it was.

    Faces enrolled since have templates of both models, if the server had both packs; otherwise they are
    looked for in the vault or with --from, and if some are left, nothing is changed unless --leave-behind
    says so.

    Example: countenance reembed rollback staff
    """
    _turn(is_new=False, **given)


def _turn(
    *,
    is_new: bool,
    name: str,
    account_id: str | None,
    source: str | None,
    pattern: str,
    leave_behind: bool,
    as_json: bool,
    **given: Any,
) -> None:
    with open_reembedded(name, account_id, given) as opened:
        run = opened.gallery.reembeddings.require(opened.collection)
        model = run.to_model if is_new else run.from_model
        opened.require_allowed(model)
        _catch_up(opened, run, model, source, pattern)
        _use(opened, run, model, leave_behind=leave_behind)
        print_status(opened, as_json=as_json)


def _catch_up(opened: Reembedded, run: Reembedding, model: Model, source: str | None, pattern: str) -> None:
    if not opened.gallery.shadow_templates.coverage(opened.collection, model).missing:
        return
    if source is None and opened.gallery.vaults.find(opened.collection) is None:
        return
    pictures = open_source(opened, source or VAULT, pattern)
    look_at_pictures(opened, run, model, source=pictures)


def _use(opened: Reembedded, run: Reembedding, model: Model, *, leave_behind: bool) -> None:
    reembeddings, is_new = opened.gallery.reembeddings, model == run.to_model
    change = reembeddings.switch if is_new else reembeddings.roll_back
    try:
        with UnitOfWork(opened.governed.database) as uow:
            left = change(uow, opened.collection, run, leave_behind=leave_behind)
            other = run.from_model if is_new else run.to_model
            opened.record(
                uow.connection,
                "SwitchModel" if is_new else "RollBackModel",
                f"face model {other.version} to {model.version}; {left} faces without a template of it",
            )
            uow.commit()
    except FacesLeftBehind as error:
        raise SetupError(
            str(error),
            remedy=f"see `countenance reembed status {opened.collection.name} --missing`; give a folder "
            "that has their photographs with --from, or --leave-behind",
        ) from error
