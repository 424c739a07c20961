"""`python -m sinks clickhouse|archive|evaluate` runs a sink; `python -m sinks migrate` only brings the tables up to date.

`python -m sinks cold` moves the days that are old enough into object storage, once, and ends.
"""

import argparse
import asyncio
import dataclasses
import logging
import os
import sys
from typing import Any

from contract import collector, logs
from contract.codec import codec_for
from contract.control import ControlReader, Directory
from contract.errors import PipelineError, RetryableError, SettingsError
from contract.level import ObeyedLevel
from contract.poison import PoisonError
from contract.settings import described
from contract.web import HttpServer, health_app
from sinks.app import ARCHIVE, CLICKHOUSE, EVALUATE, build_archive_sink, build_clickhouse_sink, build_evaluator_sink
from sinks.clickhouse.migrations import migrate
from sinks.cold.report import Progress
from sinks.cold.work import ColdWork
from sinks.engine.running import start_thread, stop_on_signals
from sinks.settings import Settings, read

logger = logging.getLogger("sinks")

MIGRATE = "migrate"
COLD = "cold"
CONTROL_SECONDS = 60.0
EXIT_FAILED = 1
EXIT_SETTINGS = 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sinks", description=__doc__)
    parser.add_argument("command", choices=(CLICKHOUSE, ARCHIVE, EVALUATE, MIGRATE, COLD))
    command = parser.parse_args(arguments).command
    try:
        settings = read(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_SETTINGS
    logs.set_up(settings.log)
    collector.settle()
    try:
        if command == MIGRATE:
            logger.info("migrated applied=%s", ",".join(migrate(settings.store)) or "nothing")
            return 0
        if command == COLD:
            move(settings)
            return 0
        return asyncio.run(serve(settings, command))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_SETTINGS
    except PipelineError:
        logger.exception("sink_failed")
        return EXIT_FAILED


def move(settings: Settings) -> None:
    """Run the mover once; raise PipelineError where it does not do all that is due."""
    directory = Directory()
    control = ControlReader(settings.kafka, codec_for(settings.kafka.schema_registry_url), directory)
    control.start()
    try:
        if not control.wait_caught_up(CONTROL_SECONDS):
            raise RetryableError("Kafka does not answer: what projects say of their days is not known")
    finally:
        control.stop()
    work = ColdWork(settings.store, settings.objects, settings.cold, directory, lambda: True)

    def say(progress: Progress) -> None:
        logger.info("cold_progress %s", " ".join(f"{name}={value}" for name, value in dataclasses.asdict(progress).items()))

    logger.info("cold_run_finished %s", " ".join(f"{name}={value}" for name, value in work.run(say).items()))


async def serve(settings: Settings, command: str) -> int:
    """Run the sink on a thread and answer health checks until it ends; SIGTERM and SIGINT drain it.

    Where the records are at fault it stops but stays, so that health says why: every restart would bury some more of them.
    """
    parts: tuple[Any, ...] = (settings.kafka, settings.sink)
    directory = Directory()
    control = ControlReader(settings.kafka, codec_for(settings.kafka.schema_registry_url), directory)
    obeyed = ObeyedLevel(directory, settings.sink.degradation_silence_seconds)
    if command == CLICKHOUSE:
        sink, parts = build_clickhouse_sink(settings.kafka, settings.store, settings.sink, settings.objects), (*parts, settings.store)
    elif command == EVALUATE:
        if settings.evaluators.file is None:
            raise SettingsError(["EVALUATORS_FILE: must be set for `python -m sinks evaluate`"])
        sink = build_evaluator_sink(settings.kafka, settings.sink, settings.evaluators, directory, lambda: obeyed.level)
        parts = (*parts, settings.evaluators)
    else:
        sink = build_archive_sink(settings.kafka, settings.objects, settings.sink, settings.archive, lambda: obeyed.level)
        parts = (*parts, settings.objects, settings.archive)
    for name, value in (item for part in parts for item in described(part).items()):
        logger.info("setting %s=%s", name, value)
    web = HttpServer(health_app(sink), settings.sink.web_host, settings.sink.web_port)
    asked_to_stop = stop_on_signals(sink)
    control.start()
    await web.start()
    logger.info("sink_started port=%d", web.port)
    try:
        await start_thread(sink)
    except PoisonError as error:
        logger.critical("poison_stopped_the_sink %s", error)
        await asked_to_stop.wait()
        return EXIT_FAILED
    finally:
        await web.stop()
        await asyncio.to_thread(control.stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
