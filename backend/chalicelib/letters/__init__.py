"""What our mails say. Each is a pair of templates; the first line of the text is the subject."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from chalicelib.mail import Mail


def letter(name: str, to: str, **words: Any) -> Mail:
    """A mail from `name.txt` and `name.html`. Links among the words are absolute."""
    subject, _, text = _templates().get_template(f"{name}.txt").render(words, to=to).partition("\n")
    html = _templates().get_template(f"{name}.html").render(words, to=to, subject=subject)
    return Mail(to, subject, text.strip() + "\n", html)


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
