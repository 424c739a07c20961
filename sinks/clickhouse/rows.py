"""Merged rows as ClickHouse columns: which table a topic goes to, and its columns.

ClickHouse reads the rows' Avro itself and takes fields for columns by name. It does not check ranges there (a negative number in
an unsigned column wraps around), so what could ever be negative is signed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from contract.events import Entity
from contract.schemas import OBSERVATION_ROW, SCORE_ROW, SESSION_ROW, TRACE_ROW, USER_ROW
from contract.topics import OBSERVATIONS, SCORES, SESSIONS, TRACES, USERS

LAST_START_FIELD = "id"
LAST_START_FIELD_OF_TOTALS = "fence"
"""A row's first fields, up to these, are what a sink looks at: version, flags, project and id."""

SCHEMA = "2"
"""Names how records become rows; it is part of every insert token, so raise it when that changes."""

TEXT = "String"
TIME = "DateTime64(6, 'UTC')"
TIME_OR_NULL = f"Nullable({TIME})"
COUNT = "UInt64"
SIGNED = "Int64"
MONEY = "Decimal(38, 12)"
TEXTS = "Map(String, String)"
COUNTS = "Map(String, Int64)"
MONIES = f"Map(String, {MONEY})"
TAGS = "Array(String)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, the records it is made of, and its columns with the types they are sent under."""

    name: str
    record_name: str
    entity: Entity | None
    columns: Mapping[str, str]

    @property
    def version_column(self) -> str:
        """Return the column that says how new a row is, µs."""
        return "row_version" if self.entity is not None else "updated_at"

    @property
    def last_start_field(self) -> str:
        """Return the last of the fields that a sink looks at."""
        return LAST_START_FIELD if self.entity is not None else LAST_START_FIELD_OF_TOTALS


TRACES_TABLE = Table(
    name="traces",
    record_name=TRACE_ROW,
    entity="trace",
    columns={
        "project_id": TEXT,
        "id": TEXT,
        "start_time": TIME,
        "end_time": TIME_OR_NULL,
        "name": TEXT,
        "session_id": TEXT,
        "user_id": TEXT,
        "input": TEXT,
        "output": TEXT,
        "metadata": TEXTS,
        "tags": TAGS,
        "environment": TEXT,
        "release": TEXT,
        "version": TEXT,
        "public": "Nullable(Bool)",
        "level": TEXT,
        "observation_count": SIGNED,
        "generation_count": SIGNED,
        "error_count": SIGNED,
        "unpriced_count": SIGNED,
        "usage": COUNTS,
        "cost": MONIES,
        "total_cost": MONEY,
        "stamps": TEXT,
        "row_version": COUNT,
        "is_deleted": "UInt8",
    },
)
OBSERVATIONS_TABLE = Table(
    name="observations",
    record_name=OBSERVATION_ROW,
    entity="observation",
    columns={
        "project_id": TEXT,
        "id": TEXT,
        "trace_id": TEXT,
        "parent_id": TEXT,
        "kind": TEXT,
        "name": TEXT,
        "start_time": TIME,
        "end_time": TIME_OR_NULL,
        "completion_start_time": TIME_OR_NULL,
        "model": TEXT,
        "requested_model": TEXT,
        "provider": TEXT,
        "model_parameters": TEXTS,
        "usage": COUNTS,
        "usage_semantics": TEXT,
        "reported_cost": MONIES,
        "cost": MONIES,
        "total_cost": f"Nullable({MONEY})",
        "cost_source": TEXT,
        "price_version": TEXT,
        "unpriced_reason": TEXT,
        "is_counted": "Bool",
        "service_tier": TEXT,
        "input": TEXT,
        "output": TEXT,
        "metadata": TEXTS,
        "tags": TAGS,
        "level": TEXT,
        "status_message": TEXT,
        "environment": TEXT,
        "release": TEXT,
        "version": TEXT,
        "prompt_name": TEXT,
        "prompt_version": TEXT,
        "session_id": TEXT,
        "user_id": TEXT,
        "protocol": TEXT,
        "degradation_level": "UInt8",
        "stamps": TEXT,
        "row_version": COUNT,
        "is_deleted": "UInt8",
    },
)
SCORES_TABLE = Table(
    name="scores",
    record_name=SCORE_ROW,
    entity="score",
    columns={
        "project_id": TEXT,
        "id": TEXT,
        "trace_id": TEXT,
        "observation_id": TEXT,
        "session_id": TEXT,
        "name": TEXT,
        "start_time": TIME,
        "value": "Nullable(Float64)",
        "string_value": TEXT,
        "data_type": TEXT,
        "comment": TEXT,
        "metadata": TEXTS,
        "source": TEXT,
        "environment": TEXT,
        "config_id": TEXT,
        "stamps": TEXT,
        "row_version": COUNT,
        "is_deleted": "UInt8",
    },
)
TOTALS_COLUMNS = {
    "project_id": TEXT,
    "id": TEXT,
    "source_partition": "UInt32",
    "fence": COUNT,
    "updated_at": TIME,
    "trace_count": SIGNED,
    "observation_count": SIGNED,
    "generation_count": SIGNED,
    "error_count": SIGNED,
    "unpriced_count": SIGNED,
    "usage": COUNTS,
    "cost": MONIES,
    "total_cost": MONEY,
}
SESSIONS_TABLE = Table(name="sessions", record_name=SESSION_ROW, entity=None, columns=TOTALS_COLUMNS)
USERS_TABLE = Table(name="users", record_name=USER_ROW, entity=None, columns=TOTALS_COLUMNS)

TABLES: dict[str, Table] = {
    TRACES: TRACES_TABLE,
    OBSERVATIONS: OBSERVATIONS_TABLE,
    SCORES: SCORES_TABLE,
    SESSIONS: SESSIONS_TABLE,
    USERS: USERS_TABLE,
}
"""Topic → table."""
