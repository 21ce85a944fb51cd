"""boto3, as applications use it, against the store."""

import base64
import hashlib
import io
import random
import zlib
from datetime import timedelta

import boto3.s3.transfer
import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum

from conftest import BUCKET

MIB = 1 << 20


def some_bytes(size, seed=1):
    return random.Random(seed).randbytes(size)


def code(raised):
    return raised.value.response["Error"]["Code"]


def status(raised):
    return raised.value.response["ResponseMetadata"]["HTTPStatusCode"]


class TestObjects:
    def test_put_get_head(self, s3, key):
        body = some_bytes(100_000)
        stored = s3.put_object(
            Bucket=BUCKET,
            Key=key,
            Body=body,
            ContentType="image/png",
            CacheControl="max-age=60",
            ContentDisposition="inline",
            Metadata={"camera": "X 1"},
        )
        assert stored["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
        got = s3.get_object(Bucket=BUCKET, Key=key)
        assert got["Body"].read() == body
        head = s3.head_object(Bucket=BUCKET, Key=key)
        for answer in (got, head):
            assert answer["ContentLength"] == len(body)
            assert answer["ContentType"] == "image/png"
            assert answer["CacheControl"] == "max-age=60"
            assert answer["ContentDisposition"] == "inline"
            assert answer["Metadata"] == {"camera": "X 1"}
            assert answer["ETag"] == stored["ETag"]

    def test_empty_object(self, s3, key):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
        got = s3.get_object(Bucket=BUCKET, Key=key)
        assert got["ContentLength"] == 0 and got["Body"].read() == b""

    @pytest.mark.parametrize("name", ["a/b//c", "ä ö/ü", "a+b&c=d?e#f", "100%", "emoji-🎉", "'quotes\"", ".hidden", "~tilde*"])
    def test_keys_of_all_sorts(self, s3, key, name):
        odd = key + name
        s3.put_object(Bucket=BUCKET, Key=odd, Body=name.encode())
        assert s3.get_object(Bucket=BUCKET, Key=odd)["Body"].read() == name.encode()
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=odd)
        assert [one["Key"] for one in listed["Contents"]] == [odd]

    def test_overwrite_and_delete(self, s3, key):
        for body in (b"one", b"two"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"two"
        for _ in range(2):
            assert s3.delete_object(Bucket=BUCKET, Key=key)["ResponseMetadata"]["HTTPStatusCode"] == 204
        with pytest.raises(ClientError) as raised:
            s3.get_object(Bucket=BUCKET, Key=key)
        assert code(raised) == "NoSuchKey"

    def test_an_overwritten_object_is_read_to_its_end(self, s3, key):
        body = some_bytes(20 * MIB)
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        reading = s3.get_object(Bucket=BUCKET, Key=key)["Body"]
        first = reading.read(1000)
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"new")
        assert first + reading.read() == body

    def test_copy(self, s3, key):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"copied", ContentType="text/x", Metadata={"a": "b"})
        s3.copy_object(Bucket=BUCKET, Key=key + "2", CopySource={"Bucket": BUCKET, "Key": key})
        got = s3.get_object(Bucket=BUCKET, Key=key + "2")
        assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"copied", "text/x", {"a": "b"})

    def test_delete_many(self, s3, key):
        keys = [f"{key}{number}" for number in range(5)]
        for one in keys:
            s3.put_object(Bucket=BUCKET, Key=one, Body=b"x")
        deleted = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": one} for one in keys]})
        assert sorted(one["Key"] for one in deleted["Deleted"]) == sorted(keys)
        assert s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"] == 0


class TestRanges:
    BODY = some_bytes(10_000)

    @pytest.fixture
    def stored(self, s3, key):
        s3.put_object(Bucket=BUCKET, Key=key, Body=self.BODY)
        return key

    @pytest.mark.parametrize(
        ("asked", "start", "end"),
        [("bytes=0-0", 0, 1), ("bytes=100-199", 100, 200), ("bytes=9990-", 9990, 10_000), ("bytes=-7", 9993, 10_000),
         ("bytes=9000-99999", 9000, 10_000)],
    )
    def test_parts_of_an_object(self, s3, stored, asked, start, end):
        got = s3.get_object(Bucket=BUCKET, Key=stored, Range=asked)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert got["ContentRange"] == f"bytes {start}-{end - 1}/10000"
        assert got["Body"].read() == self.BODY[start:end]

    def test_beyond_the_end(self, s3, stored):
        with pytest.raises(ClientError) as raised:
            s3.get_object(Bucket=BUCKET, Key=stored, Range="bytes=10000-")
        assert (code(raised), status(raised)) == ("InvalidRange", 416)


class TestConditions:
    @pytest.fixture
    def stored(self, s3, key):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"abc")
        return s3.head_object(Bucket=BUCKET, Key=key)

    def test_if_match(self, s3, key, stored):
        assert s3.get_object(Bucket=BUCKET, Key=key, IfMatch=stored["ETag"])["Body"].read() == b"abc"
        with pytest.raises(ClientError) as raised:
            s3.get_object(Bucket=BUCKET, Key=key, IfMatch='"other"')
        assert (code(raised), status(raised)) == ("PreconditionFailed", 412)

    def test_if_none_match(self, s3, key, stored):
        with pytest.raises(ClientError) as raised:
            s3.get_object(Bucket=BUCKET, Key=key, IfNoneMatch=stored["ETag"])
        assert status(raised) == 304
        assert s3.get_object(Bucket=BUCKET, Key=key, IfNoneMatch='"other"')["Body"].read() == b"abc"

    def test_since(self, s3, key, stored):
        modified = stored["LastModified"]
        with pytest.raises(ClientError) as raised:
            s3.head_object(Bucket=BUCKET, Key=key, IfModifiedSince=modified)
        assert status(raised) == 304
        with pytest.raises(ClientError) as raised:
            s3.head_object(Bucket=BUCKET, Key=key, IfUnmodifiedSince=modified - timedelta(seconds=1))
        assert status(raised) == 412
        s3.head_object(Bucket=BUCKET, Key=key, IfUnmodifiedSince=modified)

    def test_conditional_writes(self, s3, key, stored):
        with pytest.raises(ClientError) as raised:
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", IfNoneMatch="*")
        assert status(raised) == 412
        with pytest.raises(ClientError) as raised:
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", IfMatch='"other"')
        assert status(raised) == 412
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", IfMatch=stored["ETag"])
        s3.put_object(Bucket=BUCKET, Key=key + "2", Body=b"x", IfNoneMatch="*")


class TestListing:
    @pytest.fixture
    def names(self, s3, key):
        names = [f"{key}/{folder}/{number}" for folder in "abc" for number in range(4)] + [f"{key}/top"]
        for name in names:
            s3.put_object(Bucket=BUCKET, Key=name, Body=b"x")
        return sorted(names)

    @pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
    @pytest.mark.parametrize("size", [1, 3, 1000])
    def test_pages_hold_every_key_once(self, s3, key, names, operation, size):
        pages = s3.get_paginator(operation).paginate(
            Bucket=BUCKET, Prefix=key, PaginationConfig={"PageSize": size}
        )
        assert [one["Key"] for page in pages for one in page.get("Contents", [])] == names

    @pytest.mark.parametrize("size", [1, 2, 1000])
    def test_folders(self, s3, key, names, size):
        pages = list(
            s3.get_paginator("list_objects_v2").paginate(
                Bucket=BUCKET, Prefix=f"{key}/", Delimiter="/", PaginationConfig={"PageSize": size}
            )
        )
        folders = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]
        assert folders == [f"{key}/{folder}/" for folder in "abc"]
        assert [one["Key"] for page in pages for one in page.get("Contents", [])] == [f"{key}/top"]

    def test_start_after(self, s3, key, names):
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=key, StartAfter=names[5])
        assert [one["Key"] for one in listed["Contents"]] == names[6:]

    def test_buckets(self, s3):
        assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == [BUCKET]
        s3.head_bucket(Bucket=BUCKET)
        assert "ETag" in s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"][0]["ExposeHeaders"]


class TestMultipart:
    @pytest.fixture
    def upload(self, s3, key):
        upload_id = s3.create_multipart_upload(Bucket=BUCKET, Key=key, ContentType="text/x", Metadata={"a": "b"})["UploadId"]
        yield {"Bucket": BUCKET, "Key": key, "UploadId": upload_id}
        try:
            s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload_id)
        except ClientError as gone:
            assert gone.response["Error"]["Code"] == "NoSuchUpload"

    @staticmethod
    def send(s3, upload, numbers, size=5 * MIB):
        parts = []
        for number in numbers:
            sent = s3.upload_part(**upload, PartNumber=number, Body=some_bytes(size, number))
            parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        return parts

    def test_transfer_manager_both_ways(self, s3, key):
        body = some_bytes(30 * MIB + 7)
        config = boto3.s3.transfer.TransferConfig(multipart_threshold=MIB, multipart_chunksize=5 * MIB)
        s3.upload_fileobj(io.BytesIO(body), BUCKET, key, Config=config)
        head = s3.head_object(Bucket=BUCKET, Key=key)
        digests = b"".join(hashlib.md5(body[at : at + 5 * MIB]).digest() for at in range(0, len(body), 5 * MIB))
        assert head["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-7"'
        received = io.BytesIO()
        s3.download_fileobj(BUCKET, key, received, Config=config)
        assert received.getvalue() == body

    def test_complete_keeps_attributes_and_may_be_repeated(self, s3, key, upload):
        parts = self.send(s3, upload, [1, 2])
        first = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        again = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        assert first["ETag"] == again["ETag"]
        head = s3.head_object(Bucket=BUCKET, Key=key)
        assert (head["ContentLength"], head["ContentType"], head["Metadata"]) == (10 * MIB, "text/x", {"a": "b"})

    def test_parts_are_listed_in_pages(self, s3, upload):
        self.send(s3, upload, [5, 1, 3], size=1000)
        pages = s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 2})
        parts = [part for page in pages for part in page.get("Parts", [])]
        assert [(part["PartNumber"], part["Size"]) for part in parts] == [(1, 1000), (3, 1000), (5, 1000)]
        assert parts[0]["ETag"] == f'"{hashlib.md5(some_bytes(1000, 1)).hexdigest()}"'

    def test_a_part_sent_again_counts_once(self, s3, key, upload):
        self.send(s3, upload, [1], size=100)
        parts = self.send(s3, upload, [1], size=200)
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == some_bytes(200, 1)

    def test_a_part_of_an_object(self, s3, key, upload):
        parts = self.send(s3, upload, [1, 4])
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        got = s3.get_object(Bucket=BUCKET, Key=key, PartNumber=2)
        assert got["PartsCount"] == 2
        assert got["Body"].read() == some_bytes(5 * MIB, 4)

    def test_what_complete_refuses(self, s3, upload):
        small = self.send(s3, upload, [1, 2], size=1000)
        wrong = [small[0], {"PartNumber": 2, "ETag": '"00000000000000000000000000000000"'}]
        for parts, expected in [
            (small, "EntityTooSmall"),
            (wrong, "InvalidPart"),
            ([*small, {"PartNumber": 9, "ETag": small[0]["ETag"]}], "InvalidPart"),
            (small[::-1], "InvalidPartOrder"),
            ([], "MalformedXML"),
        ]:
            with pytest.raises(ClientError) as raised:
                s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
            assert code(raised) == expected
        # And all of it is still there.
        assert len(s3.list_parts(**upload)["Parts"]) == 2

    def test_abort(self, s3, upload):
        self.send(s3, upload, [1], size=1000)
        listed = s3.list_multipart_uploads(Bucket=BUCKET, Prefix=upload["Key"])
        assert [one["UploadId"] for one in listed["Uploads"]] == [upload["UploadId"]]
        s3.abort_multipart_upload(**upload)
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET, Prefix=upload["Key"])
        for call in (s3.list_parts, s3.abort_multipart_upload):
            with pytest.raises(ClientError) as raised:
                call(**upload)
            assert (code(raised), status(raised)) == ("NoSuchUpload", 404)

    def test_part_numbers_have_a_limit(self, s3, upload):
        with pytest.raises(ClientError) as raised:
            s3.upload_part(**upload, PartNumber=10_001, Body=b"x")
        assert code(raised) == "InvalidArgument"


class TestChecksums:
    def test_crc64nvme_is_computed_unasked(self, make_s3, key):
        s3 = make_s3(request_checksum_calculation="when_required")
        stored = s3.put_object(Bucket=BUCKET, Key=key, Body=b"123456789")
        # The catalogue's check value of CRC-64/NVME.
        expected = base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode()
        assert (stored["ChecksumCRC64NVME"], stored["ChecksumType"]) == (expected, "FULL_OBJECT")
        assert s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")["ChecksumCRC64NVME"] == expected
        assert "ChecksumCRC64NVME" not in s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=0-1", ChecksumMode="ENABLED")

    def test_crc64nvme_of_parts_is_that_of_the_whole(self, make_s3, key):
        s3 = make_s3(request_checksum_calculation="when_required")
        body = some_bytes(11 * MIB)
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        whole = s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")["ChecksumCRC64NVME"]
        upload = {"Bucket": BUCKET, "Key": key + "2"}
        upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
        parts = []
        for number, start in enumerate((0, 5 * MIB, 10 * MIB), 1):
            sent = s3.upload_part(**upload, PartNumber=number, Body=body[start : start + 5 * MIB])
            parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        assert (done["ChecksumCRC64NVME"], done["ChecksumType"]) == (whole, "FULL_OBJECT")

    @pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
    def test_declared_checksums_come_back(self, s3, key, algorithm):
        body = b"some bytes"
        digest = {
            "CRC32": zlib.crc32(body).to_bytes(4, "big"),
            "SHA1": hashlib.sha1(body).digest(),
            "SHA256": hashlib.sha256(body).digest(),
        }[algorithm]
        expected = base64.b64encode(digest).decode()
        stored = s3.put_object(Bucket=BUCKET, Key=key, Body=body, ChecksumAlgorithm=algorithm)
        assert stored[f"Checksum{algorithm}"] == expected
        got = s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
        assert got[f"Checksum{algorithm}"] == expected and got["Body"].read() == body

    @pytest.mark.parametrize("flaw", [None, "checksum"])
    def test_trailing_checksum_of_a_stream(self, server, s3, key, flaw):
        """Over TLS boto3 sends a stream's checksum behind it, aws-chunked; here its own parts are put together to do so without TLS."""
        body = some_bytes(300_000)

        class Trailing(S3SigV4Auth):
            def payload(self, request):
                return "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

        class Wrong(Crc32Checksum):
            def b64digest(self):
                return "AAAAAA=="

        wrapped = AwsChunkedWrapper(
            io.BytesIO(body), Wrong if flaw else Crc32Checksum, checksum_name="x-amz-checksum-crc32", chunk_size=65_536
        ).read()
        headers = {
            "content-encoding": "aws-chunked",
            "x-amz-trailer": "x-amz-checksum-crc32",
            "x-amz-decoded-content-length": str(len(body)),
        }
        url = f"{server['store']}{BUCKET}/{requests.utils.quote(key)}"
        request = AWSRequest("PUT", url, headers=headers, data=wrapped)
        Trailing(Credentials("presigned", "presigned-secret"), "s3", "us-east-1").add_auth(request)
        answer = requests.put(url, data=wrapped, headers=dict(request.headers), timeout=10)
        if flaw:
            assert answer.status_code == 400 and "<Code>BadDigest</Code>" in answer.text
            return
        assert answer.status_code == 200, answer.text
        got = s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
        assert got["Body"].read() == body and "ContentEncoding" not in got
        assert got["ChecksumCRC32"] == base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()

    def test_wrong_digests_are_refused_and_nothing_is_stored(self, s3, key):
        wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
        for option in ({"ContentMD5": wrong}, {"ChecksumCRC32": "AAAAAA=="}, {"ChecksumSHA256": base64.b64encode(bytes(32)).decode()}):
            with pytest.raises(ClientError) as raised:
                s3.put_object(Bucket=BUCKET, Key=key, Body=b"bytes", **option)
            assert (code(raised), status(raised)) == ("BadDigest", 400)
        assert s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"] == 0


class TestPresigned:
    def test_put_and_get(self, s3, key):
        put = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key, "ContentType": "text/x"})
        assert requests.put(put, data=b"abc", timeout=10).status_code == 403
        stored = requests.put(put, data=b"abc", headers={"content-type": "text/x"}, timeout=10)
        assert stored.status_code == 200 and stored.headers["etag"] == f'"{hashlib.md5(b"abc").hexdigest()}"'
        params = {"Bucket": BUCKET, "Key": key, "ResponseContentDisposition": 'attachment; filename="x"'}
        got = requests.get(s3.generate_presigned_url("get_object", Params=params), timeout=10)
        assert (got.content, got.headers["content-disposition"]) == (b"abc", 'attachment; filename="x"')

    def test_parts(self, s3, key):
        upload = {"Bucket": BUCKET, "Key": key}
        upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
        url = s3.generate_presigned_url("upload_part", Params={**upload, "PartNumber": 1})
        etag = requests.put(url, data=b"part", timeout=10).headers["etag"]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"part"

    def test_post_form(self, s3, key):
        form = s3.generate_presigned_post(BUCKET, key, Conditions=[["content-length-range", 1, 100]])
        posted = requests.post(form["url"], data=form["fields"], files={"file": b"by a form"}, timeout=10)
        assert posted.status_code in (200, 204), posted.text
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"by a form"

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (lambda url: url.replace("X-Amz-Date=2", "X-Amz-Date=1"), ("AccessDenied", "Request has expired")),
            (lambda url: url.replace("X-Amz-Expires=3600", "X-Amz-Expires=3601"), ("SignatureDoesNotMatch", "")),
            (lambda url: url.replace("Credential=presigned", "Credential=nobody"), ("InvalidAccessKeyId", "")),
            (lambda url: url.split("?")[0], ("AccessDenied", "")),
        ],
    )
    def test_what_is_not_signed_is_refused(self, s3, key, change, expected):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"secret")
        url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key})
        answer = requests.get(change(url), headers={"origin": "http://page.example"}, timeout=10)
        assert answer.status_code == 403
        assert f"<Code>{expected[0]}</Code>" in answer.text and expected[1] in answer.text
        # Without these a page would only see a network error.
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["content-type"] == "application/xml"
        assert answer.headers["x-amz-request-id"] in answer.text


class TestErrors:
    def test_codes(self, s3, make_s3, key):
        for call, expected in [
            (lambda: s3.get_object(Bucket=BUCKET, Key=key), "NoSuchKey"),
            (lambda: s3.list_objects_v2(Bucket="another-bucket"), "NoSuchBucket"),
            (lambda: s3.put_object(Bucket="another-bucket", Key="a", Body=b""), "NoSuchBucket"),
            (lambda: make_s3(secret="wrong").list_buckets(), "SignatureDoesNotMatch"),
            (lambda: s3.get_bucket_versioning(Bucket=BUCKET), "NotImplemented"),
            (lambda: s3.head_object(Bucket=BUCKET, Key=key), "404"),
        ]:
            with pytest.raises(ClientError) as raised:
                call()
            assert code(raised) == expected

    def test_boto3_retries_a_fault(self, page, make_s3, key):
        rule = {"on": "put", "times": 2, "do": {"status": 503, "code": "SlowDown"}}
        assert requests.put(f"{page}/_faults", json={"rules": [rule]}, timeout=10).status_code == 200
        s3 = make_s3(retries={"mode": "standard", "total_max_attempts": 4})
        stored = s3.put_object(Bucket=BUCKET, Key=key, Body=b"at last")
        assert stored["ResponseMetadata"]["RetryAttempts"] == 2
        assert requests.get(f"{page}/_faults", timeout=10).json()["rules"][0]["hits"] == 2
