"""The `countenance` command: its groups, and how errors end a process.

Exit codes: 0 done, 1 a check found something wrong, 2 the command line is wrong, 3 the set-up is
wrong (the message names it and the remedy), 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from countenance import __version__
from countenance.cli.lazy_group import LazyGroup
from countenance.errors import ServiceError, SetupError

SETUP_IS_WRONG = 3

COMMANDS = {
    "serve": "countenance.cli.serve:serve",
    "demo": "countenance.cli.demo:demo",
    "story": "countenance.cli.story:story",
    "doctor": "countenance.cli.doctor:doctor",
    "terms": "countenance.cli.terms:terms",
    "officers": "countenance.cli.officers:officers",
    "operators": "countenance.cli.operators:operators",
    "accounts": "countenance.cli.accounts:accounts",
    "purposes": "countenance.cli.purposes:purposes",
    "policy": "countenance.cli.policy:policy",
    "cases": "countenance.cli.cases:cases",
    "reviews": "countenance.cli.reviews:reviews",
    "evaluations": "countenance.cli.evaluations:evaluations",
    "import": "countenance.cli.importing:import_",
    "keys": "countenance.cli.keys:keys",
    "basis": "countenance.cli.basis:basis",
    "erasures": "countenance.cli.erasures:erasures",
    "people": "countenance.cli.people:people",
    "rejections": "countenance.cli.rejections:rejections",
    "users": "countenance.cli.users:users",
    "reembed": "countenance.cli.reembed:reembed",
    "testers": "countenance.cli.testers:testers",
    "independent-test": "countenance.cli.independent_test:independent_test",
    "jobs": "countenance.cli.jobs:jobs",
    "findings": "countenance.cli.findings:findings",
    "appeals": "countenance.cli.appeals:appeals",
    "backup": "countenance.cli.backup:backup",
    "restore": "countenance.cli.restore:restore",
    "models": "countenance.cli.models:models",
    "evaluate": "countenance.cli.evaluate:evaluate",
    "coach": "countenance.cli.coach:coach",
    "calibrate": "countenance.cli.calibrate:calibrate",
    "calibration": "countenance.cli.calibration:calibration",
    "drift": "countenance.cli.drift:drift",
    "audit": "countenance.cli.audit:audit",
    "report": "countenance.cli.report:report",
    "witness": "countenance.cli.witness:witness",
}


class _Commands(LazyGroup):
    commands_of = COMMANDS


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="countenance")
def countenance() -> None:
    """Face recognition that does only what its terms countenance.

    Serves Amazon Rekognition's API on your own machine: start it with `countenance serve`, then point
    boto3, the AWS CLI or any AWS SDK at it by changing endpoint_url. `countenance demo` shows the main
    job end to end; `countenance doctor` says what is wrong with a set-up.
    """


def main(run: Callable[..., Any] = countenance) -> None:
    """Run the command line; turn the errors that we raise on purpose into one line each."""
    try:
        run(prog_name="countenance")
    except SetupError as error:
        click.secho(f"error: {error.problem}", fg="red", err=True)
        if error.remedy:
            click.secho(f"remedy: {error.remedy}", err=True)
        sys.exit(SETUP_IS_WRONG)
    except ServiceError as error:
        click.secho(f"error: {error.message}", fg="red", err=True)
        sys.exit(1)
