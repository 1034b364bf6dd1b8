"""What was measured, on what, by what, when: the first table of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from countenance.measuring.report_tables import Column, Table, table

_FACES = {
    "largest": "the largest",
    "middle": "the one over the middle",
    "labelled": "the one in the box that the data set gives",
}


def facts_table(evaluation: dict[str, Any]) -> Table:
    """One fact a row; a fact that the evaluation does not state has none."""
    columns = [Column("fact", "fact", "text"), Column("value", "value", "text")]
    rows = [
        *_when_and_by(evaluation),
        *_pack(evaluation["pack"], evaluation["calibration"]),
        *_data(evaluation["data"]),
        *_protocol(evaluation["protocol"]),
    ]
    return table("facts", "Pack, data, protocol, program", columns, rows)


def _when_and_by(evaluation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    program = evaluation["program"]
    yield "made at", evaluation["made_at"]
    yield "program", f"Countenance {program['version']}"
    yield "pipeline digest", program["pipeline_digest"]
    if "command" in program:
        yield "command", program["command"]
    yield "machine", evaluation["machine"]


def _pack(pack: dict[str, Any], calibration: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "pack", f"{pack['name']} (FaceModelVersion {pack['face_model_version']})"
    yield "pack digest", pack["digest"]
    for member in ("licence", "use"):
        if member in pack:
            yield f"pack {member}", pack[member]
    yield "calibration", "the pack's own" if calibration["origin"] == "pack" else "the operator's"
    yield "calibration digest", calibration["digest"]
    if "measured_on" in calibration:
        yield "calibration measured on", calibration["measured_on"]
    if "trials" in calibration:
        yield "calibration trials", f"{calibration['trials']:,}"
    if "extrapolated_from_similarity" in calibration:
        yield "calibration counted up to", f"Similarity {calibration['extrapolated_from_similarity']:g}"


def _data(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "data", data["name"]
    yield "data kind", data["kind"]
    yield "data digest", data["digest"]
    counted = {"photographs": "samples", "people": "subjects", "people with two or more": "subjects_with_two"}
    for what, member in {**counted, "sessions": "sessions"}.items():
        if member in data:
            yield what, f"{data[member]:,}"
    for each in data.get("attacks", ()):
        yield f"attacks: {each['species']}", f"{each['samples']:,}"
    for member, copies in data.get("duplicates", {}).items():
        yield f"copies {member.replace('_', ' ')}", f"{copies:,}"
    yield "labels by", data.get("labels_by", "not stated")


def _protocol(protocol: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "face taken", _FACES[protocol["face"]]
    yield "intervals", f"{protocol['confidence'] * 100:g} %, two-sided, over the draw of people"
    if "replicates" in protocol:
        yield "bootstrap replicates", f"{protocol['replicates']:,}"
    if "draws" in protocol:
        yield "draws of pairs and galleries", f"{protocol['draws']:,}"
    yield "seed", str(protocol["seed"])
