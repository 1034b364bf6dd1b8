"""`countenance reembed`: changing the model of a collection without starting over."""

from __future__ import annotations

import click

from countenance.cli.worded_group import WordedGroup

COMMANDS = {
    "start": ("countenance.cli.reembed_start:start", "Make templates of another model beside those in use."),
    "status": ("countenance.cli.reembed_status:status", "How far it is, and which faces have none, and why."),
    "list": ("countenance.cli.reembed_status:list_", "Collections that are being re-embedded."),
    "report": ("countenance.cli.reembed_report:report", "Who would change: old answers against new ones."),
    "switch": ("countenance.cli.reembed_switch:switch", "Use the new model from now on."),
    "rollback": ("countenance.cli.reembed_switch:rollback", "Use the old model again."),
    "discard": ("countenance.cli.reembed_discard:discard", "Keep the model in use, delete the other's."),
    "vault": ("countenance.cli.reembed_vault:vault", "Keep pictures of enrolled faces, sealed, for a time."),
}
"""Name → (module and command, what the group's help says of it)."""


class _ReembedCommands(WordedGroup):
    worded = COMMANDS


@click.group(cls=_ReembedCommands)
def reembed() -> None:
    """Change the model of a collection without starting over.

    Templates of two models cannot be compared, so another model needs another template of every face. They
    are made from the photographs, or from a vault of crops, beside the ones in use: nobody's search sees
    anything of it. A report says who would change. Then the collection is switched at one moment, and may be
    rolled back as fast. FaceIds, users and their faces stay what they are.

    On the server's machine, beside a running server, which needs both packs installed to give new faces both
    templates meanwhile.

    \b
    countenance reembed start staff --onto standard --from /photos
    countenance reembed report staff
    countenance reembed switch staff
    countenance reembed discard staff
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
