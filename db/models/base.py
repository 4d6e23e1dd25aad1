"""Defines what all tables share: names of constraints, UTC times and enums stored by value."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, ColumnElement, DateTime, Enum, MetaData, literal_column
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite stores no zone, so it is added again on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[int]: JSON(none_as_null=True),
    }


def enum_column(kind: type[StrEnum]) -> Enum:
    """Returns a column type that stores a StrEnum by its value, with a named CHECK."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        name=kind.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


def fixed(value: StrEnum) -> ColumnElement[Any]:
    """Returns a member of an enum written into the statement itself, not bound to it.

    Where a bound value decides whether a partial index serves, SQLite plans the statement anew at
    each execution, which takes several times as long as executing it.
    """
    return literal_column(f"'{value.value}'")
