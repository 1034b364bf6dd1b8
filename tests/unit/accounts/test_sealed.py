from __future__ import annotations

import re
from pathlib import Path

from countenance.accounts import SEALED
from countenance.accounts.sealed import claims_context, secret_context
from countenance.casework.cases import SEALED as SEALED_CASES

SOURCE = Path(__file__).resolve().parents[3] / "src" / "countenance"


def test_whoever_seals_with_the_master_key_is_known_to_its_rotation():
    """A column that is filled and not listed would be unreadable after the next rotation.

    Whoever adds a use of `KeyStore.seal` adds its column to `SEALED`, and then its module here.
    """
    users = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if re.search(r"\.seal\([^)]*context=", path.read_text(), re.DOTALL)
    }
    assert users == {
        *("accounts/register.py", "accounts/sign_in.py", "casework/cases.py", "rights/consents.py"),
        "backup/taken_back.py",
    }
    assert {(each.table, each.column) for each in SEALED} == {
        ("access_key", "sealed_secret"),
        ("access_key", "sealed_claims"),
        ("operator", "sealed_totp"),
        ("console_session", "sealed_keys"),
        ("consent", "sealed_reference"),
    }


def test_every_column_of_sealed_values_is_listed_or_is_under_another_key(database):
    """By its name: a new one has to say here which key it is under."""
    with database.read() as connection:
        found = connection.execute(
            "select c.table_name, c.column_name from information_schema.columns as c"
            " join information_schema.tables as t using (table_schema, table_name)"
            " where t.table_type = 'BASE TABLE' and table_schema = 'public'"
            " and data_type = 'bytea' and column_name like '%%seal%%'"
        ).fetchall()
    of_accounts_collections_and_tests = {
        ("audit_event", "sealed"),
        ("audit_entry", "sealed"),
        ("audit_set_aside", "sealed"),
        ("audit_touch", "sealed"),
        ("face", "sealed_template"),
        ("idempotency", "sealed_event"),
        ("independent_test", "sealed_declaration"),
        ("independent_test", "sealed_figures"),
        ("independent_test_sample", "sealed"),
        ("examination", "sealed_verdicts"),
        ("objection", "sealed_template"),
        ("observation", "sealed"),
        ("review", "sealed_held"),
        ("review", "sealed_released"),
        ("shadow_template", "sealed_template"),
        ("vault_crop", "sealed_crop"),
    }
    listed = {(each.table, each.column) for each in (*SEALED, *SEALED_CASES)}
    assert set(found) - of_accounts_collections_and_tests == listed


def test_contexts_are_those_of_what_is_stored():
    """Rows of before are bound to these."""
    assert secret_context("AKIA1") == b"access-key/AKIA1"
    assert claims_context("ASIA1") == b"claims/ASIA1"
