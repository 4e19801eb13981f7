"""What prompts can do to texts, beside Jinja's own filters. What looks random depends on the record's seed alone."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from jinja2 import pass_context

LONGEST = 1_000_000
"""Characters that a filter takes."""
LONG_SENTENCE, SHORT_SENTENCE = 20, 10
FORMAL_WORD = 5.2
LIVELY = 0.15
QUOTED = 0.2

_SENTENCE = re.compile(r"[^.!?\s][^.!?]*[.!?]*")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_COMMON_WORDS = (
    "a about after all also an and any are as at be because been before being between both but by can could did do does"
    " for from had has have he her here him his how i if in into is it its just like may me might more most my no nor"
    " not now of on one only or other our out over own she should so some such than that the their them then there"
    " these they this those through to too under until up us very was we were what when where which while who why will"
    " with would you your"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_MARKDOWN = (
    (re.compile(r"^[ \t]*(?:```|~~~)[^\n]*\n?", re.MULTILINE), ""),
    (re.compile(r"!?\[([^\[\]\n]{0,500})\]\([^()\n]{0,2000}\)"), r"\1"),
    (re.compile(r"^[ \t]{0,3}(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+|\d{1,9}[.)][ \t]+)", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*(?:-{3,}|\*{3,}|_{3,})[ \t]*$\n?", re.MULTILINE), ""),
    (re.compile(r"(\*\*|__|~~|`)(?=\S)([^\n]{1,500}?)\1"), r"\2"),
    (re.compile(r"(?<!\w)([*_])(?=\S)([^*_\n]{1,500}?)\1(?!\w)"), r"\2"),
)


class Chance:
    """Draws that are the same each time for a seed, and differ from one filter call of a prompt to the next."""

    def __init__(self) -> None:
        self._seed = ""
        self._draws = 0

    def begin(self, seed: int, step_id: str) -> None:
        self._seed = f"{seed}/{step_id}"
        self._draws = 0

    def choice(self, among: Sequence[Any]) -> Any:
        self._draws += 1
        return Random(f"{self._seed}/{self._draws}").choice(among)  # noqa: S311 - made to be repeated


def filters(chance: Chance) -> Mapping[str, Callable[..., Any]]:
    # Each takes the context, though it needs none: Jinja would call it once at compile time for what is constant.
    @pass_context
    def random_sentence(_: object, value: object) -> str:
        found = sentences(value)
        return chance.choice(found) if found else ""

    @pass_context
    def random_word(_: object, value: object) -> str:
        found = _WORD.findall(_text(value))
        return chance.choice(found) if found else ""

    @pass_context
    def random(_: object, value: Sequence[Any]) -> Any:
        """Jinja's own draws anew each time."""
        return chance.choice(value) if value else ""

    return {
        "random": random,
        "random_sentence": random_sentence,
        "random_word": random_word,
        "writing_style": writing_style,
        "truncate_tokens": truncate_tokens,
        "extract_keywords": extract_keywords,
        "summarize_text": summarize_text,
        "capitalize_first": capitalize_first,
        "remove_markdown": remove_markdown,
        "json_safe": json_safe,
    }


def sentences(value: object) -> list[str]:
    return [found.strip() for found in _SENTENCE.findall(_text(value))]


def writing_style(value: object) -> str:
    """In words, to ask a model for the same: `short, plain, lively sentences in the first person`."""
    text = _text(value)
    words, said = _WORD.findall(text), sentences(text)
    if not words:
        return "no particular style"
    per_sentence = len(words) / max(1, len(said))
    length = "long" if per_sentence > LONG_SENTENCE else "short" if per_sentence < SHORT_SENTENCE else "medium"
    tone = ["formal" if sum(map(len, words)) / len(words) > FORMAL_WORD else "plain"]
    if sum(each.endswith(("!", "?")) for each in said) > LIVELY * len(said):
        tone.append("lively")
    if text.count('"') + text.count("“") > QUOTED * len(said):
        tone.append("full of dialogue")
    return f"{', '.join([length, *tone])} sentences in the {_person(words)} person"


def _person(words: Sequence[str]) -> str:
    counts = Counter(each.casefold() for each in words)
    first = sum(counts[each] for each in ("i", "me", "my", "we", "us", "our"))
    second = sum(counts[each] for each in ("you", "your"))
    third = sum(counts[each] for each in ("he", "she", "they", "him", "her", "them", "his", "their"))
    if first and first >= max(second, third):
        return "first"
    return "second" if second > third else "third"


def truncate_tokens(value: object, count: int = 100) -> str:
    """About the first `count` tokens, whole words only; four bytes make a token."""
    text = _text(value)
    if len(text.encode()) <= count * 4:
        return text
    cut = text.encode()[: count * 4].decode(errors="ignore")
    whole = cut.rpartition(" ")[0]
    return (whole or cut).rstrip()


def extract_keywords(value: object, count: int = 5) -> str:
    """The words that are said most and mean something, joined by commas."""
    words = [each.casefold() for each in _WORD.findall(_text(value))]
    told = Counter(each for each in words if each not in _COMMON and len(each) > 2)  # noqa: PLR2004 - `of`, `ab`
    return ", ".join(word for word, _ in told.most_common(count))


def summarize_text(value: object, count: int = 2) -> str:
    """The sentences that hold most of what is said most, in their order."""
    said = sentences(value)
    if len(said) <= count:
        return " ".join(said)
    weights = Counter(each for each in map(str.casefold, _WORD.findall(_text(value))) if each not in _COMMON)
    ranked = sorted(range(len(said)), key=lambda place: (-_weight(said[place], weights), place))
    return " ".join(said[place] for place in sorted(ranked[:count]))


def _weight(sentence: str, weights: Mapping[str, int]) -> float:
    words = [each.casefold() for each in _WORD.findall(sentence)]
    return sum(weights.get(each, 0) for each in words) / (len(words) + 3)


def capitalize_first(value: object) -> str:
    """Unlike `capitalize`, it leaves the rest as it is."""
    text = _text(value)
    return text[:1].upper() + text[1:]


def remove_markdown(value: object) -> str:
    text = _text(value)
    for pattern, plain in _MARKDOWN:
        text = pattern.sub(plain, text)
    return text.strip()


def json_safe(value: object) -> str:
    """A text as it stands between the quotes of a JSON string; anything else as JSON."""
    if isinstance(value, str):
        return json.dumps(_text(value), ensure_ascii=False)[1:-1]
    return json.dumps(value, ensure_ascii=False, default=str)


def _text(value: object) -> str:
    text = str(value)
    if len(text) > LONGEST:
        raise ValueError(f"a filter takes at most {LONGEST:,} characters")
    return text
