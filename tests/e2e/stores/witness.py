"""Looks at what is stored by clients that nobody here wrote: boto3, and Google's own library. A line of JSON asks, a line answers."""

import hashlib
import json
import sys
import xml.etree.ElementTree as tree

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from google.cloud import storage
from google.oauth2 import service_account

BUCKET = "presigned"
RULE = {
    "AllowedOrigins": ["*"],
    "AllowedMethods": ["GET", "PUT", "POST", "HEAD", "DELETE"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag", "Content-Range", "Accept-Ranges", "Content-Length", "Date"],
    "MaxAgeSeconds": 3600,
}


class Amazon:
    """S3 and its kin, by boto3."""

    def __init__(self, store, key, secret, region):
        # What its newer versions send of checksums, B2 refuses.
        options = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
        self.s3 = boto3.client(
            "s3",
            endpoint_url=store,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name=region,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, **options),
        )

    def make(self, bucket=BUCKET):
        try:
            self.s3.create_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise
        self.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [RULE]})

    def forbid(self, bucket):
        """A bucket that nobody may put anything into."""
        self.make(bucket)
        denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
        self.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [denial]}))

    def get(self, key):
        answer = self.s3.get_object(Bucket=BUCKET, Key=key)
        return answer["Body"].read(), answer["ContentType"]

    def keys(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [stored["Key"] for page in pages for stored in page.get("Contents", [])]

    def unfinished(self):
        return [upload["Key"] for upload in self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]

    def forget(self):
        for upload in self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
            self.s3.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])


class Google:
    """Google Cloud Storage, by URLs that its library signs: the mock server has its XML API, which the library reads with nothing else."""

    def __init__(self, store, key_file):
        credentials = service_account.Credentials.from_service_account_file(key_file)
        self.bucket = storage.Client(project="test", credentials=credentials).bucket(BUCKET)
        self.store = store

    def url(self, method, key=None, **query):
        of = self.bucket.blob(key) if key else self.bucket
        options = {"version": "v4", "method": method, "api_access_endpoint": self.store.rstrip("/"), "expiration": 900}
        return of.generate_signed_url(**options, query_parameters=query)

    def get(self, key):
        answer = requests.get(self.url("GET", key), timeout=60)
        answer.raise_for_status()
        return answer.content, answer.headers["content-type"]

    def texts(self, name, **query):
        answer = requests.get(self.url("GET", **query), timeout=60)
        answer.raise_for_status()
        return [element.text for element in tree.fromstring(answer.content).iter() if element.tag.split("}")[-1] == name]

    def keys(self, prefix):
        return self.texts("Key", **{"list-type": "2", "prefix": prefix})

    def unfinished(self):
        return self.texts("Key", uploads="")


KINDS = {"amazon": Amazon, "google": Google}


def main():
    clients = {}
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            name = json.dumps(asked["who"], sort_keys=True)
            if name not in clients:
                who = dict(asked["who"])
                clients[name] = KINDS[who.pop("kind")](**who)
            said = getattr(clients[name], asked["do"])(*asked["with"])
            if asked["do"] == "get":
                body, content_type = said
                said = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "type": content_type}
            answer = {"said": said}
        except Exception as error:  # Whatever it is, the test that asked has to hear of it.
            answer = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
