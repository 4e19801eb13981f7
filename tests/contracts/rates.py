from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.errors import Invalid
from chalicelib.rates import Rates


def refusals(rates: Rates, times: int, *, limit: int, name: str = "acme") -> list[int]:
    return [rates.take(name, limit).retry_after for _ in range(times)]


class RatesContract:
    """Wants the fixtures `rates`, without any bucket yet, and `pass_time`, which alone passes it."""

    def test_as_many_as_the_limit_go_through_at_once(self, rates: Rates) -> None:
        assert refusals(rates, 4, limit=3) == [0, 0, 0, 20]

    def test_they_come_back_evenly(self, rates: Rates, pass_time: Callable[[float], None]) -> None:
        refusals(rates, 60, limit=60)
        pass_time(5)
        assert refusals(rates, 6, limit=60) == [0, 0, 0, 0, 0, 1]

    def test_a_refusal_costs_nothing(self, rates: Rates, pass_time: Callable[[float], None]) -> None:
        refusals(rates, 5, limit=1)
        pass_time(60)
        assert refusals(rates, 2, limit=1) == [0, 60]

    def test_it_tells_what_is_left_and_until_when(self, rates: Rates) -> None:
        told = [rates.take("acme", 2) for _ in range(3)]
        assert [(each.remaining, each.reset) for each in told] == [(1, 30), (0, 60), (0, 60)]

    def test_names_do_not_share(self, rates: Rates) -> None:
        refusals(rates, 2, limit=1)
        assert refusals(rates, 1, limit=1, name="other") == [0]

    def test_a_full_bucket_holds_no_more_than_its_limit(self, rates: Rates, pass_time: Callable[[float], None]) -> None:
        refusals(rates, 1, limit=2)
        pass_time(3600)
        assert refusals(rates, 3, limit=2) == [0, 0, 30]

    def test_a_changed_limit_counts_at_once(self, rates: Rates) -> None:
        refusals(rates, 2, limit=2)
        assert refusals(rates, 1, limit=1000) == [1]
        assert refusals(rates, 1, limit=1) == [60]

    def test_a_limit_that_does_not_divide_a_minute(self, rates: Rates) -> None:
        assert refusals(rates, 8, limit=7) == [0] * 7 + [9]

    def test_all_who_take_at_once_get_no_more_than_there_is(self, rates: Rates) -> None:
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda _: rates.take("acme", 10), range(32)))
        assert sum(not each.retry_after for each in told) == 10

    @pytest.mark.parametrize("name", ["", "../x", "a b", "a" * 101])
    def test_names_have_bounds(self, rates: Rates, name: str) -> None:
        with pytest.raises(Invalid):
            rates.take(name, 1)
