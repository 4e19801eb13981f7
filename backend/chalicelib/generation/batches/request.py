"""A batch as its submitter writes it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from chalicelib.generation.jobs.request import Dollars, to_micro
from chalicelib.validation import parse

MOST_VALUES = 20


class BatchRequest(BaseModel):
    """One job per value of the sweep; together they may spend `budget_limit`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
    base: dict[str, Any] = Field(description="Fields of a generation job, without its budget and what is swept.")
    sweep_key: Literal["model_tier", "seed_data_id", "num_records", "template_version"]
    values: Annotated[list[int | str], Field(min_length=1, max_length=MOST_VALUES)]
    budget_limit: Dollars = Field(description="USD that all its jobs may spend at most; up to 1000.")

    @field_validator("values")
    @classmethod
    def _different(cls, values: list[int | str]) -> list[int | str]:
        if len(set(values)) < len(values):
            raise ValueError("names a value twice: it would change nothing")
        return values

    @model_validator(mode="after")
    def _free(self) -> "BatchRequest":
        fixed = {self.sweep_key, "budget_limit", "start"} & self.base.keys()
        if fixed:
            raise ValueError(f"base: {', '.join(sorted(fixed))} cannot stand in it")
        return self

    @property
    def cap(self) -> int:
        return to_micro(self.budget_limit)

    def jobs(self) -> list[dict[str, Any]]:
        """What is submitted for each value; its budget is the whole one."""
        return [{**self.base, self.sweep_key: value, "budget_limit": self.budget_limit} for value in self.values]


_REQUEST = TypeAdapter(BatchRequest)


def parse_batch(data: object) -> BatchRequest:
    return parse(_REQUEST, data, what="The batch")
