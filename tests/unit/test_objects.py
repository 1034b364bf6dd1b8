from __future__ import annotations

import os
import socket

import boto3
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from countenance.errors import (
    ImageTooLargeException,
    InternalServerError,
    InvalidS3ObjectException,
    ProvisionedThroughputExceededException,
    SetupError,
)
from countenance.objects import FolderOfBuckets, ObjectStores, S3Compatible, _refusal, parse_allow_list
from countenance.settings import Settings

ACCOUNT, OTHER_ACCOUNT = "111122223333", "444455556666"
MAX_BYTES = 15 * 1024 * 1024


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "buckets"
    (folder / "photos/trip").mkdir(parents=True)
    (folder / "photos/a.jpg").write_bytes(b"a")
    (folder / "photos/trip/b c.jpg").write_bytes(b"b")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_bytes(b"the master key")
    return folder


@pytest.fixture
def stores(root):
    return ObjectStores.from_settings(Settings(s3_root=root, s3_buckets=f"{ACCOUNT}/photos"))


def read(stores, key, *, bucket="photos", account=ACCOUNT, version=None, max_bytes=MAX_BYTES):
    return stores.read(account, bucket, key, version=version, max_bytes=max_bytes)


@pytest.mark.parametrize(("key", "data"), [("a.jpg", b"a"), ("trip/b c.jpg", b"b")])
def test_a_key_is_a_path_below_its_bucket(stores, key, data):
    assert read(stores, key) == data


@pytest.mark.parametrize(
    "key",
    [
        "none.jpg",
        "trip",  # a folder is no object
        "trip/",
        "/a.jpg",
        "trip//b c.jpg",
        "./a.jpg",
        "../photos/a.jpg",
        "../../secret/key",
        "trip/../a.jpg",
        "a.jpg/more",
        "a.jpg\0",
        "\ud800.jpg",
        "x" * 1024,
    ],
)
def test_a_key_that_names_no_file_below_the_bucket_is_not_found(stores, key):
    with pytest.raises(InvalidS3ObjectException):
        read(stores, key)


@pytest.mark.parametrize("bucket", ["..", ".", "", "photos/trip", "../secret", "none", ".hidden", "\0"])
def test_a_bucket_is_one_plain_name_even_when_the_allow_list_has_another(root, bucket):
    stores = ObjectStores([FolderOfBuckets(root)], allowed=frozenset({("*", bucket)}))
    with pytest.raises(InvalidS3ObjectException):
        read(stores, "a.jpg", bucket=bucket)


def test_hidden_names_are_not_served(stores, root):
    """A folder of photos may be a repository or a home: .git, .ssh and .env are not pictures."""
    (root / "photos/.env").write_bytes(b"secret")
    (root / "photos/.git").mkdir()
    (root / "photos/.git/config").write_bytes(b"secret")
    for key in (".env", ".git/config"):
        with pytest.raises(InvalidS3ObjectException):
            read(stores, key)


@pytest.mark.parametrize("place", ["photos/link.jpg", "photos/folder", "bucket"])
def test_no_symbolic_link_leads_out(root, place):
    target = root.parent / "secret"
    (root / place).symlink_to(target / "key" if place.endswith(".jpg") else target)
    stores = ObjectStores.from_settings(Settings(s3_root=root, s3_buckets="*/photos,*/bucket"))
    bucket, _, key = {"bucket": "bucket/key", "photos/folder": "photos/folder/key"}.get(
        place, place
    ).partition("/")
    with pytest.raises(InvalidS3ObjectException):
        read(stores, key, bucket=bucket)


def test_a_named_pipe_is_refused_and_does_not_wait_for_a_writer(stores, root):
    os.mkfifo(root / "photos/pipe.jpg")
    with pytest.raises(InvalidS3ObjectException):
        read(stores, "pipe.jpg")


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.text(st.sampled_from("./a\0\\~ké"), max_size=20))
def test_no_key_reaches_what_lies_outside_the_bucket(stores, key):
    try:
        data = read(stores, key)
    except InvalidS3ObjectException:
        return
    assert data in {b"a", b"b"}


def test_the_largest_object_is_served_and_one_byte_more_is_too_large(stores, root):
    with (root / "photos/big.png").open("wb") as file:
        file.truncate(MAX_BYTES)
    assert len(read(stores, "big.png")) == MAX_BYTES
    with (root / "photos/big.png").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ImageTooLargeException):
        read(stores, "big.png")


def test_a_folder_has_only_the_version_that_buckets_without_versions_have(stores):
    """S3 calls the version of an object in an unversioned bucket `null`."""
    assert read(stores, "a.jpg", version="null") == b"a"
    with pytest.raises(InvalidS3ObjectException):
        read(stores, "a.jpg", version="3sL4kqtJlcpXroDTDmJ")


def test_a_bucket_is_read_only_by_the_accounts_that_the_list_names(root):
    stores = ObjectStores.from_settings(Settings(s3_root=root, s3_buckets=f"{ACCOUNT}/photos"))
    with pytest.raises(InvalidS3ObjectException):
        read(stores, "a.jpg", account=OTHER_ACCOUNT)
    everyone = ObjectStores.from_settings(Settings(s3_root=root, s3_buckets="*/photos"))
    assert read(everyone, "a.jpg", account=OTHER_ACCOUNT) == b"a"


def test_nothing_is_allowed_by_default(root):
    with pytest.raises(InvalidS3ObjectException):
        read(ObjectStores.from_settings(Settings(s3_root=root)), "a.jpg")


def test_without_any_store_every_object_is_missing():
    with pytest.raises(InvalidS3ObjectException):
        read(ObjectStores.from_settings(Settings(s3_buckets="*/photos")), "a.jpg")


def test_the_allow_list_is_comma_separated_with_space_forgiven():
    assert parse_allow_list(" 111122223333/a , */b,") == {(ACCOUNT, "a"), ("*", "b")}


@pytest.mark.parametrize(
    "entry", ["photos", "/photos", "*/", "12/photos", "*/a/b", "11112222333x/a", "١١١١٢٢٢٢٣٣٣٣/a"]
)
def test_an_entry_of_another_form_is_named_at_start(entry):
    with pytest.raises(SetupError, match="s3_buckets"):
        parse_allow_list(entry)


def test_a_root_that_is_not_there_is_named_at_start(tmp_path):
    with pytest.raises(SetupError, match="s3_root"):
        ObjectStores.from_settings(Settings(s3_root=tmp_path / "none"))


def test_a_store_without_credentials_is_named_at_start():
    """Without this the client would go and look for credentials on the network."""
    with pytest.raises(SetupError, match="s3_endpoint"):
        ObjectStores.from_settings(Settings(s3_endpoint="http://127.0.0.1:1"))


@pytest.fixture(scope="module")
def s3():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket="photos")
    yield client
    server.stop()


@pytest.fixture
def remote(s3):
    return ObjectStores.from_settings(
        Settings(
            s3_endpoint=s3.meta.endpoint_url,
            s3_access_key_id="id",
            s3_secret_access_key="secret",
            s3_buckets="*/photos,*/none,*/versioned",
        )
    )


def test_an_object_of_a_compatible_store_is_read(s3, remote):
    s3.put_object(Bucket="photos", Key="trip/é c.jpg", Body=b"picture")
    assert read(remote, "trip/é c.jpg") == b"picture"


@pytest.mark.parametrize(("bucket", "key"), [("photos", "none.jpg"), ("none", "a.jpg"), ("photos", "")])
def test_a_missing_key_or_bucket_of_a_compatible_store_is_not_found(remote, bucket, key):
    with pytest.raises(InvalidS3ObjectException):
        read(remote, key, bucket=bucket)


def test_the_version_that_is_asked_for_is_read(s3, remote):
    s3.create_bucket(Bucket="versioned")
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="versioned", Key="a.jpg", Body=b"first")["VersionId"]
    s3.put_object(Bucket="versioned", Key="a.jpg", Body=b"second")
    assert read(remote, "a.jpg", bucket="versioned", version=first) == b"first"
    assert read(remote, "a.jpg", bucket="versioned") == b"second"
    with pytest.raises(InvalidS3ObjectException):
        read(remote, "a.jpg", bucket="versioned", version="00000000-0000-0000-0000-000000000000")


def test_a_remote_object_over_the_limit_is_refused_before_it_is_read(s3, remote):
    s3.put_object(Bucket="photos", Key="big.png", Body=bytes(MAX_BYTES + 1))
    with pytest.raises(ImageTooLargeException):
        read(remote, "big.png")


def test_a_store_that_does_not_answer_is_our_fault_and_worth_a_retry():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = S3Compatible(
        f"http://127.0.0.1:{port}", region="us-east-1", access_key_id="id", secret_access_key="secret"
    )
    with pytest.raises(InternalServerError):
        store.read("photos", "a.jpg", version=None, max_bytes=MAX_BYTES)


def test_a_bucket_in_the_folder_hides_the_one_of_the_remote_store(s3, root):
    s3.put_object(Bucket="photos", Key="remote.jpg", Body=b"remote")
    s3.create_bucket(Bucket="elsewhere")
    s3.put_object(Bucket="elsewhere", Key="remote.jpg", Body=b"remote")
    both = ObjectStores.from_settings(
        Settings(
            s3_root=root,
            s3_endpoint=s3.meta.endpoint_url,
            s3_access_key_id="id",
            s3_secret_access_key="secret",
            s3_buckets="*/photos,*/elsewhere",
        )
    )
    assert read(both, "remote.jpg", bucket="elsewhere") == b"remote"
    with pytest.raises(InvalidS3ObjectException):
        read(both, "remote.jpg")


@pytest.mark.parametrize(
    ("http_status", "error"),
    [
        (403, InvalidS3ObjectException),
        (404, InvalidS3ObjectException),
        (429, ProvisionedThroughputExceededException),
        (500, InternalServerError),
        (503, ProvisionedThroughputExceededException),
    ],
)
def test_a_stores_refusal_is_told_by_whose_turn_it_is_to_act(http_status, error):
    """Busy: the caller waits. Broken: the operator acts. Else the object is not there for the caller."""
    assert type(_refusal(http_status)) is error
