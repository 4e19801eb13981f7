from concurrent.futures import ThreadPoolExecutor

from chalicelib.keys import Keys

NAME = "one.key"


class KeysContract:
    """Wants the fixture `keys`, without any key yet."""

    def test_it_works(self, keys: Keys) -> None:
        assert keys.read_or_make(NAME, lambda: b"\x00secret") == b"\x00secret"

    def test_it_is_made_once(self, keys: Keys) -> None:
        keys.read_or_make(NAME, lambda: b"first")
        assert keys.read_or_make(NAME, lambda: b"second") == b"first"

    def test_whoever_asks_at_once_gets_the_same(self, keys: Keys) -> None:
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(lambda n: keys.read_or_make(NAME, str(n).encode), range(32)))
        assert len(found) == 1

    def test_names_are_apart(self, keys: Keys) -> None:
        keys.read_or_make(NAME, lambda: b"first")
        assert keys.read_or_make("two.key", lambda: b"second") == b"second"

    def test_another_is_put_in_its_place(self, keys: Keys) -> None:
        keys.read_or_make(NAME, lambda: b"first")
        keys.replace(NAME, b"second")
        assert keys.read_or_make(NAME, lambda: b"third") == b"second"

    def test_the_mark_stays_until_it_is_replaced(self, keys: Keys) -> None:
        keys.read_or_make(NAME, lambda: b"first")
        before = keys.mark(NAME)
        assert keys.mark(NAME) == before
        keys.replace(NAME, b"second")
        assert keys.mark(NAME) != before

    def test_large_ones_fit(self, keys: Keys) -> None:
        large = b"\xff" * 3000
        assert keys.read_or_make(NAME, lambda: large) == large
