"""How things are said."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.jobs.model import JobStatus, OrderStatus
from frontend.views import words

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.00 s"),
        (0.4216, "0.42 s"),
        (9.996, "10.0 s"),
        (59.94, "59.9 s"),
        (59.97, "1 min 00 s"),
        (125, "2 min 05 s"),
        (4320, "1 h 12 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds, said):
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(3, "just now"), (42, "42 s ago"), (180, "3 min ago"), (7300, "2 h ago"), (200_000, "18 Nov, 04:26")],
)
def test_a_time_is_said_from_now_for_a_day(seconds, said):
    assert words.ago(NOON - timedelta(seconds=seconds), NOON) == said


def test_a_time_long_ago_has_its_year():
    assert words.ago(NOON - timedelta(days=400), NOON) == "16 Oct 2025"


@pytest.mark.parametrize(
    ("octets", "said"), [(1, "1 byte"), (999, "999 bytes"), (1500, "1.5 kB"), (999_600, "1.0 MB"), (2e12, "2,000 GB")]
)
def test_a_size_has_its_unit(octets, said):
    assert words.size(int(octets)) == said


def test_every_state_has_a_word_of_its_own():
    for looks, statuses in ((words.ORDER_LOOKS, OrderStatus), (words.JOB_LOOKS, JobStatus)):
        assert len({looks[status].word for status in statuses}) == len(statuses)


def test_a_success_with_warnings_does_not_look_like_one_without():
    assert words.job_look(JobStatus.SUCCEEDED, 1).tone != words.job_look(JobStatus.SUCCEEDED, 0).tone


def test_a_long_name_is_shortened_with_an_ellipsis():
    assert words.shorten("integration-tests", 12) == "integration…"
