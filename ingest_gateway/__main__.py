"""`python -m ingest_gateway`: read the environment, run until SIGTERM or SIGINT, finish what is in flight.

Exit status: 0 after a signal, 1 where a port is taken, 2 for wrong settings.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import uvloop

from contract import collector
from contract.doorkeeper import AccessSettings
from contract.errors import SettingsError
from contract.kafka import KafkaSettings
from contract.logs import LogSettings, set_up
from contract.settings import check_all, described, load
from ingest_gateway.app import Gateway
from ingest_gateway.settings import GatewaySettings

logger = logging.getLogger(__name__)

EXIT_PORT_TAKEN = 1
EXIT_WRONG_SETTINGS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the process reads."""

    gateway: GatewaySettings
    kafka: KafkaSettings
    access: AccessSettings
    log: LogSettings


def read(environ: Mapping[str, str]) -> Settings:
    """Read all settings; raise SettingsError naming every mistake in any of them."""
    check_all(environ, GatewaySettings, KafkaSettings, AccessSettings, LogSettings)
    return Settings(
        gateway=load(GatewaySettings, environ),
        kafka=load(KafkaSettings, environ),
        access=load(AccessSettings, environ),
        log=load(LogSettings, environ),
    )


async def serve(settings: Settings) -> int:
    """Run the gateway until a signal comes; return the exit status."""
    gateway = Gateway(settings.gateway, settings.kafka, settings.access)
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, gateway.ending.set)
    try:
        await gateway.start()
        await gateway.ending.wait()
    except OSError as error:
        logger.error("gateway_cannot_listen error=%s", error)  # noqa: TRY400  the message says it all
        return EXIT_PORT_TAKEN
    finally:
        await gateway.stop()
    if gateway.mistake is not None:
        raise gateway.mistake
    return 0


def main() -> int:
    """Run the gateway; return the exit status."""
    try:
        settings = read(os.environ)
        set_up(settings.log)
        collector.settle()
        for part in (settings.gateway, settings.kafka, settings.access):
            logger.info("gateway_starting %s", " ".join(f"{name}={value}" for name, value in described(part).items()))
        return uvloop.run(serve(settings))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_WRONG_SETTINGS


if __name__ == "__main__":
    sys.exit(main())
