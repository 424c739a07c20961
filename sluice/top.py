"""`sluice top`: rates, lag, level and who sends most, live, from the services' own metrics."""

import argparse
import concurrent.futures
import os
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.live import Live

from contract.settings import load
from sluice.embedded import endpoints
from sluice.embedded.data_dir import DataDir
from sluice.embedded.errors import StartError
from sluice.embedded.plan import StackSettings
from sluice.watching.figures import figures
from sluice.watching.samples import Change, Look, read_page
from sluice.watching.screen import screen

NAME = "top"
HELP = "show live rates by stage, lag, degradation level, spool and the busiest projects"

TIMEOUT_SECONDS = 2.0
NOTHING_RUNS = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "urls", nargs="*", metavar="URL", help="address of a service, as http://gateway:8080; without any, those of the running stack"
    )
    parser.add_argument("--interval", type=float, default=2.0, metavar="SECONDS", help="how often to look (2)")
    parser.add_argument("--once", action="store_true", help="print one screen after one interval, and end")


def run(arguments: argparse.Namespace) -> int:
    """Show until Ctrl-C; 1 where nothing runs."""
    try:
        sources = sources_of(arguments.urls)
    except StartError as error:
        print(f"sluice top: {error}", file=sys.stderr)
        return NOTHING_RUNS
    try:
        if arguments.once:
            _print_once(sources, arguments.interval)
        else:
            _show(sources, arguments.interval)
    except KeyboardInterrupt:
        return 0
    return 0


def sources_of(urls: Sequence[str]) -> dict[str, str]:
    """Return the pages to read, by name; those of the running stack where none are given. Raises StartError where it does not run."""
    if urls:
        return {url: url.rstrip("/") + "/metrics" for url in urls}
    running = endpoints.read(DataDir(load(StackSettings, os.environ).data_dir).endpoints)
    return dict(running.metrics)


def look(sources: Mapping[str, str]) -> Look:
    """Read every page at once; one that does not answer is told of, not waited for."""
    samples, silent = {}, {}
    with concurrent.futures.ThreadPoolExecutor(len(sources)) as pool:
        pages = {name: pool.submit(_fetch, url) for name, url in sources.items()}
        for name, page in pages.items():
            try:
                samples.update(read_page(name, page.result()))
            except (OSError, ValueError) as error:
                silent[name] = str(error)
    return Look(time.monotonic(), samples, silent)


def _fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  what the user gave
        return str(answer.read().decode())


def _show(sources: Mapping[str, str], interval_seconds: float) -> None:
    before = look(sources)
    with Live(screen(figures(Change(before, before))), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(interval_seconds)
            after = look(sources)
            live.update(screen(figures(Change(before, after))), refresh=True)
            before = after


def _print_once(sources: Mapping[str, str], interval_seconds: float) -> None:
    before = look(sources)
    time.sleep(interval_seconds)
    Console().print(screen(figures(Change(before, look(sources)))))
