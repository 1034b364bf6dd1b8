from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from countenance.errors import SetupError
from countenance.store import Database, migrate
from countenance.store.jobs import Jobs, JobState, Task, apply_jobs_schema
from countenance.store.jobs import schema as module
from job_runner import SERVER, working

COLUMNS = """
select table_name, column_name, data_type, is_nullable, column_default
from information_schema.columns where table_schema = 'jobs' order by 1, 2
"""
OBJECTS = """
select 'function', proname::text, md5(prosrc) from pg_proc where pronamespace = 'jobs'::regnamespace
union all select 'index', indexname, regexp_replace(indexdef, 'INDEX \\S+', '')
    from pg_indexes where schemaname = 'jobs'
union all select 'trigger', tgname::text, tgtype::text
    from pg_trigger where tgrelid = any(select oid from pg_class where relnamespace = 'jobs'::regnamespace)
        and not tgisinternal
union all select 'value', typname::text, enumlabel::text
    from pg_enum join pg_type on pg_type.oid = enumtypid
order by 1, 2, 3
"""


@pytest.fixture
def empty(empty_database_url):
    with Database(empty_database_url, max_connections=9) as database:
        yield database


def rows(database, query):
    with database.read() as connection:
        return connection.execute(query).fetchall()


def names(database):
    return [name for (name,) in rows(database, "select name from jobs.migration order by name")]


def test_an_empty_database_gets_it_once_and_nothing_of_it_lies_among_our_tables(empty):
    every = [file.name for file in (*module._our_files(), *module._their_files())]
    assert apply_jobs_schema(empty) == len(every)
    assert apply_jobs_schema(empty) == 0
    assert names(empty) == sorted(every)
    assert rows(empty, "select 1 from pg_tables where schemaname = 'public'") == []


def test_processes_that_start_at_once_apply_it_once(empty_database_url):
    program = (
        "import sys; from countenance.store import *; from countenance.store.jobs import *\n"
        "with Database(sys.argv[1], max_connections=1) as database: print(apply_jobs_schema(database))"
    )
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_database_url], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    applied = [int(process.communicate()[0]) for process in racing]
    assert sum(applied) == len(module._our_files()) + len(module._their_files())
    assert [process.returncode for process in racing] == [0, 0, 0]


@pytest.mark.parametrize("last", ["03.02.00_50_post_batch_defer_jobs.sql", "02.14.01_01_add_indexes"])
def test_an_older_procrastinates_tables_are_brought_to_what_a_new_database_has(
    empty, empty_database_url, monkeypatch, last
):
    """In order, each once, also where one adds a value that a later one uses; and the queue works then."""
    theirs = module._their_files()
    before = [file for file in theirs if file.name.removeprefix("procrastinate/") <= last + "~"]
    assert 0 < len(before) < len(theirs)
    with monkeypatch.context() as older:
        older.setattr(module, "_their_files", lambda: before[:1])
        older.setattr(module, "_whole_schema", lambda: before[0].statements)
        apply_jobs_schema(empty)
        older.setattr(module, "_their_files", lambda: before)
        apply_jobs_schema(empty)
    assert len(names(empty)) == len(before) + 1
    assert apply_jobs_schema(empty) == len(theirs) - len(before)
    task = Task("try", lambda _: None)
    jobs = Jobs(empty, server=SERVER)
    job_id = jobs.defer(task)
    with working(empty_database_url, empty, [task]):
        while jobs.find(job_id).state is not JobState.DONE:
            pass
    upgraded = rows(empty, COLUMNS), rows(empty, OBJECTS)
    with empty.transaction() as connection:
        connection.execute("drop schema jobs cascade")
    apply_jobs_schema(empty)
    assert upgraded[0] == rows(empty, COLUMNS)
    assert [each for each in upgraded[1] if each[0] != "value"] == [
        each for each in rows(empty, OBJECTS) if each[0] != "value"
    ]


def test_a_newer_programs_tables_are_refused(empty):
    """An older one would not know what they mean."""
    apply_jobs_schema(empty)
    with empty.transaction() as connection:
        connection.execute(
            "insert into jobs.migration (name, version) values ('procrastinate/09', 'procrastinate 9.0.0')"
        )
    with pytest.raises(SetupError, match=r"newer program \(procrastinate 9.0.0; this is procrastinate 3"):
        migrate(empty)


def test_a_file_that_fails_leaves_what_was_before(empty, monkeypatch):
    apply_jobs_schema(empty)
    broken = module._File("procrastinate/99_broken.sql", "create table half (n int); select 1 / 0;")
    real = module._their_files()
    with monkeypatch.context() as patched:
        patched.setattr(module, "_their_files", lambda: [*real, broken])
        with pytest.raises(Exception, match="division by zero"):
            apply_jobs_schema(empty)
    assert rows(empty, "select to_regclass('jobs.half')") == [(None,)]
    assert apply_jobs_schema(empty) == 0


@pytest.fixture
def plain_account(postgres_url, empty_database_url):
    """An account without any rights but to make tables in `public`: its URL, and how to grant more."""
    role = "plain_" + urlsplit(empty_database_url).path[-8:]
    with psycopg.connect(empty_database_url, autocommit=True) as owner:
        owner.execute(f"create role {role} login password 'plain' nosuperuser nocreatedb nocreaterole")
        owner.execute(f"grant create, usage on schema public to {role}")
        parts = urlsplit(empty_database_url)
        _, at, where = parts.netloc.rpartition("@")
        yield urlunsplit(parts._replace(netloc=f"{role}:plain{at or '@'}{where}")), owner, role
        owner.execute(f"drop owned by {role} cascade")
        owner.execute(f"drop role {role}")


def test_an_account_that_may_make_no_schema_is_told_what_to_ask_for(plain_account):
    """And what it asks for is enough: no superuser, not even the database's owner."""
    url, owner, role = plain_account
    with Database(url, max_connections=9) as database:
        with pytest.raises(SetupError, match="may not make the schema `jobs`") as refused:
            migrate(database)
        owner.execute(refused.value.remedy.partition(": ")[2].replace("ACCOUNT", role))
        migrate(database)
        task, jobs = Task("try", lambda _: None), Jobs(database, server=SERVER)
        job_id = jobs.defer(task)
        with working(url, database, [task]):
            while jobs.find(job_id).state is not JobState.DONE:
                pass
