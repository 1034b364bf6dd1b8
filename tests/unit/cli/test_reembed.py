"""`countenance reembed`, as far as it needs no nets; with them: tests/integration/test_reembed.py."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from countenance.cli.governed import open_governed
from countenance.cli.installation import open_store
from countenance.cli.reembed import COMMANDS
from countenance.cli.reembed_report import calibration_of
from countenance.cli.reembedded import Reembedded
from countenance.gallery import Gallery, OtherTemplate
from countenance.gallery.two_models import Model
from countenance.settings import Settings
from countenance.similarity import Calibration
from countenance.store import UnitOfWork
from countenance.vision.install import PackStore
from countenance.vision.pipeline_digest import pipeline_digest
from fakes.calibrations import put_in_force
from fakes.faces import DIMENSIONS, new_face, unit
from governed import CHARTER


@pytest.fixture
def store(cli, account):
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        yield database, Gallery(database, keys)


@pytest.fixture
def commit(store):
    def run(work, *given, **named):
        with UnitOfWork(store[0]) as uow:
            answer = work(uow, *given, **named)
            uow.commit()
        return answer

    return run


@pytest.fixture
def made(store, commit, account):
    """`made(name)`: a collection of three faces."""

    def make(name="staff", *, account_id=account):
        _, gallery = store
        collection = commit(
            gallery.create_collection,
            account_id=account_id,
            name=name,
            region="us-east-1",
            face_model_version="90.1",
            dimensions=DIMENSIONS,
            tags={},
            charter=CHARTER,
        )
        faces = [new_face(unit([number, 1]), external_image_id=f"{number}.jpg") for number in range(3)]
        commit(gallery.enrol, collection, faces)
        return collection

    return make


@pytest.fixture
def running(store, commit, made):
    """A collection half of which is re-embedded."""
    _, gallery = store
    collection = made()
    commit(gallery.reembeddings.start, collection, Model("90.2", 4), "folder")
    late = replace(new_face(unit([1])), shadow=OtherTemplate("90.2", unit([1])[:4]))
    commit(gallery.enrol, collection, [late])
    run = gallery.reembeddings.require(collection)
    first = gallery.list_faces(collection, limit=10)
    missing = [face.face_id for face in first if face.face_id != late.face_id]
    commit(gallery.shadow_templates.note_failures, run, {missing[0]: "no photo"})
    commit(gallery.reembeddings.finish_building, collection, run)
    return collection


@pytest.mark.parametrize(
    "command", [[], *([name] for name in COMMANDS), ["vault", "open"], ["vault", "close"]]
)
def test_each_command_teaches_itself(still, command):
    text = still.says("reembed", *command, "--help")
    assert "countenance reembed" in text
    assert "Example" in text or "countenance reembed start staff" in text or "vault open staff" in text


def test_status_says_how_far_it_is_and_what_is_missing(cli, running):
    told = cli.json("reembed", "status", "staff")
    assert (told["State"], told["From"], told["Onto"]) == ("ready", "90.1", "90.2")
    assert (told["Faces"], told["Embedded"], told["Missing"], told["MissingOld"]) == (4, 1, 3, 0)
    assert told["Reasons"] == {"no photo": 1}
    words = cli.says("reembed", "status", "staff")
    assert "1 no photo: no file" in words
    assert "countenance reembed switch" in words
    missing = cli.json("reembed", "status", "staff", "--missing")
    assert sorted(each["Reason"] for each in missing) == [
        "no photo",
        "not looked at yet",
        "not looked at yet",
    ]
    assert {each["ExternalImageId"] for each in missing} == {"0.jpg", "1.jpg", "2.jpg"}


def test_all_that_run_are_listed(cli, running, made):
    made("other")
    assert [(each["CollectionId"], each["State"]) for each in cli.json("reembed", "list")] == [
        ("staff", "ready")
    ]


def test_a_collection_that_is_not_there_or_not_re_embedded_is_told(cli, made, house):
    made()
    assert cli.fails("reembed", "status", "nobody")[1].startswith("there is no collection `nobody`")
    assert "is not being re-embedded" in cli.fails("reembed", "status", "staff")[1]
    assert "no collection" in cli.fails("reembed", "status", "staff", "--region", "eu-west-1")[1]
    assert "does not exist" in cli.fails("reembed", "status", "staff", "--account", house)[1]


def test_a_name_that_several_accounts_have_needs_an_account(cli, made, account, house):
    made()
    made(account_id=house)
    code, words = cli.fails("reembed", "vault", "show", "staff")
    assert (code, "--account" in words, account in words) == (2, True, True)
    assert cli.json("reembed", "vault", "show", "staff", "--account", house)["Vault"] == "closed"


def test_a_start_says_what_it_lacks(cli, made, tmp_path):
    made()
    assert "--from" in cli.fails("reembed", "start", "staff", "--onto", "standard")[1]
    assert (
        "there is no pack `nothing`"
        in cli.fails("reembed", "start", "staff", "--onto", "nothing", "--from", tmp_path)[1]
    )


def test_a_vault_is_opened_shown_and_closed_and_the_log_has_it(cli, made, store, account):
    made()
    opened = cli.json("reembed", "vault", "open", "staff", "--days", 30)
    assert (opened["Vault"], opened["Days"], opened["Crops"]) == ("open", 30, 0)
    assert cli.json("reembed", "vault", "open", "staff", "--days", 7)["Days"] == 7
    assert cli.json("reembed", "vault", "close", "staff")["Vault"] == "closed"
    assert "has no vault" in cli.fails("reembed", "vault", "close", "staff")[1]
    assert cli.fails("reembed", "vault", "open", "staff", "--days", 0)[0] == 2
    words = cli.says("audit", "tail", "--account", account)
    assert [words.count(name) for name in ("OpenVault", "CloseVault")] == [2, 1]


def test_what_would_be_lost_is_told_before_it_is_discarded(cli, running, store, commit):
    """Three faces have no template of the model that the collection was switched to."""
    _, gallery = store
    run = gallery.reembeddings.require(running)
    commit(gallery.reembeddings.switch, running, run, leave_behind=True)
    code, words = cli.fails("reembed", "discard", "staff")
    assert (code, "3 faces" in words, "--erase-left-behind" in words) == (3, True, True)
    done = cli.json("reembed", "discard", "staff", "--erase-left-behind")
    assert (done["FaceModelVersion"], done["DeletedTemplates"], done["ErasedFaces"]) == ("90.2", 1, 3)
    current = gallery.require_collection(running.account_id, running.region, running.name)
    assert len(gallery.list_faces(current, limit=10)) == 1
    assert "is not being re-embedded" in cli.fails("reembed", "discard", "staff")[1]


def test_a_report_is_of_what_is_in_force(cli, account, default_pack):
    """Else it would say whose answers change by a calibration that no caller's answers are of."""
    manifest = default_pack.manifest
    own = manifest.calibration
    stricter = Calibration(
        tuple(each + 0.01 for each in own.cosine), own.neg_log10_fmr, 9, own.extrapolated_from + 0.01
    )
    settings = Settings.from_env(cli.environment)
    given = {"data_dir": settings.data_dir, "database_url": settings.database_url}
    with open_governed(given) as governed:
        packs = PackStore(default_pack.directory.parents[1], None)
        opened = Reembedded(governed, None, None, None, packs)
        model = Model(manifest.face_model_version, manifest.embedder.dimensions)
        assert calibration_of(opened, model) == own
        with put_in_force(
            governed.database,
            SimpleNamespace(
                pack_digest=manifest.digest,
                face_model_version=manifest.face_model_version,
                calibration=own,
            ),
            stricter,
            pipeline_digest=pipeline_digest(),
        ):
            assert calibration_of(opened, model) == stricter
        assert calibration_of(opened, model) == own
