"""Parameter Store, Secrets Manager and S3, as far as Millrace's role reaches."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chalicelib.aws import Client, Refused, call
from chalicelib.errors import Invalid

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""Names alone: an access point may lead to a bucket of any name."""
LARGEST = 250_000_000
"""Bytes of code that one order may bring."""


class AwsSources:
    def __init__(
        self, *, ssm: Client, secrets: Client, s3: Client, own_path: str = "", own_buckets: Iterable[str] = ()
    ) -> None:
        """What is Millrace's own, of every tenant's, is nobody's source: parameters below `own_path`, `own_buckets`."""
        self._ssm = ssm
        self._secrets = secrets
        self._s3 = s3
        self._own_path = own_path.strip("/")
        self._own_buckets = frozenset(own_buckets)

    def parameters(self, path: str) -> Mapping[str, str]:
        self._refuse_own(path)
        if path.endswith("/"):
            return self._below(path)
        found = _ask(f"the parameter {path}", self._ssm.get_parameter, Name=path, WithDecryption=True)["Parameter"]
        return {path: str(found["Value"])}

    def _below(self, path: str) -> Mapping[str, str]:
        found: dict[str, str] = {}
        more: dict[str, str] = {}
        while True:
            wanted = {"Path": path, "Recursive": True, "WithDecryption": True, **more}
            page = _ask(f"the parameters below {path}", self._ssm.get_parameters_by_path, **wanted)
            found |= {str(each["Name"]): str(each["Value"]) for each in page["Parameters"]}
            if not page.get("NextToken"):
                break
            more = {"NextToken": page["NextToken"]}
        if not found:
            raise Invalid(f"There are no parameters below {path}.")
        return found

    def secret(self, name: str) -> str:
        found = _ask(f"the secret {name}", self._secrets.get_secret_value, SecretId=name)
        return str(found["SecretString"]) if "SecretString" in found else bytes(found["SecretBinary"]).decode()

    def files(self, location: str) -> Iterator[tuple[str, bytes]]:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        if not location.startswith("s3://") or not _BUCKET.fullmatch(bucket) or not key:
            raise Invalid(f"{location} is no place of an object: it must look like s3://bucket/key.")
        if bucket in self._own_buckets:
            raise Invalid(f"Millrace cannot read {location}: the bucket is its own.")
        if key.endswith("/"):
            return self._tree(bucket, key)
        return iter([(key.rsplit("/", 1)[-1], self._bytes(bucket, key, LARGEST))])

    def _tree(self, bucket: str, prefix: str) -> Iterator[tuple[str, bytes]]:
        left, after, count = LARGEST, "", 0
        while True:
            listing = {"Bucket": bucket, "Prefix": prefix, "StartAfter": after}
            page = _ask(f"s3://{bucket}/{prefix}", self._s3.list_objects_v2, **listing)
            for each in page.get("Contents", ()):
                after = each["Key"]
                if not after.endswith("/"):
                    content = self._bytes(bucket, after, left)
                    left -= len(content)
                    count += 1
                    yield after.removeprefix(prefix), content
            if not page["IsTruncated"]:
                break
        if not count:
            raise Invalid(f"There are no objects below s3://{bucket}/{prefix}.")

    def _refuse_own(self, path: str) -> None:
        """Also what stands above it, of which it would be a part, and a parameter's ARN."""
        parts = path[path.find("parameter/") + len("parameter/") :] if path.startswith("arn:") else path
        wanted, own = f"{parts.strip('/')}/", f"{self._own_path}/"
        if self._own_path and (wanted.startswith(own) or (path.endswith("/") and own.startswith(wanted.lstrip("/")))):
            raise Invalid(f"Millrace cannot read {path}: it is its own.")

    def _bytes(self, bucket: str, key: str, limit: int) -> bytes:
        what = f"s3://{bucket}/{key}"
        answer = _ask(what, self._s3.get_object, Bucket=bucket, Key=key)
        if answer["ContentLength"] > limit:
            raise Invalid(f"{what}: code of an order is at most {LARGEST:,} bytes.")
        return bytes(call(answer["Body"].read))


def _ask(what: str, operation: Any, **arguments: Any) -> Any:
    try:
        return call(operation, **arguments)
    except Refused as refused:
        # The answer's own words may quote what was asked for, which is the submitter's; values they never hold.
        raise Invalid(f"Millrace cannot read {what}: {refused.code}.") from None
