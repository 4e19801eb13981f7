from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.errors import Invalid
from chalicelib.objects import AlreadyThere
from chalicelib.objects.s3 import PART, S3Objects
from tests.clocks import ManualClock
from tests.contracts.objects import Broken, ObjectKeysContract, ObjectListsContract, ObjectsContract
from tests.integration.conftest import REGION

pytestmark = pytest.mark.integration

LARGE = b"0123456789abcdef" * (PART // 16) + b"tail"
numbers = count(1)


@pytest.fixture(scope="module")
def client(aws: Callable[[str], Any]) -> Any:
    return aws("s3")


@pytest.fixture
def bucket(client: Any) -> str:
    name = f"millrace-{next(numbers)}"
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


@pytest.fixture
def objects(client: Any, bucket: str) -> S3Objects:
    return S3Objects(client, bucket, ManualClock())


class TestObjects(ObjectsContract):
    pass


class TestKeys(ObjectKeysContract):
    pass


class TestLists(ObjectListsContract):
    pass


class TestParts:
    def test_a_large_object_is_stored_whole(self, objects: S3Objects) -> None:
        assert objects.put("a", BytesIO(LARGE)) == len(LARGE)
        assert objects.get("a") == LARGE

    def test_a_large_object_is_written_once(self, objects: S3Objects) -> None:
        objects.put("a", b"first")
        with pytest.raises(AlreadyThere):
            objects.put("a", LARGE)
        assert objects.get("a") == b"first"

    def test_a_large_source_that_fails_leaves_no_parts(self, objects: S3Objects, client: Any, bucket: str) -> None:
        with pytest.raises(OSError, match="line went dead"):
            objects.put("a", Broken(LARGE))
        assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
        assert objects.list("") == []

    def test_a_source_may_give_less_than_asked(self, objects: S3Objects) -> None:
        class Drop(BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                return super().read(min(size or 1, 3))

        assert objects.put("a", Drop(b"0123456789")) == 10
        assert objects.get("a") == b"0123456789"


class RepeatsPuts:
    """Does each put twice, as boto3 does when the first answer is lost on its way."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_object(self, **request: Any) -> Any:
        self._client.put_object(**request)
        return self._client.put_object(**request)


def test_a_put_whose_answer_was_lost_counts_as_done(client: Any, bucket: str) -> None:
    objects = S3Objects(RepeatsPuts(client), bucket, ManualClock())
    assert objects.put("a", b"once") == 4
    assert objects.get("a") == b"once"


class TestLinks:
    def test_a_link_names_file_and_expiry(self, objects: S3Objects) -> None:
        link = objects.get_link("a/b", lasts=timedelta(hours=2), filename='grün "1".txt')
        query = parse_qs(urlsplit(link).query)
        assert query["X-Amz-Expires"] == ["7200"]
        assert query["response-content-disposition"] == [
            "attachment; filename=\"gr_n _1_.txt\"; filename*=UTF-8''gr%C3%BCn%20%221%22.txt"
        ]

    def test_a_link_goes_to_the_buckets_own_region(self, objects: S3Objects, bucket: str) -> None:
        link = objects.put_link("a/b", lasts=timedelta(hours=2), most=9)
        assert link.startswith(f"https://{bucket}.s3.{REGION}.amazonaws.com/a/b?")

    def test_pages_are_told_the_buckets_origin(self, objects: S3Objects, bucket: str) -> None:
        assert objects.origin == f"https://{bucket}.s3.{REGION}.amazonaws.com"

    def test_line_breaks_do_not_reach_the_header(self, objects: S3Objects) -> None:
        link = objects.get_link("a", lasts=timedelta(hours=1), filename="a\r\nSet-Cookie: b")
        [header] = parse_qs(urlsplit(link).query)["response-content-disposition"]
        assert header.isprintable()

    @pytest.mark.parametrize("lasts", [timedelta(0), timedelta(days=7, seconds=1)], ids=str)
    def test_a_link_lasts_a_week_at_most(self, objects: S3Objects, lasts: timedelta) -> None:
        with pytest.raises(Invalid):
            objects.put_link("a", lasts=lasts, most=9)


def test_a_list_goes_past_s3s_own_limit(objects: S3Objects) -> None:
    for number in range(1002):
        objects.put(f"a/{number:04}", b"")
    assert len(objects.list("a/", limit=1001)) == 1001
    assert objects.delete_prefix("a/") == 1002
