"""`python -m query`: the read API as a process of its own."""

import asyncio
import logging
import os
import signal
import sys

from contract import collector
from contract.codec import codec_for
from contract.control import ControlReader, Directory
from contract.doorkeeper import AccessSettings
from contract.errors import SettingsError
from contract.kafka import KafkaSettings
from contract.level import ObeyedLevel
from contract.logs import LogSettings, set_up
from contract.objects import ObjectSettings
from contract.settings import check_all, described, load
from contract.store import StoreSettings
from query.app import build
from query.settings import QuerySettings

logger = logging.getLogger(__name__)


async def serve(
    settings: QuerySettings, store: StoreSettings, kafka: KafkaSettings, access: AccessSettings, objects: ObjectSettings
) -> None:
    """Run until SIGTERM or SIGINT."""
    directory = Directory()
    ObeyedLevel(directory, settings.degradation_silence_seconds)  # shown, nothing here depends on it
    control = ControlReader(kafka, codec_for(kafka.schema_registry_url), directory, settings.control_snapshot_file)
    unready = "projects and keys have not been read yet"
    app = build(settings, directory, store, lambda: None if control.is_caught_up else unready, access, objects)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    control.start()
    try:
        await app.start()
        await stopping.wait()
        await app.stop()
    finally:
        await asyncio.to_thread(control.stop)


def main() -> int:
    """Read the environment and serve; return the exit status."""
    try:
        check_all(os.environ, QuerySettings, StoreSettings, KafkaSettings, AccessSettings, ObjectSettings, LogSettings)
        settings, store = load(QuerySettings, os.environ), load(StoreSettings, os.environ)
        kafka, logs = load(KafkaSettings, os.environ), load(LogSettings, os.environ)
        access, objects = load(AccessSettings, os.environ), load(ObjectSettings, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    set_up(logs)
    collector.settle()
    for group in (settings, store, kafka, access, objects):
        logger.info("settings %s", " ".join(f"{name}={value}" for name, value in described(group).items()))
    asyncio.run(serve(settings, store, kafka, access, objects))
    return 0


if __name__ == "__main__":
    sys.exit(main())
