"""Made-up values for variables, guessed from their names. The same seed makes the same records."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from chalicelib.generation.seeds.model import Record

FIRST = ("Ada", "Grace", "Edsger", "Barbara", "Alan", "Katherine", "Dennis", "Radia", "Tim", "Hedy", "Linus", "Mary")
LAST = (
    "Lovelace",
    "Hopper",
    "Dijkstra",
    "Liskov",
    "Turing",
    "Johnson",
    "Ritchie",
    "Perlman",
    "Lee",
    "Lamarr",
    "Shelley",
)
CITIES = ("Lisbon", "Nairobi", "Osaka", "Quito", "Turku", "Halifax", "Cork", "Pune", "Perth", "Lyon")
COUNTRIES = ("Portugal", "Kenya", "Japan", "Ecuador", "Finland", "Canada", "Ireland", "India", "Australia", "France")
PRODUCTS = ("kettle", "backpack", "desk lamp", "rain jacket", "bicycle pump", "notebook", "headphones", "water bottle")
ADJECTIVES = ("quiet", "sturdy", "bright", "plain", "restless", "careful", "foldable", "patient", "old", "curious")
KINDS = ("travel", "history", "science", "poetry", "mystery", "kitchen", "outdoor", "office")
TONES = ("calm", "cheerful", "worried", "formal", "playful", "impatient")
COMPANIES = ("Northwind Mills", "Copper Bridge", "Harbour & Sons", "Lantern Works", "Field Notes Ltd")
SENTENCES = (
    "The river runs past the mill and into the town.",
    "Nobody expected the machine to work on the first day.",
    "She kept every letter in a box under the stairs.",
    "It rained for a week, and then it did not rain for a month.",
    "The order arrived late, and one part of it was missing.",
    "He learned the trade from a neighbour who never wrote anything down.",
    "Most visitors come for the view and stay for the bread.",
    "The bridge was closed while its stones were counted again.",
    "After the fair the square was quiet for the first time in days.",
    "They measured everything twice and still disagreed.",
)
Maker = Callable[[Random, int], Any]


def records(variables: Sequence[str], count: int, seed: int) -> Iterator[Record]:
    """`variables` with dots make nested values; one that others are parts of is made of them."""
    wanted = [name for name in variables if not any(other.startswith(f"{name}.") for other in variables)]
    for number in range(count):
        chance = Random(f"{seed}/{number}")  # noqa: S311 - made up, and the same each time
        record: dict[str, Any] = {}
        for name in wanted:
            _place(record, name.split("."), _value(name, chance, number))
        yield record


def _place(record: dict[str, Any], path: Sequence[str], value: Any) -> None:
    inner = record
    for each in path[:-1]:
        inner = inner.setdefault(each, {})
    inner[path[-1]] = value


def _value(name: str, chance: Random, number: int) -> Any:
    last = name.rpartition(".")[2].casefold()
    for words, make in _MAKERS:
        if any(word in last for word in words):
            return make(chance, number)
    return f"{chance.choice(ADJECTIVES)} {chance.choice(KINDS)} {number + 1}"


def _text(chance: Random, _: int) -> str:
    return " ".join(chance.sample(SENTENCES, 3))


def _person(chance: Random, _: int) -> str:
    return f"{chance.choice(FIRST)} {chance.choice(LAST)}"


def _email(chance: Random, number: int) -> str:
    return f"{chance.choice(FIRST)}.{chance.choice(LAST)}.{number + 1}@example.org".casefold()


def _title(chance: Random, number: int) -> str:
    return f"The {chance.choice(ADJECTIVES)} {chance.choice(PRODUCTS)} {number + 1}"


def _date(chance: Random, _: int) -> str:
    return f"20{chance.randint(10, 26)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"


def _price(chance: Random, _: int) -> float:
    return chance.randint(199, 19_999) / 100


def _one_of(words: Sequence[str]) -> Maker:
    return lambda chance, _: chance.choice(words)


def _several(words: Sequence[str]) -> Maker:
    return lambda chance, _: chance.sample(words, 3)


_MAKERS: tuple[tuple[tuple[str, ...], Maker], ...] = (
    (("email",), _email),
    (("company", "organisation", "organization", "brand"), _one_of(COMPANIES)),
    (("product", "item_name"), lambda chance, _: f"{chance.choice(ADJECTIVES)} {chance.choice(PRODUCTS)}"),
    (("title", "headline", "subject"), _title),
    (("city", "town", "place", "location"), _one_of(CITIES)),
    (("country", "nation"), _one_of(COUNTRIES)),
    (("date", "day", "birthday"), _date),
    (("price", "cost", "amount"), _price),
    (("age",), lambda chance, _: chance.randint(18, 80)),
    (("count", "number", "quantity", "year"), lambda chance, _: chance.randint(1, 20)),
    (("tags", "features", "keywords", "items", "topics"), _several(ADJECTIVES)),
    (("category", "genre", "kind", "topic", "type"), _one_of(KINDS)),
    (("tone", "mood", "style"), _one_of(TONES)),
    (("text", "biography", "bio", "description", "content", "story", "issue", "body", "summary", "passage"), _text),
    (("name", "author", "customer", "person", "user", "character"), _person),
    (("id",), lambda _, number: number + 1),
)
