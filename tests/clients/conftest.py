"""The mock server, running already or started here, and clients of it that nobody here wrote."""

import contextlib
import os
import subprocess
import time

import boto3
import jwt
import pytest
import requests
from botocore.config import Config

from examples import EXAMPLES, running

BUCKET = "presigned"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The addresses of the page's origin and of the store's."""
    if "PRESIGNED_PAGE" in os.environ:
        yield {"page": os.environ["PRESIGNED_PAGE"], "store": os.environ["PRESIGNED_STORE"]}
        return
    binary = os.environ.get("PRESIGNED_MOCK_SERVER")
    if not binary:
        pytest.exit("set PRESIGNED_PAGE and PRESIGNED_STORE, or PRESIGNED_MOCK_SERVER to the binary", returncode=2)
    with mock_server(binary, tmp_path_factory.mktemp("store")) as addresses:
        yield addresses


@contextlib.contextmanager
def mock_server(binary, data, *options):
    """One on free ports, for as long as it is used."""
    command = [binary, "--port", "0", "--store-port", "0", "--data", str(data), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield dict(process.stdout.readline().split() for _ in range(2))
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def page(server):
    return server["page"].rstrip("/")


@pytest.fixture(autouse=True)
def no_faults(page):
    """What a test switches on ends with it."""
    yield
    requests.delete(f"{page}/_faults", timeout=10)


@pytest.fixture(scope="session")
def make_s3(server):
    """boto3 as it comes, but for the address, the keys and, where a test is about one, an option."""

    def make(secret="presigned-secret", **options):
        options = {"s3": {"addressing_style": "path"}, "retries": {"total_max_attempts": 1}, **options}
        return boto3.client(
            "s3",
            endpoint_url=server["store"],
            aws_access_key_id="presigned",
            aws_secret_access_key=secret,
            region_name="us-east-1",
            config=Config(signature_version="s3v4", **options),
        )

    return make


@pytest.fixture(scope="session")
def s3(make_s3):
    return make_s3()


@pytest.fixture
def key(request, s3):
    """A key of the test's own; everything under it is removed afterwards."""
    prefix = f"clients/{request.node.name}/"
    yield f"{prefix}a b+ü%.bin"
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix):
        for stored in page.get("Contents", []):
            s3.delete_object(Bucket=BUCKET, Key=stored["Key"])


class Api:
    """A user of a backend."""

    def __init__(self, address, user, token):
        self.address = address
        self.folder = f"uploads/{user}/"
        self.headers = {"Authorization": f"Bearer {token}"}

    def post(self, route, body):
        return requests.post(f"{self.address}/{route}", json=body, headers=self.headers, timeout=60)

    def get(self, route):
        return requests.get(f"{self.address}/{route}", headers=self.headers, timeout=60)

    def delete(self, route):
        return requests.delete(f"{self.address}/{route}", headers=self.headers, timeout=60)


def log_in(page, user):
    token = requests.post(f"{page}/login", json={"user": user}, timeout=10).json()["token"]
    return Api(page, user, token)


@pytest.fixture(scope="session")
def api(page):
    return log_in(page, "clients")


@contextlib.contextmanager
def example(name, server, **settings):
    secret = "at least thirty-two bytes of secret"
    with running(EXAMPLES[name], server["store"], secret, **settings) as address:
        claims = {"user_id": f"by-{name}", "exp": int(time.time()) + 3600}
        yield Api(address, f"by-{name}", jwt.encode(claims, secret, algorithm="HS256"))


@pytest.fixture(params=["flask", "node"])
def summing(request, server):
    """The backends that can want each part's checksum, and do."""
    with example(request.param, server, PART_SHA256="1") as api:
        yield api


@pytest.fixture(scope="session", params=["mock-server", *EXAMPLES])
def backend(request, page, server, s3):
    """Each backend in turn, over the mock server's store."""
    user = f"by-{request.param}"
    with contextlib.ExitStack() as stack:
        yield log_in(page, user) if request.param == "mock-server" else stack.enter_context(example(request.param, server))
    for found in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"uploads/{user}/"):
        if keys := [{"Key": stored["Key"]} for stored in found.get("Contents", [])]:
            s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})
