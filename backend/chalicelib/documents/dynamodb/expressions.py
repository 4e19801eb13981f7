"""The expressions that test and change an item: conditions and writes of the port in DynamoDB's words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.clock import to_text
from chalicelib.documents import (
    Absent,
    Condition,
    Exists,
    FieldAtLeast,
    FieldAtMost,
    FieldIs,
    Put,
    Update,
    VersionIs,
)
from chalicelib.documents.dynamodb.items import (
    BODY,
    EXPIRES,
    FIELD,
    MARK,
    NUMBER,
    OPTIONAL,
    PARTITION,
    VERSION,
    Attribute,
    to_attribute,
    to_attributes,
)


@dataclass(slots=True)
class Expressions:
    """Collects the names and values of a request's expressions, so that none of ours stands in their text."""

    now: datetime
    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Attribute] = field(default_factory=dict)

    def name(self, name: str) -> str:
        return self.names.setdefault(name, f"#{len(self.names)}")

    def field(self, name: str) -> str:
        return f"{self.name(BODY)}.{self.name(FIELD + name)}"

    def value(self, attribute: Attribute) -> str:
        placeholder = f":{len(self.values)}"
        self.values[placeholder] = attribute
        return placeholder

    def text(self, text: str) -> str:
        return self.value({"S": text})

    def number(self, number: int) -> str:
        return self.value({"N": str(number)})

    def arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        if self.names:
            arguments["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in self.names.items()}
        if self.values:
            arguments["ExpressionAttributeValues"] = self.values
        return arguments

    def absent(self) -> str:
        now = self.text(to_text(self.now))
        return f"(attribute_not_exists({self.name(PARTITION)}) OR {self.name(EXPIRES)} <= {now})"

    def exists(self) -> str:
        return f"(attribute_exists({self.name(PARTITION)}) AND {self.not_expired()})"

    def not_expired(self) -> str:
        expires, now = self.name(EXPIRES), self.text(to_text(self.now))
        return f"(attribute_not_exists({expires}) OR {expires} > {now})"

    def unmarked(self, mark: str) -> str:
        name = self.name(MARK)
        return f"(attribute_not_exists({name}) OR {name} <> {self.text(mark)})"

    def hold(self, conditions: Sequence[Condition]) -> list[str]:
        """Terms that are true together when all conditions hold."""
        terms = [self._holds(condition) for condition in conditions if not isinstance(condition, Absent | Exists)]
        if any(isinstance(condition, Absent) for condition in conditions):
            terms.append(self.absent())
        if any(not isinstance(condition, Absent) for condition in conditions):
            terms.append(self.exists())
        return terms

    def _holds(self, condition: Condition) -> str:
        match condition:
            case VersionIs(version):
                return f"{self.name(VERSION)} = {self.number(version)}"
            case FieldIs(name, None):
                path = self.field(name)
                return f"(attribute_not_exists({path}) OR {path} = {self.value({'NULL': True})})"
            case FieldIs(name, value):
                return self._compares(name, "=", to_attribute(value))
            case FieldAtLeast(name, bound):
                return self._compares(name, ">=", {"N": str(bound)})
            case FieldAtMost(name, bound):
                return self._compares(name, "<=", {"N": str(bound)})
        raise TypeError(condition)

    def _compares(self, name: str, operator: str, attribute: Attribute) -> str:
        [kind] = attribute
        path, value = self.field(name), self.value(attribute)
        term = f"(attribute_type({path}, {self.text(kind)}) AND {path} {operator} {value})"
        return f"({term} OR {path}.{self.name(NUMBER)} {operator} {value})" if kind == "N" else term

    def update(self, update: Update, mark: str) -> str:
        changes = [f"{self.field(name)} = {self.value(to_attribute(value))}" for name, value in update.set.items()]
        changes += [self._added(self.field(name), amount) for name, amount in update.add.items()]
        changes.append(self._added(self.name(VERSION), 1))
        changes.append(f"{self.name(MARK)} = {self.text(mark)}")
        return f"SET {', '.join(changes)}"

    def _added(self, path: str, amount: int) -> str:
        return f"{path} = if_not_exists({path}, {self.number(0)}) + {self.number(amount)}"

    def put(self, put: Put, mark: str, *, anew: bool) -> str:
        """`anew` starts the versions again, where nothing or an expired document is."""
        given = dict(to_attributes(put)) | {MARK: {"S": mark}}
        changes = [f"{self.name(name)} = {self.value(attribute)}" for name, attribute in given.items()]
        version = self.name(VERSION)
        changes.append(f"{version} = {self.number(1)}" if anew else self._added(version, 1))
        removed = [self.name(name) for name in OPTIONAL if name not in given]
        return f"SET {', '.join(changes)}" + (f" REMOVE {', '.join(removed)}" if removed else "")
