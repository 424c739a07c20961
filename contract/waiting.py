"""Waiting for something that other processes bring up."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0

Result = TypeVar("Result")


def until_there(attempt: Callable[[], Result], passing: type[Exception], what: str) -> Result:
    """Call `attempt` until it no longer raises `passing`; returns what it returns. Says so in the log while it waits."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return attempt()
        except passing as error:
            logger.warning("waiting_for what=%s %s", what, error)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
