"""Statements that several papers make: of purposes, collections, models, rules, keys and the log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from countenance import __version__
from countenance.policy.purposes import REQUIREMENTS, Purpose
from countenance.reporting.house import CollectionFacts, House
from countenance.reporting.paper import Fact

_KINDS = {
    "consented": "people who agreed",
    "enrolled": "people who were enrolled",
    "watch_list": "people on a watch list",
    "reference": "people of a reference set",
}


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def sentence(words: str) -> str:
    """What somebody wrote, with one full stop."""
    return f"{words.strip().rstrip('.')}."


def notes_of(house: House) -> tuple[str, ...]:
    """What a reader of any paper must know of how it was made."""
    served = (
        "A server ran on this data directory when this was made."
        if house.is_served
        else "No server ran on this data directory when this was made: it is what was there when it stopped."
    )
    region = f"Collections are those of the region {house.settings.region}."
    return served, region


def system(house: House) -> Iterator[Fact]:
    """What the software is and where it keeps things."""
    yield Fact(
        f"The processing is done by Countenance {__version__}, on the operator's own machine. Of an enrolled "
        "face a template is kept, sealed.",
        "the program's version; docs/ARCHITECTURE.md",
    )
    where = "a PostgreSQL of the operator's" if house.settings.database_url else "the embedded PostgreSQL"
    yield Fact(f"Records are in {where}.", "setting `database_url`")
    if house.settings.s3_endpoint:
        yield Fact(f"Images may be read from {house.settings.s3_endpoint}.", "setting `s3_endpoint`")
    if house.settings.kms_key_id:
        service = house.settings.kms_endpoint or "AWS's key management service"
        yield Fact(f"The master key is opened by {service}.", "settings `kms_key_id`, `kms_endpoint`")


def purpose_bounds(purpose: Purpose) -> Iterator[Fact]:
    """What the catalogue allows of a purpose."""
    source = f"purposes.toml, [{purpose.name}]"
    yield Fact(f"{purpose.title}: {purpose.summary} Risk: {purpose.risk}.", source)
    yield Fact(f"Calls that use a face: {', '.join(purpose.operations)}.", source)
    attributes = ", ".join(purpose.attributes) or "none beside the default"
    yield Fact(f"What may be said of a face: {attributes}.", source)
    yield Fact(
        f"No search below similarity {purpose.minimum_threshold:g}, for more than "
        f"{purpose.maximum_candidates:,} candidates, or in a collection of more than "
        f"{purpose.face_cap:,} faces; at most "
        f"{purpose.calls_per_hour:,} calls an hour and account.",
        source,
    )
    if purpose.fpir_budget:
        yield Fact(
            "The threshold of a search is raised until at most "
            f"{purpose.fpir_budget:g} false candidates are expected.",
            source,
        )
    needs = "; ".join(words for name, words in REQUIREMENTS.items() if name in purpose.requires)
    yield Fact(f"Needed for each call: {needs}." if needs else "Nothing more is needed for a call.", source)
    yield Fact(
        f"Legal basis as the catalogue assumes it, which is not an assessment: {purpose.legal_basis}.", source
    )


def of_purpose(house: House, purpose: Purpose) -> list[CollectionFacts]:
    return [each for each in house.collections if each.charter and purpose.name in each.charter.purposes]


def collection(found: CollectionFacts) -> Iterator[Fact]:
    """One collection and its charter."""
    told, charter = found.collection, found.charter
    yield Fact(
        f"Collection {told.name} of account {told.account_id}: {found.faces:,} faces, {found.users:,} users, "
        f"of FaceModelVersion {told.face_model_version}, since {moment(told.created_at)}.",
        "tables `collection`, `face`, `subject`",
    )
    yield Fact(
        f"Pictures of the faces of {told.name} are kept, sealed, for {found.kept_days} days."
        if found.kept_days
        else f"No pictures of the faces of {told.name} are kept.",
        "table `vault`",
    )
    if charter is None:
        yield Fact(f"Collection {told.name} has no charter.", "table `charter`")
        return
    kept = (
        "kept until they are deleted"
        if charter.retention_days is None
        else f"deleted after {charter.retention_days} days"
    )
    minors = "may" if charter.minors_allowed else "may not"
    basis = (
        f"the account names as legal basis: {charter.legal_basis}"
        if charter.legal_basis
        else "no legal basis is named"
    )
    yield Fact(
        f"Charter of {told.name}: {_KINDS[charter.kind]}; for {', '.join(charter.purposes)}; at most "
        f"{charter.face_cap:,} faces, {kept}; minors {minors} be enrolled; {basis}.",
        "table `charter`",
    )


def retention(house: House, purpose: Purpose) -> Iterator[Fact]:
    """How long faces of a purpose are kept, and that a job sees to it."""
    days = purpose.retention_days
    yield Fact(
        f"Faces are kept at most {days} days." if days else "The purpose itself sets no term.",
        f"purposes.toml, [{purpose.name}]",
    )
    for found in of_purpose(house, purpose):
        charter = found.charter
        assert charter is not None, "it is for this purpose"
        term = f"{charter.retention_days} days" if charter.retention_days else "no term"
        yield Fact(f"Collection {found.collection.name}: {term}.", "table `charter`")


def rules(house: House) -> Iterator[Fact]:
    """The rule packs in force, each with that no lawyer has reviewed it."""
    for found in house.packs:
        manifest, active = found.pack.manifest, found.active
        how = (
            f"{active.mode}, by {active.activated_by}, {moment(active.activated_at)}"
            if active
            else "always in force"
        )
        yield Fact(
            f"Rule pack {manifest.pack} {manifest.version} ({manifest.jurisdiction}): {manifest.title}; "
            f"{how}. Legal review: {manifest.legal_review}.",
            f"manifest of the rule pack `{manifest.pack}`; table `pack_activation`",
        )
        for gate in manifest.gates:
            yield Fact(f"It refuses: {gate}", f"manifest of the rule pack `{manifest.pack}`")
        for duty in manifest.obliges:
            yield Fact(f"It makes a duty: {duty}", f"manifest of the rule pack `{manifest.pack}`")
    if not any(found.active for found in house.packs):
        yield Fact("No rule pack was activated on this server.", "table `pack_activation`")


def paper_duties(house: House) -> list[tuple[str, str]]:
    """(pack, what stays on paper) of the packs in force: no software checks it."""
    return [(found.pack.pack_id, line) for found in house.packs for line in found.pack.manifest.paper]


def security(house: House) -> Iterator[Fact]:
    """Keys, deletion, transport and log."""
    yield Fact(
        "Templates are sealed with AES-256-GCM under keys of each collection, which are not in the database.",
        "docs/adr/0005-keys-outside-postgresql.md",
    )
    for kind, since in house.masters:
        where = "a key management service" if kind == "kms" else "a file on the server"
        yield Fact(f"A master key is in {where}, since {moment(since)}.", "the key store's ring")
    yield Fact(
        "Deleted faces whose sealed bytes would still open until keys are replaced: "
        f"{house.unfinished_erasures:,}.",
        "table `pending_erasure`, as `countenance erasures list` has it",
    )
    yield Fact(
        f"What was erased is listed in a second place, {house.copy_of_erasures}."
        if house.copy_of_erasures
        else "What was erased is listed in the data directory alone.",
        "setting `tombstones`",
    )
    yield Fact(
        "The server answers over TLS."
        if house.settings.tls_cert
        else "The server itself does not speak TLS.",
        "setting `tls_cert`, as this was made with",
    )


def log(house: House) -> Iterator[Fact]:
    """How the log stands, and who else has seen it."""
    standing = house.log
    yield Fact(
        f"Every call leaves an entry in the log {standing.origin}, which has {standing.size:,} entries; "
        f"{standing.pending:,} more wait for their place.",
        "table `audit_entry`",
    )
    published = standing.published
    yield Fact(
        f"The newest checkpoint that was published has {published.size:,} entries, {moment(published.at)}."
        if published
        else "No checkpoint was published yet.",
        "table `audit_checkpoint`",
    )
    for vkey, reached in standing.cosigned.items():
        name = vkey.partition("+")[0]
        yield Fact(
            f"Witness {name} has cosigned {reached.size:,} entries, {moment(reached.at)}.",
            "table `audit_cosignature`",
        )
    if not standing.cosigned:
        yield Fact(
            "No witness has cosigned: the log's history rests on the operator's word.",
            "table `audit_cosignature`",
        )
    yield Fact(f"Alarms in the log: {len(standing.alarms)}.", "entries of the kind `alarm`")
    reconciled = standing.reconciled
    yield Fact(
        f"Store and log were last compared at {reconciled.members['time']}."
        if reconciled
        else "Store and log were never compared.",
        "entries of the kind `reconciliation`",
    )
