from __future__ import annotations

import subprocess
import sys

import pytest

from countenance.errors import SetupError
from countenance.store import Database, migrate
from countenance.store.migrate import Migration, load_migrations

TABLES = {
    "access_key", "account", "account_record", "appeal", "audit_checkpoint", "audit_cosignature",
    "audit_entry", "audit_event", "audit_event_before_log", "audit_key", "audit_log", "audit_set_aside",
    "audit_tile", "audit_touch", "auditor", "calibration", "call_count", "calibration_choice", "charter",
    "code_attempt", "collection", "consent", "consent_face", "console_session", "drift_alarm",
    "drift_count", "enrolment_code", "erasure", "evaluation", "evaluator", "examination", "face",
    "finding", "gallery_change", "gallery_day", "gallery_size", "idempotency", "import_item", "import_run",
    "independent_test",
    "independent_test_sample", "key_binding", "legal_hold", "legal_hold_face", "living_review",
    "objection", "observation", "officer", "operator", "pack_activation", "pack_issuer", "passkey",
    "passkey_challenge", "pending_erasure",
    "policy_epoch", "public_report", "purpose_request", "purpose_vote", "reembedding", "reembedding_failure",
    "rejection", "relation", "relation_in_force", "review", "review_asker", "review_case", "review_face",
    "schema_migration", "shadow_template", "standing_change", "subject", "subject_request", "tag",
    "termination_proposal", "terms_acceptance", "terms_version", "tester", "tester_use", "training",
    "undone_import", "user_merge", "user_merge_code", "user_merge_face", "user_merge_rejection", "vault",
    "vault_crop",
}  # fmt: skip


def test_an_empty_database_gets_every_table_once(empty_database_url: str):
    """The second start finds nothing to do."""
    with Database(empty_database_url, max_connections=2) as database:
        assert migrate(database) == len(load_migrations())
        assert migrate(database) == 0
        with database.read() as connection:
            rows = connection.execute(
                "select table_name from information_schema.tables where table_schema = 'public'"
            )
            assert {name for (name,) in rows} == TABLES


def test_processes_that_start_at_once_migrate_once(empty_database_url: str):
    """Workers and a command on the machine may all be first."""
    program = (
        "import sys; from countenance.store import *;\n"
        "with Database(sys.argv[1], max_connections=1) as database: print(migrate(database))"
    )
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_database_url], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    applied = sorted(int(process.communicate()[0]) for process in racing)
    assert applied == [0, 0, len(load_migrations())]


def test_a_migration_that_fails_leaves_nothing_behind(empty_database_url: str, monkeypatch):
    """Half a schema could be neither used nor migrated again."""
    broken = Migration(3, "0003_broken.sql", "create table half (n int); select 1 / 0;")
    with Database(empty_database_url, max_connections=2) as database:
        real = load_migrations()
        monkeypatch.setattr(
            sys.modules["countenance.store.migrate"], "load_migrations", lambda: [*real, broken]
        )
        with pytest.raises(Exception, match="division by zero"):
            migrate(database)
        with database.read() as connection:
            assert connection.execute("select to_regclass('half'), to_regclass('account')").fetchone() == (
                None,
                None,
            )


def test_a_database_of_a_newer_program_is_refused(empty_database_url: str):
    """An older program would not know what the newer one's rows mean."""
    with Database(empty_database_url, max_connections=2) as database:
        migrate(database)
        with database.transaction() as connection:
            connection.execute("insert into schema_migration (number, name, digest) values (99, 'later', '')")
        with pytest.raises(SetupError, match="newer"):
            migrate(database)


def test_a_migration_that_was_changed_after_it_ran_is_told(empty_database_url: str):
    """Editing an applied file makes two databases of one version differ."""
    with Database(empty_database_url, max_connections=2) as database:
        migrate(database)
        with database.transaction() as connection:
            connection.execute("update schema_migration set digest = '\\x00' where number = 1")
        with pytest.raises(SetupError, match=r"0001_initial\.sql"):
            migrate(database)


def test_one_face_of_one_photograph_is_kept_once_even_without_an_external_id(database: Database):
    """NULLs count as equal there: that is what makes IndexFaces of the same bytes find the face again."""
    with database.read() as connection:
        (definition,) = connection.execute(
            "select pg_get_constraintdef(oid) from pg_constraint"
            " where conrelid = 'face'::regclass and contype = 'u'"
        ).fetchone()
    assert definition.startswith(
        "UNIQUE NULLS NOT DISTINCT (collection_id, image_id, external_image_id, box_"
    )


def test_collections_from_before_keys_were_replaced_are_known_as_such(empty_database_url: str, monkeypatch):
    """What was ever sealed with their own key is final with them only; a new collection has no such past."""
    every = load_migrations()
    account = "insert into account (account_id, name) values ('000000000001', 'A')"
    collection = (
        "insert into collection (collection_id, account_id, name, region, face_model_version, dimensions)"
        " values (gen_random_uuid(), '000000000001', %s, 'r', '1', 8)"
    )
    face = (
        "insert into face (collection_id, face_id, image_id, box_left, box_top, box_width, box_height,"
        " confidence, sealed_template) select collection_id, gen_random_uuid(), gen_random_uuid(),"
        " 0, 0, 1, 1, 99, '' from collection"
    )
    with Database(empty_database_url, max_connections=2) as database:
        with monkeypatch.context() as before:
            before.setattr(sys.modules["countenance.store.migrate"], "load_migrations", lambda: every[:3])
            migrate(database)
        with database.transaction() as connection:
            connection.execute(account)
            connection.execute(collection, ("old",))
            connection.execute(face)
        assert migrate(database) == len(every) - 3
        with database.transaction() as connection:
            connection.execute(collection, ("new",))
            rows = connection.execute(
                "select name, c.key_generation, had_own_key, f.key_generation"
                " from collection as c left join face as f using (collection_id) order by name"
            ).fetchall()
        assert rows == [("new", 1, False, None), ("old", 0, True, 0)]


def test_requests_that_were_opened_twice_by_one_code_stay_and_the_first_is_the_codes(
    empty_database_url: str, monkeypatch
):
    """From before there could be one alone: nobody's request is lost, and the database starts."""
    every = load_migrations()
    account = "insert into account (account_id, name) values ('000000000001', 'A')"
    collection = (
        "insert into collection (collection_id, account_id, name, region, face_model_version, dimensions)"
        " values (gen_random_uuid(), '000000000001', 'c', 'r', '1', 8)"
    )
    code = (
        "insert into enrolment_code (code_id, digest, account_id, collection_id, face_ids, issued_by)"
        " select gen_random_uuid(), sha256('x'), account_id, collection_id, array[gen_random_uuid()], 'Olga'"
        " from collection"
    )
    request = (
        "insert into subject_request (request_id, account_id, region, collection_id, collection, kind,"
        " face_ids, identified_by, code_id, opened_by, opened_at, due_at)"
        " select gen_random_uuid(), account_id, 'r', collection_id, 'c', %s, face_ids, 'code', code_id,"
        " 'person by code', %s, now() from enrolment_code"
    )
    with Database(empty_database_url, max_connections=2) as database:
        with monkeypatch.context() as before:
            before.setattr(sys.modules["countenance.store.migrate"], "load_migrations", lambda: every[:21])
            migrate(database)
        with database.transaction() as connection:
            for statement in (account, collection, code):
                connection.execute(statement)
            for kind, day in (("access", 3), ("access", 2), ("access", 2), ("erasure", 1)):
                connection.execute(request, (kind, f"2026-11-0{day}"))
        assert migrate(database) == len(every) - 21
        with database.read() as connection:
            rows = connection.execute(
                "select kind, extract(day from opened_at)::int, code_id is not null from subject_request"
                " order by 1, 2, 3 desc"
            ).fetchall()
    assert rows == [("access", 2, True), ("access", 2, False), ("access", 3, False), ("erasure", 1, True)]
