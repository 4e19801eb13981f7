"""The price table, from the file that ships or from the operator's own."""

from pathlib import Path
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from chalicelib.llm import Price, Prices
from chalicelib.validation import faults_of

SHIPPED = Path(__file__).with_name("prices.json")

_Amount = Annotated[int, Field(ge=0, le=10**12)]


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    model: Annotated[str, Field(pattern=r"^[a-z]+/[^\s+]{1,150}$")]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    tier: Annotated[int, Field(ge=0, le=3)] = 0
    input: _Amount
    output: _Amount
    source: Annotated[str, Field(min_length=1)]
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    version: Annotated[str, Field(min_length=1, max_length=50)]
    unit: Annotated[str, Field(pattern="^micro-dollars per million tokens$")]
    prices: list[_Entry]


_TABLE = TypeAdapter(_Table)


def read_prices(path: Path = SHIPPED) -> Prices:
    """Raises ValueError that names what is wrong with the file."""
    try:
        table = _TABLE.validate_python(orjson.loads(path.read_bytes()))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    except ValidationError as error:
        told = "; ".join(f"{each.place} {each.message}" for each in faults_of(error))
        raise ValueError(f"{path}: {told}") from None
    # A whole name goes before a pattern, wherever they stand.
    entries = sorted((Price(**each.model_dump()) for each in table.prices), key=lambda each: each.model.endswith("*"))
    return Prices(table.version, tuple(entries))
