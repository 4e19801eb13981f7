"""A generation job as its submitter writes it."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    create_model,
    field_validator,
    model_validator,
)

from chalicelib.generation.jobs.model import LARGEST_BUDGET, MILLION, MOST_RECORDS, Division, Format, Partition
from chalicelib.validation import parse


class _Input(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _budget(dollars: float) -> float:
    if not dollars > 0:
        raise ValueError("Budget must be positive")
    if dollars * MILLION > LARGEST_BUDGET:
        raise ValueError(f"Budget must be at most {LARGEST_BUDGET // MILLION} USD")
    return dollars


Dollars = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_budget)]
_Id = Annotated[str, Field(min_length=1, max_length=100)]
_Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Model = Annotated[str, Field(min_length=1, max_length=200)]
_FORMATS = Literal["jsonl", "csv", "parquet", "chat-jsonl"]


class PartitionRequest(_Input):
    """How an export is divided into files."""

    by: Literal["date", "column", "split"]
    column: str = Field("", max_length=200, description="With `column`: its name.")
    test_percent: int = Field(10, ge=1, le=99, description="With `split`: the share of the test file.")

    @model_validator(mode="after")
    def _named(self) -> "PartitionRequest":
        if (self.by == "column") != bool(self.column):
            raise ValueError("column: goes with by: column, and only with it")
        return self

    def to_partition(self) -> Partition:
        return Partition(Division(self.by), self.column, self.test_percent)


class GenerationRequest(_Input):
    """A dataset to be made from a template and seed data."""

    template_id: _Id
    template_version: int | None = Field(None, ge=1, description="The current one when left out.")
    seed_data_id: _Id | None = Field(None, description="Only a draft (`start: false`) can do without.")
    budget_limit: Dollars = Field(description="USD that may be spent at most; up to 1000.")
    num_records: int = Field(ge=1, le=MOST_RECORDS)
    output_format: list[_FORMATS] | _FORMATS = Field(default_factory=lambda: ["jsonl"])  # type: ignore[arg-type]
    model_tier: int | None = Field(None, ge=1, le=3, description="For steps that name neither model nor tier.")
    model: _Model | None = Field(None, description="The same by its id.")
    models: dict[str, _Model] = Field(default_factory=dict, description="Models by step id, before all else.")
    name: _Name | None = None
    priority: int = Field(0, ge=-10, le=10)
    partition: PartitionRequest | None = None
    shuffle: int | None = Field(None, description="Take the seeds in an order made from this number.")
    start: bool = Field(True, description="false: a draft, to be started later.")

    @field_validator("output_format")
    @classmethod
    def _formats(cls, value: list[str] | str) -> list[str] | str:
        if not value or (isinstance(value, list) and len(set(value)) < len(value)):
            raise ValueError("must name each format once, and at least one")
        return value

    @model_validator(mode="after")
    def _complete(self) -> "GenerationRequest":
        if self.start and self.seed_data_id is None:
            raise ValueError("seed_data_id: is required, unless `start` is false")
        return self

    @property
    def cap(self) -> int:
        return to_micro(self.budget_limit)

    @property
    def formats(self) -> tuple[Format, ...]:
        given = [self.output_format] if isinstance(self.output_format, str) else self.output_format
        return tuple(map(Format, given))


GenerationChanges = create_model(  # type: ignore[call-overload]  # of fields that are known at run time
    "GenerationChanges",
    __base__=_Input,
    __doc__="Fields of a generation, all optional.",
    **{name: (each.annotation, None) for name, each in GenerationRequest.model_fields.items()},
)
_REQUEST = TypeAdapter(GenerationRequest)


def parse_generation(data: object) -> GenerationRequest:
    """Raises Invalid with every fault and its place."""
    return parse(_REQUEST, data, what="The job")


def is_generation(data: Any) -> bool:
    return isinstance(data, dict) and "template_id" in data


def to_micro(dollars: float) -> int:
    return round(dollars * MILLION)
