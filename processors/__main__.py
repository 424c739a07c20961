"""`python -m processors`: run one worker until it is told to stop."""

import asyncio
import logging
import os
import sys
from pathlib import Path

import faust
import uvloop

from contract import collector
from contract.errors import RetryableError, SettingsError
from contract.kafka import KafkaSettings, create_topics
from contract.logs import LogSettings, set_up
from contract.settings import check_all, load
from contract.topics import changelog, topics
from contract.waiting import until_there
from processors import lost_state
from processors.app import TABLE, Worker
from processors.settings import ProcessorSettings

logger = logging.getLogger(__name__)


def main() -> int:
    """Run the worker; 2 means the settings are wrong."""
    try:
        check_all(os.environ, ProcessorSettings, KafkaSettings, LogSettings)
        set_up(load(LogSettings, os.environ))
        collector.settle()
        kafka = load(KafkaSettings, os.environ)
        settings = load(ProcessorSettings, os.environ)
        # The changelog as well: Faust hands out partitions without their state while it does not know that topic.
        wanted = (*topics(kafka.partitions, kafka.events_retention_hours), changelog(settings.group, TABLE, kafka.partitions))
        until_there(lambda: create_topics(kafka, wanted), RetryableError, "kafka")
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  before there is a log, and for the person who started it
        return 2
    uvloop.install()
    log = wanted[-1].name
    asyncio.run(lost_state.until_there(kafka, settings.group, log, settings.web_host, settings.web_port))
    worker = Worker(settings, kafka)
    tables = Path(worker.app.conf.tabledir)
    until_there(lambda: lost_state.drop_copy_of_another(kafka, log, settings.data_dir, tables), RetryableError, "kafka")
    program = faust.Worker(worker.app, loglevel=None, quiet=True, redirect_stdouts=False, override_logging=False)
    program.spinner = None  # it writes between the entries of the log, which programs read
    program.execute_from_commandline()
    return 0


if __name__ == "__main__":
    sys.exit(main())
