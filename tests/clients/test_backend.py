"""The backend against its own OpenAPI document, and against boto3 on the same bucket."""

import random
from pathlib import Path

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from conftest import BUCKET

DOCUMENT = Path(__file__).parents[2] / "mock-server" / "openapi.yaml"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]

schema = schemathesis.openapi.from_path(DOCUMENT)


def test_the_served_document_is_the_repo_s(page):
    assert requests.get(f"{page}/openapi.yaml", timeout=10).text == DOCUMENT.read_text()


@schema.parametrize()
# Derandomised: the same examples every time, so that a failure is always one of the code.
@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_fuzz(case, page, api):
    """Hostile and well-formed requests alike get an answer that the document describes, and never a 5xx."""
    case.call_and_validate(base_url=page, headers=api.headers, checks=CHECKS)


def test_without_a_token_nothing_is_answered(page):
    for path, operations in schema.raw_schema["paths"].items():
        for method, operation in operations.items():
            if operation.get("security") == []:
                continue
            answer = requests.request(method, page + path.replace("{key}", "uploads/a/b"), json={}, timeout=10)
            assert (answer.status_code, list(answer.json())) == (401, ["message"]), path


@pytest.mark.parametrize("size", [0, 1, 3_000_000, 20_000_000])
def test_a_file_goes_up_by_the_backend_and_boto3_sees_it(api, s3, size):
    body = random.Random(size).randbytes(size)
    request = {"filename": "ü b.bin", "content_type": "image/png", "size": size, "multipart": True, "metadata": {"a": "b"}}
    grant = api.post("request-upload", request).json()
    if "upload_url" in grant:
        stored = requests.put(grant["upload_url"], data=body, headers=grant["headers"], timeout=60)
        assert stored.status_code == 200
    else:
        parts = []
        for part, start in zip(grant["parts"], range(0, size, grant["part_size"]), strict=True):
            sent = requests.put(part["upload_url"], data=body[start : start + grant["part_size"]], timeout=60)
            parts.append({"part_number": part["part_number"], "etag": sent.headers["etag"]})
        done = api.post("complete-upload", {**grant, "parts": parts})
        assert done.json()["size"] == size, done.text
    key = grant["file_key"]
    stored = s3.get_object(Bucket=BUCKET, Key=key)
    assert (stored["Body"].read(), stored["ContentType"], stored["Metadata"]) == (body, "image/png", {"a": "b"})

    path = requests.utils.quote(key)
    download = api.get(f"request-download/{path}").json()
    assert download["size"] == size and download["etag"] == stored["ETag"]
    assert requests.get(download["download_url"], timeout=60).content == body
    assert key in [one["key"] for one in api.get("files").json()["files"]]
    assert api.delete(f"files/{path}").status_code == 200
    assert api.get(f"request-download/{path}").status_code == 404


def test_what_boto3_stores_the_backend_lists_and_signs(api, s3):
    key = "uploads/clients/by boto3/ü+%.bin"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"by boto3")
    listed = api.get("files?prefix=uploads/clients/by").json()["files"]
    assert [(one["key"], one["size"]) for one in listed] == [(key, 8)]
    download = api.get(f"request-download/{requests.utils.quote(key)}").json()
    assert requests.get(download["download_url"], timeout=10).content == b"by boto3"
    s3.delete_object(Bucket=BUCKET, Key=key)


def test_more_files_than_a_page_are_all_listed(api, s3):
    keys = [f"uploads/clients/many/{number:04}" for number in range(1005)]
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    listed = api.get("files?prefix=uploads/clients/many/").json()["files"]
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys[:1000]]})
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys[1000:]]})
    assert [one["key"] for one in listed] == keys
