"""`countenance independent-test`: an auditor tests somebody else's server with photos of their own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import click

from countenance.cli.tables import as_json_option, print_facts

_INTERRUPTED: Final = 130


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--endpoint-url", required=True, metavar="URL", envvar="AWS_ENDPOINT_URL", help="of the server to test"
)
@click.option("--profile", metavar="NAME", help="of your AWS configuration; else the environment's key")
@click.option("--region", metavar="NAME", help="the server's; us-east-1 unless it says otherwise")
@click.option(
    "--ca-bundle",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="the certificate that the server's is signed by, where it is its own",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="where the results go; the same folder again goes on with a test that broke off",
)
@click.option("--tested-by", required=True, metavar="NAME", help="who tests: told in the figures")
@click.option("--name", metavar="NAME", help="of the test; without: of the data set")
@click.option("--cohort", multiple=True, metavar="COLUMN", help="a column of labels; may be given again")
@click.option("--labels-by", metavar="TEXT", help="who assigned these labels")
@click.option("--face-model-version", metavar="VERSION", help="the model to test; without: the default one")
@click.option(
    "--face",
    type=click.Choice(["largest", "middle"]),
    default="largest",
    show_default=True,
    help="which face of a photo is meant, where the table has no boxes",
)
@click.option("--scores", is_flag=True, help="fetch every similarity as well: scores.csv")
@click.option("--keep", is_flag=True, help="leave the test on the server, which deletes it after 30 days")
@click.option("--at-once", type=click.IntRange(1, 16), default=4, show_default=True, help="photos under way")
@as_json_option
def independent_test(
    dataset: Path, *, out: Path, scores: bool, keep: bool, at_once: int, as_json: bool, **given: Any
) -> None:
    """Run the labelled photos of DATASET through a server's exact pipeline, and fetch the figures.

    DATASET is a folder of folders, one a person; or a CSV or Parquet file with the columns `subject`,
    `path` and if you have them `box` and columns of cohorts, as for `countenance evaluate`. It runs on the
    auditor's machine, with a key that the server's operator made with `countenance testers add`. Names of
    people stay here: the server is told pseudonyms. A test that the server's limits hold up waits, and one
    that breaks off goes on when the command is run again.

    \b
    export AWS_ACCESS_KEY_ID=AKIA… AWS_SECRET_ACCESS_KEY=…
    countenance independent-test photos/ --endpoint-url https://faces.example \\
        --tested-by "State University" --out results/

    Exit codes: 0 done; 1 there are no figures to be had; 2 the command line is wrong; 3 the data set or the
    server's answer is; 130 interrupted.
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    if bool(given["cohort"]) != bool(given["labels_by"]):
        raise click.UsageError("--cohort and --labels-by go together: say whose the labels are")
    from countenance.cli.independent_test_client import ServerUnderTest
    from countenance.cli.independent_test_run import Run
    from countenance.cli.labelled_photos import load_photos
    from countenance.cli.progress import photos_progress

    data = load_photos(dataset, cohorts=given["cohort"], labels_by=given["labels_by"] or "")
    try:
        with photos_progress() as bar:
            client = ServerUnderTest(
                given["endpoint_url"],
                profile=given["profile"],
                region=given["region"],
                ca_bundle=given["ca_bundle"],
                tell=bar.notice,
            )
            run = Run(client, data, out)
            test_id = run.begin(**_declared(data.name, given))
            sent = run.send(test_id, at_once=at_once, report=bar.show)
            told = client.finish(test_id)
            status = told["Test"]["Status"]
            files = [run.write_scores(test_id)] if scores and status != "CLOSED" else []
        if "Evaluation" in told:
            files += run.write(json.loads(told["Evaluation"]), sent)
            if not keep:
                client.delete(test_id)
    except KeyboardInterrupt:
        click.echo("interrupted: run the same command again to go on", err=True)
        sys.exit(_INTERRUPTED)
    print_facts(_facts(told["Test"], files), as_json=as_json)
    if "Evaluation" not in told:
        click.echo(f"there are no figures: {told['Test'].get('ClosedBecause', status)}", err=True)
        sys.exit(1)


def _declared(data_set: str, given: dict[str, Any]) -> dict[str, Any]:
    declared: dict[str, Any] = {
        "Name": given["name"] or data_set,
        "TestedBy": given["tested_by"],
        "DataSet": data_set,
        "Face": given["face"].upper(),
    }
    if given["cohort"]:
        declared |= {"CohortColumns": list(given["cohort"]), "LabelsBy": given["labels_by"]}
    if given["face_model_version"]:
        declared["FaceModelVersion"] = given["face_model_version"]
    return declared


def _facts(test: Any, files: list[Path]) -> dict[str, Any]:
    return {
        "TestId": test["TestId"],
        "Status": test["Status"],
        "Samples": test["Samples"],
        "Enrolled": test["Enrolled"],
        "Pack": f"{test['PackName']} ({test['FaceModelVersion']}), {test['PackDigest']}",
        "Calibration": test["CalibrationDigest"],
        "Pipeline": test["PipelineDigest"],
        "Files": [str(file) for file in files],
    }
