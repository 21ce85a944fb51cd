"""The protocol, as the mock server's backend and those of `examples/` speak it, over the mock server's store."""

import hashlib
import random
from base64 import b64encode
from urllib.parse import quote, unquote

import pytest
import requests

from conftest import BUCKET
from examples import PAGE

MIB = 1 << 20
NAMES = ["plain.bin", "a b+ü%.bin", "emoji-🎉&c=d?e#f.bin", "it's (1)*.bin"]


def some_bytes(size):
    return random.Random(size).randbytes(size)


def upload(backend, body, **more):
    """Sends a file as the SDK does: where and as the backend says."""
    request = {"filename": "ü b.bin", "content_type": "image/png", "size": len(body), "multipart": True, **more}
    grant = backend.post("request-upload", request).json()
    if "upload_url" in grant:
        assert requests.put(grant["upload_url"], data=body, headers=grant["headers"], timeout=60).status_code == 200
        return grant, None
    parts = send_parts(grant, body)
    done = backend.post("complete-upload", {**grant, "parts": parts})
    assert done.status_code == 200, done.text
    return grant, done.json()


def send_parts(grant, body):
    parts = []
    for part, start in zip(grant["parts"], range(0, len(body), grant["part_size"]), strict=True):
        sent = requests.put(part["upload_url"], data=body[start : start + grant["part_size"]], timeout=60)
        parts.append({"part_number": part["part_number"], "etag": sent.headers["etag"]})
    return parts


@pytest.mark.parametrize("size", [0, 1, 3_000_000, 20_000_000])
def test_a_file_goes_up_and_boto3_sees_it(backend, s3, size):
    body = some_bytes(size)
    grant, done = upload(backend, body, metadata={"a": "b"})
    assert (done is None) == (size <= 8 * MIB)
    key = grant["file_key"]
    stored = s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert (stored["Body"].read(), stored["ContentType"], stored["Metadata"]) == (body, "image/png", {"a": "b"})
    if done:
        assert done["size"] == size
        assert (done["etag"], done["checksum_crc64nvme"]) == (stored["ETag"], stored["ChecksumCRC64NVME"])

    path = quote(key)
    download = backend.get(f"request-download/{path}").json()
    assert (download["size"], download["etag"], download["content_type"]) == (size, stored["ETag"], "image/png")
    assert download["checksum_crc64nvme"] == stored["ChecksumCRC64NVME"]
    assert requests.get(download["download_url"], timeout=60).content == body
    assert key in [one["key"] for one in backend.get("files").json()["files"]]
    assert backend.delete(f"files/{path}").status_code == 200
    assert backend.get(f"request-download/{path}").status_code == 404


def test_the_article_s_client_needs_nothing_else(backend):
    """The file's own type is what is signed; a client that knows no `multipart` sends it by itself."""
    request = {"filename": "example.pdf", "content_type": "application/pdf"}
    grant = backend.post("request-upload", request).json()
    put = lambda kind: requests.put(grant["upload_url"], data=b"pdf", headers={"content-type": kind}, timeout=10)
    assert put("application/octet-stream").status_code == 403
    assert put("application/pdf").status_code == 200
    answer = requests.get(backend.get(f"request-download/{quote(grant['file_key'])}").json()["download_url"], timeout=10)
    assert (answer.content, answer.headers["content-type"]) == (b"pdf", "application/pdf")
    assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [5, 9 * MIB])
def test_keys_of_all_sorts(backend, s3, name, size):
    key = f"{backend.folder}a//b/{name}"
    body = some_bytes(size)
    grant, _ = upload(backend, body, key=key)
    assert grant["file_key"] == key
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body
    listed = backend.get(f"files?prefix={quote(key)}").json()["files"]
    assert [(one["key"], one["size"]) for one in listed] == [(key, size)]
    download = requests.get(backend.get(f"request-download/{quote(key)}").json()["download_url"], timeout=60)
    assert download.content == body
    assert unquote(download.headers["content-disposition"]) == f"attachment; filename*=UTF-8''{name}"
    assert backend.delete(f"files/{quote(key)}").status_code == 200
    assert backend.get(f"files?prefix={quote(key)}").json()["files"] == []


def test_parts_are_signed_listed_and_completed_in_any_order(backend):
    body = some_bytes(17 * MIB)
    request = {"filename": "a", "size": len(body), "multipart": True, "part_size": 5 * MIB}
    grant = backend.post("request-upload", request).json()
    assert (grant["part_size"], len(grant["parts"])) == (5 * MIB, 4)
    ref = {name: grant[name] for name in ("file_key", "upload_id")}
    again = backend.post("request-parts", {**ref, "part_numbers": [3, 1]}).json()
    assert [part["part_number"] for part in again["parts"]] == [3, 1] and again["expires_in"] > 0
    parts = send_parts({**grant, "parts": again["parts"][1:]}, body[: 5 * MIB])
    listed = backend.post("list-parts", ref).json()["parts"]
    assert listed == [{"part_number": 1, "etag": parts[0]["etag"], "size": 5 * MIB}]
    parts = send_parts(grant, body)
    assert [part["size"] for part in backend.post("list-parts", ref).json()["parts"]] == [5 * MIB] * 3 + [2 * MIB]
    done = backend.post("complete-upload", {**ref, "parts": parts}).json()
    assert (done["file_key"], done["size"]) == (grant["file_key"], len(body))
    # The same once more, as after a lost answer.
    assert backend.post("complete-upload", {**ref, "parts": parts}).json()["etag"] == done["etag"]


def test_parts_are_signed_with_their_checksums(summing, s3):
    body = some_bytes(17 * MIB)
    request = {"filename": "a", "size": len(body), "multipart": True, "part_size": 5 * MIB}
    grant = summing.post("request-upload", request).json()
    assert (grant["checksum_algorithm"], grant["parts"]) == ("sha256", [])
    ref = {name: grant[name] for name in ("file_key", "upload_id")}
    pieces = [body[start : start + 5 * MIB] for start in range(0, len(body), 5 * MIB)]
    digests = [hashlib.sha256(piece).digest() for piece in pieces]
    sums = [b64encode(digest).decode() for digest in digests]
    numbers = range(1, len(pieces) + 1)
    assert summing.post("request-parts", {**ref, "part_numbers": [1], "checksums": {"2": sums[1]}}).status_code == 400
    asked = {**ref, "part_numbers": list(numbers), "checksums": dict(zip(map(str, numbers), sums))}
    signed = summing.post("request-parts", asked).json()["parts"]
    put = lambda part, piece: requests.put(part["upload_url"], data=piece, headers=part["headers"], timeout=60)
    assert "BadDigest" in put(signed[0], b"spoilt").text
    # Nor without the header, or with the sum of other bytes: it is signed.
    assert requests.put(signed[0]["upload_url"], data=b"spoilt", timeout=60).status_code == 403
    parts = [{"part_number": n, "etag": put(part, piece).headers["etag"]} for n, part, piece in zip(numbers, signed, pieces)]
    assert summing.post("complete-upload", {**ref, "parts": parts}).status_code == 400
    done = summing.post("complete-upload", {**ref, "parts": [{**part, "checksum": sum_} for part, sum_ in zip(parts, sums)]}).json()
    of_all = b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    assert done["checksum_sha256"] == f"{of_all}-{len(pieces)}"
    assert s3.get_object(Bucket=BUCKET, Key=grant["file_key"])["Body"].read() == body


def test_more_parts_than_a_page_are_signed_in_batches_and_listed(backend):
    request = {"filename": "a", "size": 5000 * 5 * MIB, "multipart": True, "part_size": 5 * MIB}
    grant = backend.post("request-upload", request).json()
    ref = {name: grant[name] for name in ("file_key", "upload_id")}
    assert 0 < len(grant["parts"]) < 1000
    numbers = list(range(1, 2003, 2))
    for batch in (numbers[:1000], numbers[1000:]):
        signed = backend.post("request-parts", {**ref, "part_numbers": batch}).json()["parts"]
        with requests.Session() as session:
            for part in signed:
                assert session.put(part["upload_url"], data=b"x", timeout=10).status_code == 200
    assert [part["part_number"] for part in backend.post("list-parts", ref).json()["parts"]] == numbers
    assert backend.post("abort-upload", ref).json() == {}


def test_what_is_aborted_is_gone_and_may_be_aborted_again(backend):
    grant = backend.post("request-upload", {"filename": "a", "size": 9 * MIB, "multipart": True}).json()
    for _ in range(2):
        answer = backend.post("abort-upload", grant)
        assert (answer.status_code, answer.json()) == (200, {})
    assert requests.put(grant["parts"][0]["upload_url"], data=b"x", timeout=10).status_code == 404
    listed = backend.post("list-parts", grant)
    assert (listed.status_code, listed.json()["code"]) == (404, "NoSuchUpload")


def test_a_refused_completion_loses_nothing(backend):
    body = some_bytes(9 * MIB)
    grant = backend.post("request-upload", {"filename": "a", "size": len(body), "multipart": True}).json()
    parts = send_parts(grant, body)
    wrong = [{**parts[0], "etag": f'"{"0" * 32}"'}, parts[1]]
    refused = backend.post("complete-upload", {**grant, "parts": wrong})
    assert (refused.status_code, refused.json()["code"]) == (409, "InvalidPart")
    assert backend.post("complete-upload", {**grant, "parts": parts}).json()["size"] == len(body)


def test_many_files_are_asked_for_at_once(backend):
    files = [{"filename": "a", "size": 1, "multipart": True}, {"size": 1}, {"filename": "c", "size": 9 * MIB, "multipart": True}]
    answers = backend.post("request-uploads", {"files": files}).json()["uploads"]
    assert ["upload_url" in one for one in answers] == [True, False, False]
    assert answers[1]["error"] and answers[1]["code"]
    assert len(answers[2]["parts"]) == 2
    backend.post("abort-upload", answers[2])


def test_what_boto3_stores_is_listed_and_signed(backend, s3):
    key = f"{backend.folder}by boto3/ü+%.bin"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"by boto3")
    listed = backend.get(f"files?prefix={quote(backend.folder)}by").json()["files"]
    assert [(one["key"], one["size"]) for one in listed] == [(key, 8)]
    download = backend.get(f"request-download/{quote(key)}").json()
    assert requests.get(download["download_url"], timeout=10).content == b"by boto3"


def test_more_files_than_a_page_are_all_listed(backend, s3):
    keys = [f"{backend.folder}many/{number:04}" for number in range(1005)]
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    listed = backend.get(f"files?prefix={quote(backend.folder)}many/").json()["files"]
    assert [one["key"] for one in listed] == keys


ROUTES = [
    ("POST", "request-upload"),
    ("POST", "request-uploads"),
    ("POST", "request-parts"),
    ("POST", "list-parts"),
    ("POST", "complete-upload"),
    ("POST", "abort-upload"),
    ("GET", "request-download/uploads/a/b"),
    ("GET", "files"),
    ("DELETE", "files/uploads/a/b"),
]


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_without_a_good_token_nothing_is_answered(backend, method, route):
    # No signature at all: `{"alg":"none"}.{"user_id":"alice","exp":9999999999}.`
    unsigned = "eyJhbGciOiJub25lIn0.eyJ1c2VyX2lkIjoiYWxpY2UiLCJleHAiOjk5OTk5OTk5OTl9."
    for header in [{}, {"authorization": "Bearer nonsense"}, {"authorization": f"Bearer {unsigned}"}]:
        answer = requests.request(method, f"{backend.address}/{route}", json={}, headers=header, timeout=10)
        assert (answer.status_code, list(answer.json())) == (401, ["message"])


def test_a_page_on_another_origin_may_ask(backend):
    asks = {"origin": PAGE, "access-control-request-method": "DELETE", "access-control-request-headers": "authorization,content-type"}
    answer = requests.options(f"{backend.address}/files/a/b", headers=asks, timeout=10)
    assert answer.status_code in (200, 204)
    allowed = {name: answer.headers[f"access-control-allow-{name}"].lower() for name in ("origin", "methods", "headers")}
    assert allowed["origin"] == PAGE and "delete" in allowed["methods"]
    assert "authorization" in allowed["headers"] and "content-type" in allowed["headers"]


def test_one_user_never_reaches_another_s_files(backend, s3):
    s3.put_object(Bucket=BUCKET, Key="uploads/another/a", Body=b"not yours")
    ref = {"file_key": "uploads/another/a", "upload_id": "x"}
    climbing = f"{backend.folder}../another/a"
    for answer in [
        backend.get("request-download/uploads/another/a"),
        backend.delete("files/uploads/another/a"),
        backend.get("files?prefix=uploads/another/"),
        backend.post("request-upload", {"filename": "a", "key": "uploads/another/a"}),
        backend.post("request-upload", {"filename": "a", "key": climbing}),
        backend.post("request-parts", {**ref, "part_numbers": [1]}),
        backend.post("list-parts", ref),
        backend.post("complete-upload", {**ref, "parts": [{"part_number": 1, "etag": "a"}]}),
        backend.post("abort-upload", ref),
        backend.get(f"request-download/{quote(climbing, safe='')}"),
    ]:
        assert answer.status_code in (400, 403), answer.text
        assert answer.json()["error"]


@pytest.mark.parametrize(
    "request_body",
    [{}, [], "text", 1, {"filename": ""}, {"filename": 1}, {"filename": "a", "size": -1}, {"filename": "a", "size": "1"},
     {"filename": "a", "content_type": "a\r\nb: c"}, {"filename": "a", "metadata": {"a": "\n"}}, {"filename": "a", "metadata": []}],
)  # fmt: skip
def test_what_is_no_request_is_refused(backend, request_body):
    answer = backend.post("request-upload", request_body)
    assert 400 <= answer.status_code < 500 and answer.json()["error"]
