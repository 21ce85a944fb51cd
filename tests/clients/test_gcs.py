"""Google's own Python library against the mock server as Google Cloud Storage: what one signs, the other takes."""

import base64
import datetime
import hashlib
import hmac
import io
import json
import os
import random
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import google_crc32c
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import storage
from google.cloud.storage import _signing
from google.cloud.storage._media.requests import XMLMPUContainer, XMLMPUPart
from google.oauth2 import service_account
from google.resumable_media import InvalidResponse
from google.resumable_media.requests import ResumableUpload

from conftest import log_in, mock_server

BUCKET = "presigned"
MIB = 1 << 20
STEP = 256 * 1024
NAMES = ["plain", "a b+ü%.bin", "a//b/c", "emoji-🎉&c=d?e#f", "it's (1)*!.bin", "~tilde,;:@$"]


def some_bytes(size):
    return random.Random(size).randbytes(size)


def crc32c(body):
    return base64.b64encode(google_crc32c.Checksum(body).digest()).decode()


def md5(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    """A service account that nobody at Google knows."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    email = "presigned@test-project.iam.gserviceaccount.com"
    file = tmp_path_factory.mktemp("key") / "key.json"
    fields = {"type": "service_account", "client_email": email, "private_key": pem, "token_uri": "http://localhost/token"}
    file.write_text(json.dumps(fields))
    return file


@pytest.fixture(scope="module")
def binary():
    return os.environ.get("PRESIGNED_MOCK_SERVER") or pytest.skip("needs PRESIGNED_MOCK_SERVER")


@pytest.fixture(scope="module")
def gcs(binary, key_file, tmp_path_factory):
    data = tmp_path_factory.mktemp("gcs")
    with mock_server(binary, data, "--provider", "gcs", "--google-key", str(key_file)) as addresses:
        yield {name: address.rstrip("/") for name, address in addresses.items()}


@pytest.fixture(scope="module")
def api(gcs):
    return log_in(gcs["page"], "google")


@pytest.fixture(scope="module")
def bucket(key_file):
    credentials = service_account.Credentials.from_service_account_file(key_file)
    return storage.Client(project="test-project", credentials=credentials).bucket(BUCKET)


@pytest.fixture
def sign(bucket, gcs, monkeypatch):
    """A URL as the library signs it, now or at another time."""

    def sign(method, key, at=None, **options):
        if at is not None:
            monkeypatch.setattr(_signing, "_NOW", lambda zone=None: at)
        options.setdefault("expiration", 900)
        blob = bucket.blob(key)
        url = blob.generate_signed_url(version="v4", method=method, api_access_endpoint=gcs["store"], **options)
        monkeypatch.undo()
        return url

    return sign


def put(url, body, **headers):
    return requests.put(url, data=body, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=60)


def error_code(answer):
    assert answer.headers["content-type"].startswith("application/xml"), answer.headers
    assert answer.text.startswith("<?xml version='1.0' encoding='UTF-8'?><Error><Code>"), answer.text
    return answer.text.split("<Code>")[1].split("</Code>")[0]


class TestOurSignatures:
    """URLs of the backend, to the letter those of the library."""

    def same(self, sign, method, key, url, **options):
        query = parse_qs(urlsplit(url).query)
        at = datetime.datetime.strptime(query["X-Goog-Date"][0], "%Y%m%dT%H%M%SZ")
        assert url == sign(method, key, at=at, expiration=int(query["X-Goog-Expires"][0]), **options)

    @pytest.mark.parametrize("name", NAMES)
    def test_of_a_put(self, api, sign, name):
        key = f"{api.folder}{name}"
        request = {"filename": "a", "key": key, "content_type": "text/plain; charset=utf-8", "size": 3, "multipart": True}
        grant = api.post("request-upload", {**request, "metadata": {"Camera": "X  1"}}).json()
        assert grant["headers"] == {"content-type": "text/plain; charset=utf-8", "x-goog-meta-camera": "X  1"}
        self.same(sign, "PUT", key, grant["upload_url"], headers=dict(grant["headers"]))

    @pytest.mark.parametrize("name", NAMES)
    def test_of_parts(self, api, sign, name):
        key = f"{api.folder}{name}"
        grant = api.post("request-upload", {"filename": "a", "key": key, "size": 9 * MIB, "multipart": True}).json()
        for part in grant["parts"]:
            query = {"partNumber": str(part["part_number"]), "uploadId": grant["upload_id"]}
            self.same(sign, "PUT", key, part["upload_url"], query_parameters=query)
        api.post("abort-upload", grant)

    @pytest.mark.parametrize("name", NAMES)
    def test_of_a_get(self, api, sign, name):
        key = f"{api.folder}{name}"
        assert put(sign("PUT", key), b"abc").status_code == 200
        url = api.get(f"request-download/{quote(key)}").json()["download_url"]
        disposition = parse_qs(urlsplit(url).query)["response-content-disposition"][0]
        held_back = {"response-cache-control": "no-store"}
        self.same(sign, "GET", key, url, response_disposition=disposition, query_parameters=held_back)


class TestTheirSignatures:
    @pytest.mark.parametrize("name", NAMES)
    def test_are_taken_for_every_method(self, sign, name):
        headers = {"x-goog-meta-a": "b  c"}
        url = sign("PUT", name, content_type="image/png", headers=headers)
        assert put(url, b"abc", content_type="image/png", x_goog_meta_a="b  c").status_code == 200
        got = requests.get(sign("GET", name, response_disposition="inline; filename=ü", response_type="a/b"), timeout=10)
        assert (got.content, got.headers["content-type"]) == (b"abc", "a/b")
        assert got.headers["x-goog-meta-a"] == "b  c"
        head = requests.head(sign("HEAD", name), timeout=10)
        assert (head.status_code, head.headers["content-length"]) == (200, "3")
        assert requests.delete(sign("DELETE", name), timeout=10).status_code == 204
        gone = requests.get(sign("GET", name), timeout=10)
        assert (gone.status_code, error_code(gone)) == (404, "NoSuchKey")
        assert f"<Details>No such object: {BUCKET}/" in gone.text

    @pytest.mark.parametrize(
        ("old", "new"),
        [("/tampered", "/another"), ("X-Goog-Expires=900", "X-Goog-Expires=901"), ("&X-Goog-Signature=", "&a=b&X-Goog-Signature="),
         ("response-content-type=a", "response-content-type=b")],
    )  # fmt: skip
    def test_are_refused_if_the_url_is_another(self, sign, old, new):
        url = sign("GET", "tampered", response_type="a")
        assert old in url
        answer = requests.get(url.replace(old, new), timeout=10)
        assert (answer.status_code, error_code(answer)) == (403, "SignatureDoesNotMatch")
        assert "<StringToSign>GOOG4-RSA-SHA256\n" in answer.text and "<CanonicalRequest>GET\n" in answer.text

    def test_are_refused_if_the_signature_is_another(self, sign):
        url = sign("GET", "tampered")
        for wrong in [url[:-1] + ("0" if url[-1] != "0" else "1"), url[:-2], url + "00", url.rpartition("=")[0] + "=zz"]:
            answer = requests.get(wrong, timeout=10)
            assert (answer.status_code, error_code(answer)) == (403, "SignatureDoesNotMatch")
        assert error_code(requests.put(url, data=b"", timeout=10)) == "SignatureDoesNotMatch"

    def test_are_refused_if_the_headers_are_others(self, sign):
        url = sign("PUT", "tampered", content_type="image/png", headers={"x-goog-meta-a": "b"})
        assert error_code(put(url, b"", content_type="image/jpeg", x_goog_meta_a="b")) == "SignatureDoesNotMatch"
        missing = put(url, b"", content_type="image/png")
        assert (missing.status_code, error_code(missing)) == (400, "MalformedSecurityHeader")
        assert "<ParameterName>x-goog-meta-a</ParameterName>" in missing.text
        more = put(url, b"", content_type="image/png", x_goog_meta_a="b", x_goog_meta_b="c")
        assert "<ParameterName>x-goog-meta-b</ParameterName>" in more.text

    def test_are_refused_after_their_time_and_long_before(self, sign):
        now = datetime.datetime.now(datetime.timezone.utc)
        url = sign("GET", "tampered", at=now - datetime.timedelta(seconds=1000))
        answer = requests.get(url, timeout=10)
        assert (answer.status_code, error_code(answer)) == (400, "ExpiredToken")
        assert "<Details>Request signature expired at: 20" in answer.text
        url = sign("GET", "tampered", at=now + datetime.timedelta(seconds=1000))
        assert error_code(requests.get(url, timeout=10)) == "RequestTimeTooSkewed"
        url = sign("GET", "tampered", at=now + datetime.timedelta(seconds=600))
        assert error_code(requests.get(url, timeout=10)) == "NoSuchKey"

    def test_another_s_key_is_not_known(self, sign, gcs):
        url = sign("GET", "tampered").replace("presigned%40", "somebody%40")
        assert requests.get(url, timeout=10).status_code == 403
        anonymous = requests.get(f"{gcs['store']}/{BUCKET}/tampered", timeout=10)
        assert (anonymous.status_code, error_code(anonymous)) == (403, "AccessDenied")


def hmac_url(store, method, key, date, seconds, headers=(), query=(), disposition=None):
    """By Google's documents; its library signs with service accounts only."""
    scope = f"{date[:8]}/auto/storage/goog4_request"
    headers = sorted([("host", urlsplit(store).netloc), *headers])
    names = ";".join(name for name, _ in headers)
    query = [*query, ("X-Goog-Algorithm", "GOOG4-HMAC-SHA256"), ("X-Goog-Credential", f"presigned/{scope}"),
             ("X-Goog-Date", date), ("X-Goog-Expires", seconds), ("X-Goog-SignedHeaders", names)]  # fmt: skip
    encoded = "&".join(f"{quote(name, safe='')}={quote(str(value), safe='')}" for name, value in sorted(query))
    path = f"/{BUCKET}/{quote(key, safe='/~')}"
    lines = "".join(f"{name}:{value}\n" for name, value in headers)
    canonical = f"{method}\n{path}\n{encoded}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    text = f"GOOG4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    derived = b"GOOG4presigned-secret"
    for word in (*scope.split("/"), text):
        derived = hmac.new(derived, word.encode(), hashlib.sha256).digest()
    return f"{store}{path}?{encoded}&X-Goog-Signature={derived.hex()}"


def test_hmac_keys_sign_too(binary, tmp_path):
    with mock_server(binary, tmp_path, "--provider", "gcs") as addresses:
        page, store = addresses["page"].rstrip("/"), addresses["store"].rstrip("/")
        api = log_in(page, "hmac")
        for name in NAMES:
            key = f"{api.folder}{name}"
            request = {"filename": "a", "key": key, "content_type": "a/b", "size": 3, "multipart": True}
            grant = api.post("request-upload", request).json()
            query = dict(parse_qsl(urlsplit(grant["upload_url"]).query))
            ours = hmac_url(store, "PUT", key, query["X-Goog-Date"], query["X-Goog-Expires"], [("content-type", "a/b")])
            assert grant["upload_url"] == ours
            assert put(grant["upload_url"], b"abc", **grant["headers"]).status_code == 200
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        assert requests.get(hmac_url(store, "GET", key, now, 60), timeout=10).content == b"abc"
        wrong = requests.get(hmac_url(store, "GET", key, now, 60).replace("Expires=60", "Expires=61"), timeout=10)
        assert error_code(wrong) == "SignatureDoesNotMatch"


class TestObjects:
    def test_ranges(self, sign):
        body = some_bytes(100_000)
        assert put(sign("PUT", "ranges"), body).status_code == 200
        url = sign("GET", "ranges")
        for asked, start, end in [("bytes=0-0", 0, 1), ("bytes=100-199", 100, 200), ("bytes=99990-", 99_990, 100_000), ("bytes=-7", 99_993, 100_000)]:
            got = requests.get(url, headers={"range": asked}, timeout=10)
            assert (got.status_code, got.headers["content-range"]) == (206, f"bytes {start}-{end - 1}/100000")
            assert got.content == body[start:end]
            # Of the whole, with every range of it.
            assert got.headers["x-goog-hash"] == f"crc32c={crc32c(body)}, md5={md5(body)}"
        beyond = requests.get(url, headers={"range": "bytes=100000-"}, timeout=10)
        assert (beyond.status_code, error_code(beyond), beyond.headers["content-range"]) == (416, "InvalidRange", "bytes */100000")

    def test_hashes_and_generations(self, sign):
        generations = []
        for body in (b"one", b"two"):
            stored = put(sign("PUT", "hashes"), body)
            head = requests.head(sign("HEAD", "hashes"), timeout=10)
            for answer in (stored, head):
                assert answer.headers["x-goog-hash"] == f"crc32c={crc32c(body)}, md5={md5(body)}"
                assert answer.headers["etag"] == f'"{hashlib.md5(body).hexdigest()}"'
            assert head.headers["x-goog-stored-content-length"] == "3"
            assert stored.headers["x-goog-generation"] == head.headers["x-goog-generation"]
            assert not [name for name in stored.headers if name.lower().startswith("x-amz-")]
            generations.append(int(head.headers["x-goog-generation"]))
        assert generations[0] < generations[1]
        assert requests.get(sign("GET", "hashes", generation=generations[1]), timeout=10).content == b"two"
        assert requests.get(sign("GET", "hashes", generation=generations[0]), timeout=10).status_code == 404

    def test_a_promised_hash_is_kept(self, sign):
        body = b"promised"
        for hashes in (f"crc32c={crc32c(body)}", f"md5={md5(body)}", f"crc32c={crc32c(body)},md5={md5(body)}"):
            url = sign("PUT", "promised", headers={"x-goog-hash": hashes})
            assert put(url, body, x_goog_hash=hashes).status_code == 200
            wrong = put(url, b"something", x_goog_hash=hashes)
            assert (wrong.status_code, error_code(wrong)) == (400, "BadDigest")

    def test_a_generation_may_be_asked_for(self, sign):
        condition = {"x-goog-if-generation-match": "0"}
        url = sign("PUT", "once", headers=dict(condition))
        first = requests.put(url, data=b"a", headers=condition, timeout=10)
        again = requests.put(url, data=b"b", headers=condition, timeout=10)
        assert (first.status_code, again.status_code, error_code(again)) == (200, 412, "PreconditionFailed")

    def test_faults_speak_google_s_language(self, gcs, sign):
        for fault, status, code in [({"expired": True}, 400, "ExpiredToken"), ({"bad_signature": True}, 403, "SignatureDoesNotMatch"), ({"status": 503}, 503, "SlowDown")]:
            requests.put(f"{gcs['page']}/_faults", json={"rules": [{"on": "get", "do": fault}]}, timeout=10)
            answer = requests.get(sign("GET", "faults"), timeout=10)
            assert (answer.status_code, error_code(answer)) == (status, code)
        requests.delete(f"{gcs['page']}/_faults", timeout=10)

    def test_a_page_may_read_it(self, sign):
        put(sign("PUT", "cors"), b"a")
        got = requests.get(sign("GET", "cors"), headers={"origin": "http://page.example"}, timeout=10)
        assert "x-goog-hash" in got.headers["access-control-expose-headers"]


class Signing(requests.Session):
    """A transport that signs each request, so that the library's own uploads need no token of Google's."""

    def __init__(self, sign):
        super().__init__()
        self.sign = sign

    def request(self, method, url, headers=None, **options):
        parts = urlsplit(url)
        signed = {name: value for name, value in (headers or {}).items() if name.lower().startswith(("x-goog-", "content-type"))}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        url = self.sign(method, parts.path.removeprefix(f"/{BUCKET}/"), headers=dict(signed), query_parameters=query)
        return super().request(method, url, headers=headers, **options)


class TestUploadsInParts:
    @pytest.mark.parametrize("checksum", ["crc32c", "md5", None])
    def test_by_the_library(self, gcs, sign, tmp_path, checksum):
        body = some_bytes(12 * MIB + 1)
        file = tmp_path / "body"
        file.write_bytes(body)
        url = f"{gcs['store']}/{BUCKET}/in-parts"
        transport = Signing(sign)
        container = XMLMPUContainer(url, str(file), headers={"x-goog-meta-a": "b"})
        container.initiate(transport=transport, content_type="image/png")
        for number, start in enumerate(range(0, len(body), 5 * MIB), 1):
            end = min(start + 5 * MIB, len(body))
            part = XMLMPUPart(url, container.upload_id, str(file), start, end, number, checksum=checksum)
            answer = part.upload(transport)
            assert answer.headers["x-goog-hash"] == f"crc32c={crc32c(body[start:end])}, md5={md5(body[start:end])}"
            container.register_part(number, part.etag)
        done = container.finalize(transport)
        assert done.headers["x-goog-hash"] == f"crc32c={crc32c(body)}" and int(done.headers["x-goog-generation"])
        assert "Checksum" not in done.text
        got = requests.get(sign("GET", "in-parts"), timeout=60)
        assert (got.content, got.headers["content-type"], got.headers["x-goog-meta-a"]) == (body, "image/png", "b")
        # No MD5 of what nobody has read from end to end.
        assert got.headers["x-goog-hash"] == f"crc32c={crc32c(body)}"

    def test_a_wrong_hash_of_a_part_and_a_cancelled_upload(self, gcs, sign, tmp_path):
        file = tmp_path / "body"
        file.write_bytes(b"body")
        url = f"{gcs['store']}/{BUCKET}/cancelled"
        transport = Signing(sign)
        container = XMLMPUContainer(url, str(file))
        container.initiate(transport=transport, content_type="image/png")
        ref = {"partNumber": "1", "uploadId": container.upload_id}
        hashes = f"crc32c={crc32c(b'other')}"
        wrong = put(sign("PUT", "cancelled", query_parameters=ref, headers={"x-goog-hash": hashes}), b"body", x_goog_hash=hashes)
        assert error_code(wrong) == "BadDigest"
        container.cancel(transport)
        gone = put(sign("PUT", "cancelled", query_parameters=ref), b"body")
        assert (gone.status_code, error_code(gone)) == (404, "NoSuchUpload")

    @pytest.mark.parametrize("size", [0, 1, 3_000_000, 20_000_000])
    def test_by_the_backend(self, api, size):
        body = some_bytes(size)
        request = {"filename": "ü b.bin", "content_type": "image/png", "size": size, "multipart": True, "metadata": {"a": "b"}}
        grant = api.post("request-upload", request).json()
        if "upload_url" in grant:
            assert put(grant["upload_url"], body, **grant["headers"]).status_code == 200
        else:
            parts = []
            for part, start in zip(grant["parts"], range(0, size, grant["part_size"]), strict=True):
                etag = put(part["upload_url"], body[start : start + grant["part_size"]]).headers["etag"]
                parts.append({"part_number": part["part_number"], "etag": etag})
            assert [part["etag"] for part in api.post("list-parts", grant).json()["parts"]] == [part["etag"] for part in parts]
            done = api.post("complete-upload", {**grant, "parts": parts})
            assert (done.json()["size"], done.json()["checksum_crc32c"]) == (size, crc32c(body)), done.text
            again = api.post("complete-upload", {**grant, "parts": parts})
            assert again.json()["etag"] == done.json()["etag"]
        download = api.get(f"request-download/{quote(grant['file_key'])}").json()
        assert (download["size"], download["checksum_crc32c"], download["content_type"]) == (size, crc32c(body), "image/png")
        assert "checksum_crc64nvme" not in download
        assert requests.get(download["download_url"], timeout=60).content == body
        assert grant["file_key"] in [one["key"] for one in api.get("files").json()["files"]]
        assert api.delete(f"files/{quote(grant['file_key'])}").status_code == 200

    def test_aborted_by_the_backend(self, api):
        grant = api.post("request-upload", {"filename": "a", "size": 9 * MIB, "multipart": True}).json()
        for _ in range(2):
            assert api.post("abort-upload", grant).json() == {}
        assert api.post("list-parts", grant).json()["code"] == "NoSuchUpload"


class TestResumableUploads:
    @pytest.fixture
    def session(self, sign):
        def begin(key, content_type="image/png", **headers):
            headers = {"x-goog-resumable": "start", **headers}
            # "RESUMABLE" is the library's word for a POST with that header.
            url = sign("RESUMABLE", key, content_type=content_type, headers={**headers})
            answer = requests.post(url, headers={"content-type": content_type, **headers}, timeout=10)
            assert answer.status_code == 201, answer.text
            return answer.headers["location"]

        return begin

    def send(self, session, body, start, total="*"):
        end = start + len(body)
        return put(session, body, content_range=f"bytes {start}-{end - 1}/{total}")

    def status(self, session, total="*"):
        return put(session, b"", content_range=f"bytes */{total}")

    def by_the_library(self, session, body, chunk=STEP):
        upload = ResumableUpload(session, chunk)
        upload._resumable_url, upload._stream = session, io.BytesIO(body)
        upload._total_bytes, upload._content_type = len(body), "image/png"
        return upload

    @pytest.mark.parametrize("size", [1, STEP, STEP + 1, 5 * STEP - 1])
    def test_in_chunks_by_the_library(self, sign, session, size):
        body = some_bytes(size)
        upload = self.by_the_library(session("chunks", **{"x-goog-meta-a": "b"}), body)
        transport = requests.Session()
        while not upload.finished:
            answer = upload.transmit_next_chunk(transport)
        assert answer.headers["x-goog-hash"] == f"crc32c={crc32c(body)}, md5={md5(body)}"
        got = requests.get(sign("GET", "chunks"), timeout=10)
        assert (got.content, got.headers["content-type"], got.headers["x-goog-meta-a"]) == (body, "image/png", "b")
        assert got.headers["x-goog-generation"] == answer.headers["x-goog-generation"]

    def test_a_lost_chunk_is_found_by_asking(self, sign, session, gcs):
        body = some_bytes(4 * STEP + 5)
        upload = self.by_the_library(session("lost"), body, 2 * STEP)
        rule = {"on": "chunk", "times": 1, "do": {"cut_request": STEP + 1000}}
        requests.put(f"{gcs['page']}/_faults", json={"rules": [rule]}, timeout=10)
        transport = requests.Session()
        with pytest.raises((requests.ConnectionError, InvalidResponse)):
            self.send(upload.resumable_url, body[: 2 * STEP], 0, len(body)).raise_for_status()
        upload._invalid = True
        upload.recover(transport)
        # Whole steps of what came before the cut.
        assert upload.bytes_uploaded in (0, STEP)
        while not upload.finished:
            upload.transmit_next_chunk(transport)
        assert requests.get(sign("GET", "lost"), timeout=10).content == body

    def test_how_far_it_came(self, session):
        uri = session("far")
        nothing = self.status(uri)
        assert (nothing.status_code, "range" in nothing.headers) == (308, False)
        body = some_bytes(3 * STEP)
        assert self.send(uri, body[:STEP], 0).headers["range"] == f"bytes=0-{STEP - 1}"
        assert self.status(uri, len(body)).headers["range"] == f"bytes=0-{STEP - 1}"
        # What is there already may be sent again, and what comes after it counts.
        assert self.send(uri, body[: 2 * STEP], 0).headers["range"] == f"bytes=0-{2 * STEP - 1}"
        done = self.send(uri, body[2 * STEP :], 2 * STEP, len(body))
        assert (done.status_code, done.headers["etag"]) == (200, f'"{hashlib.md5(body).hexdigest()}"')
        assert self.status(uri).status_code == 200

    def test_the_end_may_be_told_last(self, sign, session):
        uri = session("told-last")
        body = some_bytes(2 * STEP)
        assert self.send(uri, body, 0).status_code == 308
        assert self.status(uri, len(body)).status_code == 200
        assert requests.get(sign("GET", "told-last"), timeout=10).content == body

    @pytest.mark.parametrize("body", [b"", b"whole", some_bytes(MIB)])
    def test_in_one_request(self, sign, session, body):
        assert put(session("whole"), body).status_code == 200
        assert requests.get(sign("GET", "whole"), timeout=10).content == body

    def test_what_is_no_chunk_is_refused(self, session):
        uri = session("odd")
        for answer in [
            self.send(uri, b"a" * (STEP - 1), 0),
            self.send(uri, b"a" * STEP, STEP),
            put(uri, b"a", content_range="bytes 0-/1"),
            put(uri, b"abc", content_range="bytes 0-1/2"),
            put(uri, b"a", content_range="bytes 0-1/2"),
        ]:
            assert (answer.status_code, error_code(answer)) == (400, "InvalidArgument")
        assert self.status(uri).status_code == 308

    def test_a_cancelled_one_is_gone(self, session):
        uri = session("cancelled")
        assert requests.delete(uri, timeout=10).status_code == 499
        assert (self.status(uri).status_code, error_code(self.status(uri))) == (404, "NoSuchUpload")
        assert self.status(uri.replace("/cancelled", "/other")).status_code == 404

    def test_may_want_that_nothing_is_there(self, sign, session):
        uri = session("new", **{"x-goog-if-generation-match": "0"})
        put(sign("PUT", "new"), b"quicker")
        assert error_code(put(uri, b"slower")) == "PreconditionFailed"

    def test_begins_only_with_a_signature(self, sign):
        url = sign("RESUMABLE", "unsigned")
        assert error_code(requests.post(url, timeout=10)) == "MalformedSecurityHeader"
        wrong = url.replace("/unsigned", "/other")
        assert error_code(requests.post(wrong, headers={"x-goog-resumable": "start"}, timeout=10)) == "SignatureDoesNotMatch"
