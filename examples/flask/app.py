"""A backend for presigned: it knows who is asking, and signs URLs. The bytes never pass through here."""

import os
import re
import secrets
from contextlib import suppress
from functools import partial
from urllib.parse import quote

import boto3
import jwt
from botocore.config import Config
from botocore.exceptions import ClientError
from flask import Flask, abort, g, request
from flask_cors import CORS
from werkzeug.exceptions import HTTPException

SECRET = os.environ["SECRET_KEY"]  # no default: whoever knows it is every user
BUCKET = os.environ["S3_BUCKET"]
MAX_SIZE = 5 << 40  # or what your application takes
SHA256 = os.environ.get("PART_SHA256") == "1"  # no part is signed without its own: the store refuses a spoilt one
# S3's limit of parts, and how many are signed with the first answer: the page asks for the others when it needs them.
EXPIRES_IN, PART_SIZE, MAX_PARTS, FIRST_BATCH = 900, 8 << 20, 10_000, 0 if SHA256 else 32

# Keys, region and, for a store that is not AWS, AWS_ENDPOINT_URL_S3 come from the environment. boto3 would sign some
# URLs by Signature Version 2, which newer regions refuse, and a checksum made when signing would be that of no bytes.
s3 = boto3.client("s3", config=Config(signature_version="s3v4", request_checksum_calculation="when_required"))
sign = partial(s3.generate_presigned_url, ExpiresIn=EXPIRES_IN)

app = Flask(__name__)
# A key may have two slashes in a row, or end with one.
app.url_map.merge_slashes = False
if "PAGE_ORIGIN" in os.environ:  # of a page on another origin than this backend
    CORS(app, origins=os.environ["PAGE_ORIGIN"].split(","), expose_headers=["Retry-After"], max_age=3600)


@app.before_request
def require_user():  # before every route, so that none can be forgotten
    if request.method == "OPTIONS":  # a preflight, which carries no token
        return None
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:  # HS256 only: a token must not choose its own algorithm
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["exp", "user_id"]})
    except jwt.InvalidTokenError:
        return {"message": "Token is missing or invalid"}, 401
    if not re.fullmatch(r"[A-Za-z0-9_-]+", str(claims["user_id"])):  # it becomes a folder's name
        return {"message": "The token names no user"}, 401
    g.folder = f"uploads/{claims['user_id']}/"


def own(key):
    """A key that the page names must lie in the user's folder."""
    if not key.startswith(g.folder):
        abort(403, "Access denied")
    # URLs give `.` and `..` a meaning that keys do not have: such a key would be signed as another.
    if key == g.folder or {".", ".."} & set(key.split("/")) or len(key.encode()) > 1024 or not key.isprintable():
        abort(400, "The key is not one that can be stored")
    return key


def field(data, name, kind, default=None):
    value = data.get(name) if isinstance(data, dict) else None
    value = default if value is None else value
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        abort(400, f"`{name}` is missing, or not what it should be")
    return value


def upload_ref(data):
    return {"Bucket": BUCKET, "Key": own(field(data, "file_key", str)), "UploadId": field(data, "upload_id", str)}


def sums(answer):
    # The store's own, of the whole: the page compares them with what it hashed itself.
    return {f"checksum_{n.lower()}": answer[f"Checksum{n}"] for n in ["CRC64NVME", "SHA256"] if f"Checksum{n}" in answer}


def sign_part(ref, number, checksums=None):
    if type(number) is not int or not 1 <= number <= MAX_PARTS:
        abort(400, f"Part numbers go from 1 to {MAX_PARTS}")
    sha256 = {"ChecksumSHA256": field(checksums, str(number), str)} if SHA256 else {}
    headers = {"x-amz-checksum-sha256": value for value in sha256.values()}
    return {"part_number": number, "upload_url": sign("upload_part", {**ref, "PartNumber": number, **sha256}), "headers": headers}


def grant(data):  # for one file: a URL to put it to, or an upload in parts
    filename = field(data, "filename", str) or abort(400, "Filename is required")
    content_type = field(data, "content_type", str, "application/octet-stream")
    size, metadata = field(data, "size", int, 0), field(data, "metadata", dict, {})
    encoding = {"content_encoding": "gzip"} if data.get("content_encoding") == "gzip" else {}
    printable = [content_type, *metadata.keys(), *metadata.values()]
    if not all(isinstance(text, str) and re.fullmatch(r"[!-~]([ -~]*[!-~])?", text) for text in printable):
        abort(400, "`content_type` and `metadata` become headers, and must be printable ASCII")
    if not 0 <= size <= MAX_SIZE:
        abort(413, f"Files may have at most {MAX_SIZE} bytes")
    # A key that nobody can guess, so that no upload overwrites another.
    name = re.sub(r"[/\\\x00-\x1f\x7f]", "_", filename)[:200]
    key = own(field(data, "key", str, f"{g.folder}{secrets.token_hex(8)}_{name}"))
    params = {"Bucket": BUCKET, "Key": key, "ContentType": content_type, "Metadata": metadata}
    params |= {"ContentEncoding": name for name in encoding.values()}
    answer = {"file_key": key, **encoding, "expires_in": EXPIRES_IN}
    # The page's wish if S3 allows it, and as large as it takes to be within 10,000 parts.
    wish = field(data, "part_size", int, PART_SIZE)
    part_size = max(wish if 5 << 20 <= wish <= 5 << 30 else PART_SIZE, -(-size // MAX_PARTS))
    if not field(data, "multipart", bool, False) or size <= part_size:
        # All of this is signed, and so must be sent: by its name, or by these headers.
        headers = {"content-type": content_type, **{f"x-amz-meta-{k.lower()}": v for k, v in metadata.items()}}
        headers |= {"content-encoding": name for name in encoding.values()}
        return {**answer, "upload_url": sign("put_object", params), "headers": headers}
    upload_id = s3.create_multipart_upload(**params, **({"ChecksumAlgorithm": "SHA256"} if SHA256 else {}))["UploadId"]
    ref, first = {"Bucket": BUCKET, "Key": key, "UploadId": upload_id}, min(-(-size // part_size), FIRST_BATCH)
    answer |= {"checksum_algorithm": "sha256"} if SHA256 else {}
    return {**answer, "upload_id": upload_id, "part_size": part_size, "parts": [sign_part(ref, n) for n in range(1, first + 1)]}


@app.post("/request-upload")
def request_upload():
    return grant(request.get_json(force=True))


@app.post("/request-uploads")
def request_uploads():
    uploads = []  # one that is refused does not take the others along
    for file in field(request.get_json(force=True), "files", list)[:1000]:
        try:
            uploads.append(grant(file))
        except HTTPException as refused:
            uploads.append(refusal(refused)[0])
    return {"uploads": uploads}


@app.post("/request-parts")
def request_parts():
    data = request.get_json(force=True)
    ref, numbers = upload_ref(data), field(data, "part_numbers", list)[:1000]
    return {"parts": [sign_part(ref, n, data.get("checksums")) for n in numbers], "expires_in": EXPIRES_IN}


@app.post("/list-parts")
def list_parts():
    parts = s3.get_paginator("list_parts").paginate(**upload_ref(request.get_json(force=True))).search("Parts[] || `[]`")
    return {"parts": [{"part_number": p["PartNumber"], "etag": p["ETag"], "size": p["Size"]} for p in parts]}


@app.post("/complete-upload")
def complete_upload():
    data = request.get_json(force=True)
    ref, parts = upload_ref(data), field(data, "parts", list)
    names = {"PartNumber": ("part_number", int), "ETag": ("etag", str)} | ({"ChecksumSHA256": ("checksum", str)} if SHA256 else {})
    parts = [{name: field(p, *known) for name, known in names.items()} for p in parts]
    # An error that S3 sends after its `200 OK` is an exception here: boto3 looks into the body.
    done = s3.complete_multipart_upload(**ref, MultipartUpload={"Parts": parts})
    size = s3.head_object(Bucket=BUCKET, Key=ref["Key"])["ContentLength"]
    return {"file_key": ref["Key"], "etag": done["ETag"], "size": size, **sums(done)}


@app.post("/abort-upload")
def abort_upload():
    with suppress(s3.exceptions.NoSuchUpload):  # gone already, as it should be
        s3.abort_multipart_upload(**upload_ref(request.get_json(force=True)))
    return {}


@app.get("/request-download/<path:key>")
def request_download(key):
    ref = {"Bucket": BUCKET, "Key": own(key)}
    head = s3.head_object(**ref, ChecksumMode="ENABLED")
    # A download, never a page: an uploaded HTML file must not run under the store's name. Nor stored: it would pile up in Chromium.
    saved_as = {"ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(key.rpartition('/')[2], safe='')}"}
    about = {"size": head["ContentLength"], "etag": head["ETag"], "content_type": head["ContentType"], **sums(head)}
    about |= {"content_encoding": head[name] for name in ["ContentEncoding"] if head.get(name)}
    return {"download_url": sign("get_object", ref | saved_as | {"ResponseCacheControl": "no-store"}), "expires_in": EXPIRES_IN, **about}


@app.get("/files")
def list_files():
    prefix = request.args.get("prefix", g.folder)
    if not prefix.startswith(g.folder):
        abort(403, "Access denied")
    found = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix).search("Contents[] || `[]`")
    return {"files": [{"key": o["Key"], "size": o["Size"], "last_modified": o["LastModified"].isoformat()} for o in found]}


@app.delete("/files/<path:key>")
def delete_file(key):
    s3.delete_object(Bucket=BUCKET, Key=own(key))
    return {"message": "File deleted successfully"}


@app.errorhandler(HTTPException)
def refusal(error):
    return {"error": error.description, "code": {403: "access-denied", 413: "too-large"}.get(error.code, "invalid-request")}, error.code


@app.errorhandler(ClientError)
def storage_refused(error):
    code = error.response["Error"]["Code"]
    status = {"404": 404, "NoSuchUpload": 404, "InvalidPart": 409, "EntityTooSmall": 409, "SlowDown": 503}
    return {"error": error.response["Error"]["Message"], "code": code}, status.get(code, 502)
