"""The ledger: sends events with known ids at a set rate, writes down what was acknowledged, and compares with what is stored.

    python -m loadtest.ledger --rate 200 --seconds 60

against the stack that runs on the data directory (its endpoints.json), or on `--gateway`, `--query`, `--kafka` and keys. It looks for
what is lost, doubled, changed, late, in the dead letters, missing from the archive or wrong in a total, by id; exit status 0 means
that there is nothing of the kind.
"""

import argparse
import asyncio
import os
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from contract.codec import codec_for
from contract.errors import PipelineError
from contract.kafka import KafkaSettings
from contract.objects import ListedStore, ObjectSettings, object_store
from contract.settings import load
from loadtest.bookkeeping.archived import check_archive
from loadtest.bookkeeping.entries import Ledger
from loadtest.bookkeeping.letters import Place, check_letters
from loadtest.bookkeeping.reading import Reader
from loadtest.bookkeeping.sending import Load, Sender
from loadtest.bookkeeping.stored import compare
from loadtest.bookkeeping.verdict import Verdict
from loadtest.bookkeeping.watching import Watch
from sluice.embedded import endpoints
from sluice.embedded.data_dir import DataDir

FOUND, CANNOT = 1, 2
RECHECK_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The stack that is asked; `kafka` None leaves dead letters and archive out, `objects` None the archive."""

    gateway_http: str
    query_http: str
    ingest_key: str
    read_key: str
    kafka: KafkaSettings | None = None
    objects: ListedStore | None = None


def new_ledger() -> Ledger:
    """Return a ledger whose ids are nobody else's."""
    return Ledger(f"ledger-{uuid.uuid4().hex[:10]}")


async def send_for(target: Target, load_: Load, seconds: float) -> tuple[Ledger, Watch]:
    """Send for a while, watching how long everything takes to be queryable; returns once it is, or the patience is over."""
    ledger = new_ledger()
    sender = Sender(lambda: target.gateway_http, target.ingest_key, ledger, load_)
    watch = Watch(lambda: target.query_http, target.read_key, ledger)
    watching = asyncio.create_task(watch.run())
    asyncio.get_running_loop().call_later(seconds, sender.stop)
    try:
        await sender.run()
        await watch.caught_up(float("inf"), load_.give_up_seconds)
    finally:
        watching.cancel()
    return ledger, watch


async def judge(ledger: Ledger, target: Target, patience_seconds: float, placed: Sequence[Place] = ()) -> Verdict:
    """Compare with everything that can be asked, again until it is good or the patience is over; `placed` is poison put on topics."""
    deadline = asyncio.get_running_loop().time() + patience_seconds
    async with Reader(lambda: target.query_http, target.read_key) as reader:
        verdict = await compare(ledger, reader)
        while not verdict.is_good and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(RECHECK_SECONDS)
            verdict = await compare(ledger, reader)
    await asyncio.to_thread(_judge_topics, ledger, verdict, target, patience_seconds, placed)
    return verdict


def _judge_topics(ledger: Ledger, verdict: Verdict, target: Target, patience_seconds: float, placed: Sequence[Place]) -> None:
    if target.kafka is None:
        return
    codec = codec_for(target.kafka.schema_registry_url)
    check_letters(ledger, verdict, target.kafka, codec, placed, patience_seconds)
    if target.objects is not None:
        check_archive(ledger, verdict, target.kafka, target.objects, codec, patience_seconds)


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.ledger", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rate", type=float, default=200.0, help="events a second (200)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to send (60)")
    parser.add_argument("--observations", type=int, default=4, help="observations in each trace (4)")
    parser.add_argument("--late-seconds", type=float, help="accepted → queryable above this is a finding; unset: it is only reported")
    parser.add_argument("--patience-seconds", type=float, default=120.0, help="how long to wait for what is missing (120)")
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("SLUICE_DATA_DIR") or ".sluice"), help="whose endpoints.json")
    parser.add_argument("--gateway", help="URL of the gateway, instead of endpoints.json; needs --ingest-key and --read-key")
    parser.add_argument("--query", help="URL of the read API (the gateway's)")
    parser.add_argument("--ingest-key")
    parser.add_argument("--read-key")
    parser.add_argument("--kafka", help="brokers, for dead letters and archive; KAFKA_… as the services read them")
    parser.add_argument("--archive", action=argparse.BooleanOptionalAction, help="compare with the archive (S3_BUCKET, OBJECT_DIR)")
    return parser.parse_args(words)


def target_of(given: argparse.Namespace) -> Target:
    """Return what the command line names; raise StartError where nothing runs there."""
    if given.gateway:
        kafka = _kafka(given.kafka) if given.kafka else None
        objects = object_store(load(ObjectSettings, os.environ)) if given.archive else None
        return Target(
            gateway_http=given.gateway,
            query_http=given.query or given.gateway,
            ingest_key=given.ingest_key,
            read_key=given.read_key,
            kafka=kafka,
            objects=objects,
        )
    data = DataDir(given.data_dir)
    found = endpoints.read(data.endpoints)
    objects = None if given.archive is False else object_store(load(ObjectSettings, {"OBJECT_DIR": str(data.objects), **os.environ}))
    return Target(
        gateway_http=found.gateway_http,
        query_http=found.query_http,
        ingest_key=found.ingest_key,
        read_key=found.read_key,
        kafka=_kafka(found.kafka),
        objects=objects,
    )


def _kafka(brokers: str) -> KafkaSettings:
    return load(KafkaSettings, {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": brokers})


async def run(given: argparse.Namespace) -> int:
    """Send, compare, report; returns the exit status."""
    target = target_of(given)
    ledger, watch = await send_for(target, Load(events_per_second=given.rate, observations=given.observations), given.seconds)
    verdict = await judge(ledger, target, given.patience_seconds)
    if given.late_seconds is not None:
        verdict.late += [f"{name}: {wait:.1f} s" for name, wait in watch.waits.items() if wait > given.late_seconds]
    print(verdict.report())
    print(latencies(ledger, watch))
    if not ledger.acknowledged:
        print("nothing was acknowledged: there is nothing to compare")
    return 0 if verdict.is_good and ledger.acknowledged else FOUND


def latencies(ledger: Ledger, watch: Watch) -> str:
    """Return how long acknowledgements and reads took."""
    parts = []
    for what, seconds in (("acknowledged after", ledger.ack_seconds), ("accepted → queryable", list(watch.waits.values()))):
        if seconds:
            ordered = sorted(seconds)
            p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
            parts.append(f"{what}: p50 {p50:.3f} s, p99 {p99:.3f} s, longest {ordered[-1]:.3f} s")
    return "\n".join(parts)


def main() -> int:
    """Run the command line."""
    try:
        return asyncio.run(run(arguments()))
    except (PipelineError, aiohttp.ClientError, OSError) as error:
        print(f"the ledger cannot work: {error}", file=sys.stderr)
        return CANNOT


if __name__ == "__main__":
    sys.exit(main())
