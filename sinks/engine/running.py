"""Sinks beside an event loop: on threads, stopped by signals."""

import asyncio
import signal
import threading

from sinks.engine.sink import Sink


def stop_on_signals(*sinks: Sink) -> asyncio.Event:
    """Have SIGTERM and SIGINT stop the sinks; the event tells that one came."""
    asked_to_stop = asyncio.Event()

    def stop() -> None:
        asked_to_stop.set()
        for sink in sinks:
            sink.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return asked_to_stop


def start_thread(sink: Sink) -> asyncio.Future[None]:
    """Run the sink on a thread of its own; the future ends as the sink does. A daemon thread never holds up a failing exit."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def work() -> None:
        try:
            sink.run()
        except BaseException as error:  # noqa: BLE001  handed to whoever awaits the future
            loop.call_soon_threadsafe(ended.set_exception, error)
        else:
            loop.call_soon_threadsafe(ended.set_result, None)

    threading.Thread(target=work, name=f"sink-{sink.name}", daemon=True).start()
    return ended
