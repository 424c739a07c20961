"""The last resort of a shutdown: a process that has not ended in its time ends all the same, since every crash is survivable."""

import logging
import os
import threading

logger = logging.getLogger(__name__)

EXIT_CUT_SHORT = 70


def end_within(seconds: float, status: int = EXIT_CUT_SHORT) -> threading.Timer:
    """End this process in `seconds`, whatever it is doing by then; cancel the timer to let it be."""

    def end() -> None:
        logger.critical("shutdown_cut_short seconds=%g", seconds)
        os._exit(status)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer
