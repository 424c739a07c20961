"""ClickHouse's own Kafka engine as a sink, inside chdb: JSON rows of observations into our table, by a materialised view.

Prints JSON once it has stored as many rows as told. The engine reads no Avro without a schema registry, so it gets the same rows as JSON.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from contract.settings import load
from contract.store import StoreSettings, connect
from sinks.clickhouse.migrations import migrate
from sinks.clickhouse.rows import OBSERVATIONS_TABLE, TIME, TIME_OR_NULL

TOPIC = "peer-json"
ROWS_A_BLOCK = 1000
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 300.0
QUIRK = "Shutdown was called"
"""What chdb 26.9 answers to CREATE TABLE of this engine, although the table is there and works."""


def build(client: Client, brokers: str) -> None:
    """Make the engine's table, and the view that stores what it reads."""
    raw = {TIME: "Int64", TIME_OR_NULL: "Nullable(Int64)"}
    columns = OBSERVATIONS_TABLE.columns
    declared = ", ".join(f"{name} {raw.get(kind, kind)}" for name, kind in columns.items())
    _create(
        client,
        f"CREATE TABLE peer_queue ({declared}) ENGINE = Kafka SETTINGS kafka_broker_list = '{brokers}', kafka_topic_list = '{TOPIC}', "
        f"kafka_group_name = 'peer-engine', kafka_format = 'JSONEachRow', kafka_num_consumers = 1, kafka_max_block_size = {ROWS_A_BLOCK}, "
        "kafka_flush_interval_ms = 500, kafka_poll_max_batch_size = 1000",
    )
    taken = ", ".join(f"fromUnixTimestamp64Micro({name}) AS {name}" if kind in raw else name for name, kind in columns.items())
    target = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    client.command(f"CREATE MATERIALIZED VIEW peer_view TO observations ({target}) AS SELECT {taken} FROM peer_queue")


def _create(client: Client, statement: str) -> None:
    try:
        client.command(statement)
    except ClickHouseError as error:
        if QUIRK not in str(error):
            raise


def drain(client: Client, rows: int) -> dict[str, float]:
    """Wait until everything is stored; wall and processor time from the first row seen, extrapolated to all."""
    first: tuple[int, float, float] | None = None
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        stored = int(client.command("SELECT count() FROM observations"))  # type: ignore[arg-type]
        now, cpu = time.monotonic(), time.process_time()
        if first is None and stored:
            first = stored, now, cpu
        if first is not None and stored >= rows:
            share = (stored - first[0]) / stored or 1.0
            return {"rows": stored, "seconds": (now - first[1]) / share, "cpu_seconds": (cpu - first[2]) / share}
        if now > deadline:
            raise RuntimeError(f"{stored} of {rows} rows are stored")
        time.sleep(POLL_SECONDS)


def main() -> None:
    """Drain the topic once."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.peers.kafka_engine", description=__doc__)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--rows", type=int, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = load(StoreSettings, {"CLICKHOUSE_PATH": str(Path(folder) / "store")})
        migrate(store)
        client = connect(store)
        build(client, given.brokers)
        print(json.dumps(drain(client, given.rows)), flush=True)
        os._exit(0)  # chdb waits for its consumers for minutes; nothing of this store is kept


if __name__ == "__main__":
    main()
