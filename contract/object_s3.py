"""Objects in S3, or in anything that speaks its protocol (MinIO, S3Proxy); credentials come by boto3's own chain."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from contract.errors import RetryableError
from contract.objects import DEFAULT_CONTENT_TYPE, ObjectInfo, StoredObject, checked_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONFIG = Config(
    connect_timeout=2,
    read_timeout=20,
    retries={"mode": "standard", "max_attempts": 3},
    request_checksum_calculation="when_required",  # older servers do not know the newer checksums
    response_checksum_validation="when_required",
)
NOT_FOUND = 404
CONFLICT = 409
PRECONDITION_FAILED = 412
NO_SUCH_RANGE = 416


class S3Store:
    """Objects of one bucket."""

    def __init__(self, bucket: str, endpoint_url: str | None, region: str | None, ca_file: Path | None = None) -> None:
        self._bucket = bucket
        verify = str(ca_file) if ca_file else None
        self._client: S3Client = boto3.client("s3", endpoint_url=endpoint_url, region_name=region, config=CONFIG, verify=verify)

    def put(self, key: str, body: bytes, content_type: str = DEFAULT_CONTENT_TYPE) -> None:
        """Store an object, in place of one that has this key."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=checked_key(key), Body=body, ContentType=content_type)
        except (ClientError, BotoCoreError) as error:
            raise RetryableError(f"the object cannot be written: {error}") from error

    def get(self, key: str) -> StoredObject | None:
        """Return an object, None where there is none."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=checked_key(key))
            return StoredObject(info=_info(answer), body=answer["Body"].read())
        except (ClientError, BotoCoreError) as error:
            _raise_unless_missing(error)
            return None

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is known of an object, None where there is none."""
        try:
            return _info(self._client.head_object(Bucket=self._bucket, Key=checked_key(key)))
        except (ClientError, BotoCoreError) as error:
            _raise_unless_missing(error)
            return None

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below the folder `prefix`, in their order."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=f"{checked_key(prefix)}/")
        try:
            for page in pages:
                for found in page.get("Contents", ()):
                    yield found["Key"]
        except (ClientError, BotoCoreError) as error:
            raise RetryableError(f"the objects cannot be listed: {error}") from error

    def get_start(self, key: str, size_bytes: int) -> bytes | None:
        """Return at most the first `size_bytes` of an object, None where there is none."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=checked_key(key), Range=f"bytes=0-{size_bytes - 1}")
            return answer["Body"].read()
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and _status(error) == NO_SUCH_RANGE:
                return b""  # the object is empty
            _raise_unless_missing(error)
            return None

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """Store an object unless there is one of this key; tell whether it was stored."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=checked_key(key), Body=body, IfNoneMatch="*")
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and _status(error) in (PRECONDITION_FAILED, CONFLICT):
                return False
            raise RetryableError(f"the object cannot be written: {error}") from error
        return True

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        try:
            self._client.delete_object(Bucket=self._bucket, Key=checked_key(key))
        except (ClientError, BotoCoreError) as error:
            raise RetryableError(f"the object cannot be removed: {error}") from error


def _info(answer: Any) -> ObjectInfo:
    return ObjectInfo(
        size_bytes=answer["ContentLength"],
        content_type=answer.get("ContentType") or DEFAULT_CONTENT_TYPE,
        modified_at=answer["LastModified"].timestamp(),
    )


def _status(error: ClientError) -> int | None:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")


def _raise_unless_missing(error: ClientError | BotoCoreError) -> None:
    """Raise RetryableError for everything but an object that is not there."""
    if isinstance(error, ClientError) and _status(error) == NOT_FOUND and error.response.get("Error", {}).get("Code") != "NoSuchBucket":
        return
    raise RetryableError(f"the object cannot be read: {error}") from error
