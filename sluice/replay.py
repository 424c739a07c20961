"""`sluice replay`: run events through again, from the archive or from the topic."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from contract.clock import US_PER_SECOND, now_us
from contract.codec import codec_for
from contract.deletion_log import Deleted, deleted
from contract.kafka import KafkaSettings, cluster_id, topic_id
from contract.objects import ObjectSettings, object_store
from contract.settings import env, load
from contract.topics import EVENTS
from sluice import kafka_access, rebuilding
from sluice.embedded.data_dir import DataDir
from sluice.embedded.errors import StartError
from sluice.moments import moment, moment_us, rate, shown
from sluice.pacing import Pacer
from sluice.replaying.archive_source import ArchiveSource
from sluice.replaying.checkpoint import Checkpoint, CheckpointFile, job_of
from sluice.replaying.runner import Limits, Source, TooOldError, replay
from sluice.replaying.topic_source import TopicSource
from sluice.replaying.wanted import Stored, Wanted, offsets
from sluice.sending import KafkaSender
from sluice.topic_scan import TopicScan

NAME = "replay"
HELP = "run events through again, from the archive or from the topic"

INTERRUPTED = 130

CLOCKS_AHEAD_US = 7 * 86_400 * US_PER_SECOND

EMPTY_ADVICE = """Into an empty stack, for the same rows and totals as before:
  - Replay everything before clients are let in, and leave --project out: totals are over what was replayed.
  - Projects and keys are not events: create them anew, or give PROJECTS_FILE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """What the command reads beside Kafka's and the object store's settings."""

    data_dir: Path = env("SLUICE_DATA_DIR")
    state_retention_seconds: int = env("STATE_RETENTION_SECONDS")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EMPTY_ADVICE
    parser.add_argument("--source", choices=("archive", "topic"), default="archive", help="where events are read from (archive)")
    parser.add_argument("--from", dest="start", type=moment, metavar="TIME", help="received at TIME or later: RFC 3339, a date, or 2h ago")
    parser.add_argument("--to", dest="end", type=moment, metavar="TIME", help="received before TIME (now)")
    parser.add_argument("--project", action="append", default=[], metavar="ID", help="only this project; may be given several times")
    parser.add_argument("--offsets", type=offsets, default=(), metavar="P:FIRST-LAST,…", help="only these partitions and offsets")
    parser.add_argument("--rate", type=rate, metavar="N/s", help="at most so many records a second")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="where the progress is kept (in the data directory)")
    parser.add_argument("--dry-run", action="store_true", help="only count what would be sent")
    parser.add_argument("--into-empty", action="store_true", help="the stack has never taken in an event; checked before the first record")
    parser.add_argument("--rebuild-state", action="store_true", help="the processors' state is lost: begin it anew, from the whole archive")
    parser.add_argument("--recount", action="store_true", help="also send what the processors no longer remember, and count it anew")


def run(arguments: argparse.Namespace) -> int:
    """Replay; 130 where it was interrupted and can be taken up again."""
    try:
        return _replay(arguments, Console(stderr=True, highlight=False, soft_wrap=True))
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED


class EventsSender:
    """Puts records back on `events`, by key: the same partition, as long as there are as many."""

    def __init__(self, sender: KafkaSender) -> None:
        self._sender = sender

    def send(self, record: Stored) -> None:
        """Send a record as it was; Kafka gives it a time of its own, or retention would take it for old at once."""
        self._sender.produce(EVENTS, record.key, record.value, None if record.key is not None else record.partition)

    def settle(self) -> None:
        """Wait until Kafka has everything."""
        self._sender.settle()


class Nowhere:
    """What a dry run sends to."""

    def send(self, record: Stored) -> None:
        """Send nothing."""

    def settle(self) -> None:
        """There is nothing to wait for."""

    def write(self, checkpoint: Checkpoint) -> None:
        """Keep nothing."""


def _replay(arguments: argparse.Namespace, console: Console) -> int:
    settings = load(ReplaySettings, os.environ)
    kafka = kafka_access.kafka_settings(os.environ)
    objects = object_settings(os.environ, settings)
    asked = (arguments.source, arguments.start, arguments.end, sorted(arguments.project), arguments.offsets, cluster_id(kafka), objects)
    job = job_of(*asked, *(("rebuild",) if arguments.rebuild_state else ()))
    file = CheckpointFile(arguments.checkpoint or DataDir(settings.data_dir).root / f"replay-{job}.json")
    begun = None if arguments.dry_run else file.read(job)
    wanted = wanted_of(arguments, begun, deleted(object_store(objects)))
    if arguments.into_empty and begun is None:
        _check_empty(kafka)
    if arguments.rebuild_state:
        _check_whole(arguments)
        if begun is None and not arguments.dry_run:
            rebuilding.begin(kafka, load(rebuilding.Groups, os.environ), console.print)
    with _progress(console) as progress, _source(arguments, kafka, objects, wanted, progress) as source:
        checkpoint = begun or Checkpoint(job=job, from_us=wanted.from_us, to_us=wanted.to_us, ends=source.ends())
        if begun is not None:
            console.print(f"going on after {begun.sent} records, by {escape(str(file.path))}")
        task = progress.add_task("records sent", total=None)
        _carry_out(arguments, kafka, source, checkpoint, file, _limits(arguments, settings), lambda count: progress.advance(task, count))
    _report(console, arguments, checkpoint, wanted)
    return 0


def _carry_out(
    arguments: argparse.Namespace,
    kafka: KafkaSettings,
    source: Source,
    checkpoint: Checkpoint,
    file: CheckpointFile,
    limits: Limits,
    on_sent: Callable[[int], None],
) -> None:
    if arguments.dry_run:
        replay(source, Nowhere(), checkpoint, Nowhere(), limits, on_sent, Pacer(None))
        return
    file.write(checkpoint)
    try:
        replay(source, EventsSender(KafkaSender(kafka)), checkpoint, file, limits, on_sent, Pacer(arguments.rate))
    except TooOldError:
        if not checkpoint.sent:
            file.remove()
        raise
    file.remove()


def object_settings(environ: Mapping[str, str], settings: ReplaySettings) -> ObjectSettings:
    """Return where the archive is: as the environment says, else in the data directory."""
    return load(ObjectSettings, {"OBJECT_DIR": str(DataDir(settings.data_dir).objects), **environ})


def wanted_of(arguments: argparse.Namespace, begun: Checkpoint | None, gone: Deleted | None = None) -> Wanted:
    """Return what to send; times that are relative to now are those of the first start."""
    now = now_us()
    from_us = None if arguments.start is None else moment_us(arguments.start, now)
    to_us = now if arguments.end is None else moment_us(arguments.end, now)
    if arguments.rebuild_state:
        to_us += CLOCKS_AHEAD_US  # what a gateway ahead of us has stamped counts as well; what is archived later is not read anyway
    if begun is not None:
        from_us, to_us = begun.from_us, begun.to_us
    if from_us is not None and from_us >= to_us:
        raise StartError(f"--from {shown(from_us)} is not before --to {shown(to_us)}")
    return Wanted(from_us, to_us, frozenset(arguments.project), arguments.offsets, gone or Deleted())


def _limits(arguments: argparse.Namespace, settings: ReplaySettings) -> Limits:
    if arguments.into_empty or arguments.recount or arguments.rebuild_state or arguments.dry_run:
        return Limits(None, arguments.rate)
    return Limits(now_us() - settings.state_retention_seconds * US_PER_SECOND, arguments.rate)


def _check_empty(kafka: KafkaSettings) -> None:
    with TopicScan(kafka, EVENTS) as scan:
        taken_in = sum(one.end for one in scan.ranges())
    if taken_in:
        raise StartError(f"--into-empty, but this stack has taken in {taken_in} records already. {EMPTY_ADVICE}")


def _check_whole(arguments: argparse.Namespace) -> None:
    if arguments.source != "archive" or arguments.start or arguments.end or arguments.project or arguments.offsets:
        raise StartError(
            "--rebuild-state counts everything anew, so it needs the whole archive: no --source, --from, --to, --project, --offsets"
        )


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield progress


@contextmanager
def _source(
    arguments: argparse.Namespace, kafka: KafkaSettings, objects: ObjectSettings, wanted: Wanted, progress: Progress
) -> Iterator[Source]:
    read = progress.add_task(f"{arguments.source} read", total=None)
    if arguments.source == "archive":
        archive = ArchiveSource(object_store(objects), wanted, lambda: progress.advance(read))
        progress.update(read, total=archive.object_count)
        yield archive
        return
    with TopicScan(kafka, EVENTS) as scan:
        topic = TopicSource(scan, codec_for(kafka.schema_registry_url), topic_id(kafka, EVENTS), wanted, lambda: progress.advance(read))
        yield topic


def _report(console: Console, arguments: argparse.Namespace, checkpoint: Checkpoint, wanted: Wanted) -> None:
    since = "the beginning" if wanted.from_us is None else shown(wanted.from_us)
    verb = "would be sent" if arguments.dry_run else "sent"
    console.print(f"{checkpoint.sent} records {verb}, received from {since} until {shown(wanted.to_us)}")
    if checkpoint.unreadable:
        console.print(f"{checkpoint.unreadable} records are no events and were left out; see `sluice dlq list --topic {EVENTS}`")
