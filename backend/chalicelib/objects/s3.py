"""Objects in one S3 bucket."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, timedelta
from functools import cached_property
from io import BytesIO
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from chalicelib.aws import Client, Refused, call
from chalicelib.clock import Clock
from chalicelib.errors import Invalid, NotFound, Unavailable
from chalicelib.objects import AlreadyThere, ObjectInfo
from chalicelib.objects.keys import check_key

PIECE = 1024 * 1024
PART = 16 * PIECE
"""Held in memory while it is sent. S3 takes 10,000 parts, which makes 160 GB the largest object."""
LIST_LIMIT = 1000
LONGEST_LINK = timedelta(days=7)

MARK = "millrace-put"
MISSING = frozenset({"NoSuchKey", "404"})
TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


def cross_origin_rules(origin: str) -> dict[str, Any]:
    """What lets pages of this origin put files to links, in the words of PutBucketCors."""
    rule = {"AllowedOrigins": [origin], "AllowedMethods": ["PUT"], "AllowedHeaders": ["content-type"]}
    return {"CORSRules": [rule]}


class S3Objects:
    def __init__(self, client: Client, bucket: str, clock: Clock) -> None:
        self._client = client
        self._bucket = bucket
        self._clock = clock

    @cached_property
    def origin(self) -> str:
        parts = urlsplit(self.put_link("x", lasts=timedelta(hours=1), most=0))
        return f"{parts.scheme}://{parts.netloc}"

    def put(self, key: str, content: bytes | BinaryIO, *, replace: bool = False) -> int:
        check_key(key)
        source = BytesIO(content) if isinstance(content, bytes) else content
        mark = self._clock.new_id()
        about = {"Bucket": self._bucket, "Key": key}
        once = {} if replace else {"IfNoneMatch": "*"}
        first = _read_full(source)
        try:
            if len(first) < PART:
                call(self._client.put_object, **about, **once, Metadata={MARK: mark}, Body=first)
                return len(first)
            return self._put_parts(about, once, mark, first, source)
        except Refused as refused:
            if refused.code not in TAKEN:
                raise
            if not self._has_mark(about, mark):
                raise AlreadyThere(f"The object {key} exists, and objects are written once.") from refused
            return int(call(self._client.head_object, **about)["ContentLength"])

    def _put_parts(self, about: dict[str, str], once: dict[str, str], mark: str, first: bytes, source: BinaryIO) -> int:
        begun = call(self._client.create_multipart_upload, **about, Metadata={MARK: mark})
        upload = about | {"UploadId": begun["UploadId"]}
        size = 0
        parts: list[dict[str, Any]] = []
        with ExitStack() as undo:
            undo.callback(call, self._client.abort_multipart_upload, **upload)
            piece = first
            while piece:
                number = len(parts) + 1
                sent = call(self._client.upload_part, **upload, PartNumber=number, Body=piece)
                parts.append({"PartNumber": number, "ETag": sent["ETag"]})
                size += len(piece)
                piece = _read_full(source)
            call(self._client.complete_multipart_upload, **upload, **once, MultipartUpload={"Parts": parts})
            undo.pop_all()
        return size

    def _has_mark(self, about: dict[str, str], mark: str) -> bool:
        """Whether the object in the way is ours: boto3 repeats a request whose answer was lost."""
        try:
            return bool(call(self._client.head_object, **about)["Metadata"].get(MARK) == mark)
        except Refused as refused:
            if refused.code in MISSING:
                return False
            raise

    def get(self, key: str) -> bytes:
        return b"".join(self.read(key))

    def read(self, key: str, *, start: int = 0) -> Iterator[bytes]:
        check_key(key)
        span = {"Range": f"bytes={start}-"} if start else {}
        try:
            answer = call(self._client.get_object, Bucket=self._bucket, Key=key, **span)
        except Refused as refused:
            if refused.code == "InvalidRange":
                return iter(())
            raise _missing(refused, key) from refused
        return _pieces(answer["Body"])

    def info(self, key: str) -> ObjectInfo:
        check_key(key)
        try:
            answer = call(self._client.head_object, Bucket=self._bucket, Key=key)
        except Refused as refused:
            raise _missing(refused, key) from refused
        return ObjectInfo(key, answer["ContentLength"], answer["LastModified"].astimezone(UTC))

    def list(self, prefix: str, *, after: str = "", limit: int = 1000) -> Sequence[ObjectInfo]:
        found: list[ObjectInfo] = []
        while len(found) < limit:
            count = min(LIST_LIMIT, limit - len(found))
            page = {"Prefix": prefix, "StartAfter": after, "MaxKeys": count}
            answer = call(self._client.list_objects_v2, Bucket=self._bucket, **page)
            found += [_listed(entry) for entry in answer.get("Contents", [])]
            if not answer["IsTruncated"]:
                break
            after = found[-1].key
        return found

    def delete(self, key: str) -> None:
        check_key(key)
        call(self._client.delete_object, Bucket=self._bucket, Key=key)

    def delete_prefix(self, prefix: str) -> int:
        removed = 0
        while batch := self.list(prefix, limit=LIST_LIMIT):
            targets = {"Objects": [{"Key": info.key} for info in batch], "Quiet": True}
            answer = call(self._client.delete_objects, Bucket=self._bucket, Delete=targets)
            if failures := answer.get("Errors"):
                raise Unavailable(f"S3 could not delete {failures[0]['Key']} and others: {failures[0]['Code']}")
            removed += len(batch)
        return removed

    def get_link(self, key: str, *, lasts: timedelta, filename: str) -> str:
        return self._link("get_object", key, lasts, ResponseContentDisposition=_attachment(filename))

    def put_link(self, key: str, *, lasts: timedelta, most: int, once: bool = False) -> str:  # noqa: ARG002 - as the port says
        return self._link("put_object", key, lasts, **({"IfNoneMatch": "*"} if once else {}))

    def _link(self, operation: str, key: str, lasts: timedelta, **parameters: str) -> str:
        check_key(key)
        if not timedelta(seconds=1) <= lasts <= LONGEST_LINK:
            raise Invalid("A link to S3 lasts from one second to seven days.")
        url = call(
            self._client.generate_presigned_url,
            operation,
            Params={"Bucket": self._bucket, "Key": key, **parameters},
            ExpiresIn=int(lasts.total_seconds()),
        )
        return str(url)


def _read_full(source: BinaryIO) -> bytes:
    """A part of the source; a shorter one is its end. A pipe or a socket gives less than asked before that."""
    pieces, missing = [], PART
    while missing and (piece := source.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _pieces(body: Any) -> Iterator[bytes]:
    with closing(body):
        while piece := call(body.read, PIECE):
            yield piece


def _listed(entry: dict[str, Any]) -> ObjectInfo:
    return ObjectInfo(entry["Key"], entry["Size"], entry["LastModified"].astimezone(UTC))


def _missing(refused: Refused, key: str) -> NotFound | Refused:
    return NotFound(f"There is no object {key}.") if refused.code in MISSING else refused


def _attachment(filename: str) -> str:
    """The header that makes a browser save under this name; the plain form is for those that read no UTF-8."""
    plain = "".join(each if each.isascii() and each.isprintable() and each not in '"\\' else "_" for each in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
