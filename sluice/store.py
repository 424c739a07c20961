"""`sluice store`: the sinks and the read API in one process, because one process owns an embedded ClickHouse."""

import argparse
import asyncio
import contextlib
import functools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contract import collector
from contract.codec import codec_for
from contract.cold_catalogue import Moves
from contract.control import ControlReader, Directory
from contract.doorkeeper import AccessSettings
from contract.errors import PipelineError, RetryableError, SettingsError
from contract.level import ObeyedLevel
from contract.logs import set_up
from contract.poison import PoisonError
from contract.settings import load
from contract.web import HttpServer, free_port
from query.app import build as build_query
from query.settings import QuerySettings
from sinks import settings as sink_settings
from sinks.app import build_archive_sink, build_clickhouse_sink, build_evaluator_sink, normal
from sinks.clickhouse.migrations import migrate
from sinks.clickhouse.migrations import status as migration_states
from sinks.cold.work import ColdJobs, ColdWork
from sinks.engine.running import start_thread, stop_on_signals
from sinks.engine.sink import Sink, Sinks
from sinks.settings import Settings as SinkSide
from sluice import store_admin
from sluice.embedded.data_dir import DataDir
from sluice.embedded.plan import StackSettings

NAME = "store"
HELP = "run the sinks and the read API in one process"

logger = logging.getLogger(__name__)

FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Everything is an environment variable."""
    del parser


@dataclass(frozen=True, slots=True)
class StoreProcess:
    """What the process reads from its environment."""

    sinks: SinkSide
    query: QuerySettings
    access: AccessSettings
    data_dir: Path


def read(environ: Mapping[str, str]) -> StoreProcess:
    """Read every part; raise SettingsError with its mistakes."""
    data_dir = DataDir(load(StackSettings, environ).data_dir).root
    return StoreProcess(sink_settings.read(environ), load(QuerySettings, environ), load(AccessSettings, environ), data_dir)


def run(_arguments: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT; 1 means that the sink failed for good, 2 that the settings are wrong."""
    settings = read(os.environ)
    set_up(settings.sinks.log)
    collector.settle()
    try:
        asyncio.run(_serve(settings))
    except SettingsError:
        raise
    except PipelineError:
        logger.exception("store_failed")
        return FAILED
    return 0


async def _serve(settings: StoreProcess) -> None:
    """Run everything until the sinks have ended: by a signal, after they have stored what they held, or by a failure.

    A sink that bad records have stopped takes neither the others nor the reads of what is stored down with it.
    """
    kafka, directory = settings.sinks.kafka, Directory()
    control = ControlReader(kafka, codec_for(kafka.schema_registry_url), directory, settings.query.control_snapshot_file)
    obeyed = ObeyedLevel(directory, settings.sinks.sink.degradation_silence_seconds)
    sinks = build_sinks(settings.sinks, directory, lambda: obeyed.level)
    moves = Moves()
    jobs = build_cold_jobs(settings.sinks, directory, lambda: control.is_caught_up, moves)
    port = settings.sinks.sink.web_port or free_port()
    token = store_admin.announce(settings.data_dir, port)
    states = functools.partial(migration_states, settings.sinks.store)
    web = HttpServer(store_admin.admin_app(Sinks(sinks), jobs, token, states), settings.sinks.sink.web_host, port)
    query = build_query(
        settings.query,
        directory,
        settings.sinks.store,
        lambda: None if control.is_caught_up else "projects and keys have not been read yet",
        settings.access,
        settings.sinks.objects,
        moves if settings.sinks.store.url is None else None,
    )
    asked_to_stop = stop_on_signals(*sinks)
    with contextlib.suppress(RetryableError):  # the sink goes on trying; here it only spares the first reads a missing table
        await asyncio.to_thread(migrate, settings.sinks.store)
    ended = [start_thread(sink) for sink in sinks]
    control.start()
    if jobs is not None:
        jobs.start_schedule()
    try:
        await web.start()
        await query.start()
        await _until_over(ended, asked_to_stop)
    finally:
        Sinks(sinks).stop()
        if jobs is not None:
            jobs.stop()
        await query.stop()
        outcomes = await asyncio.gather(*ended, web.stop(), asyncio.to_thread(control.stop), return_exceptions=True)
    for failure in outcomes:
        if isinstance(failure, BaseException):
            raise failure


def build_sinks(settings: SinkSide, directory: Directory, level: Callable[[], int] = normal) -> list[Sink]:
    """Return the sinks of this process, not yet started."""
    clickhouse = build_clickhouse_sink(settings.kafka, settings.store, settings.sink, settings.objects)
    sinks = [clickhouse]
    if settings.archive.is_enabled:
        sinks.append(build_archive_sink(settings.kafka, settings.objects, settings.sink, settings.archive, level))
    if settings.evaluators.file is not None:
        sinks.append(build_evaluator_sink(settings.kafka, settings.sink, settings.evaluators, directory, level))
    return sinks


def build_cold_jobs(settings: SinkSide, directory: Directory, is_informed: Callable[[], bool], moves: Moves) -> ColdJobs | None:
    """Return what moves old days, by its schedule once started; None where the store cannot reach object storage."""
    try:
        work = ColdWork(settings.store, settings.objects, settings.cold, directory, is_informed, moves)
    except SettingsError as error:
        logger.warning("old_days_stay_hot %s", "; ".join(error.mistakes))
        return None
    return ColdJobs(work, settings.cold.schedule)


async def _until_over(ended: Sequence[asyncio.Future[None]], asked_to_stop: asyncio.Event) -> None:
    """Wait until every sink has ended, or the first, ClickHouse's, has failed in a way that a restart may mend.

    Where bad records stopped it, or another sink failed, the rest goes on until a signal comes, and health says why.
    """
    pending, has_failed = set(ended), False
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for future in done:
            failure = future.exception()
            if failure is None:
                continue
            if future is ended[0] and not isinstance(failure, PoisonError):
                return
            has_failed = True
            logger.critical("sink_stopped %s: %s", type(failure).__name__, failure)
    if has_failed:
        await asked_to_stop.wait()
