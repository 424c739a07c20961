"""`sluice export`: a project's rows as Parquet, hot and cold, for whoever wants to read them elsewhere."""

import argparse
import os
from pathlib import Path

from contract.cold_days import COLD_TABLES
from sinks.cold.export import ExportRequest, checked_date
from sluice.cold import carried_out, find_jobs, show_outcome

NAME = "export"
HELP = "write a project's rows as Parquet, a file a table and day, to a directory or a bucket"

S3_SCHEME = "s3://"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("project_id")
    parser.add_argument(
        "--to", required=True, type=place, metavar="DIR", help="a directory, or s3://bucket/folder; made again, it is brought up to date"
    )
    parser.add_argument("--since", type=day, metavar="DATE", help="only this day (UTC, such as 2026-11-21) and later ones")
    parser.add_argument("--until", type=day, metavar="DATE", help="only this day and earlier ones")
    parser.add_argument("--tables", nargs="+", choices=COLD_TABLES, default=COLD_TABLES, help="only these")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Export; the same command goes on where one was interrupted."""
    request = ExportRequest(
        project_id=arguments.project_id,
        to=arguments.to,
        since=arguments.since,
        until=arguments.until,
        tables=tuple(arguments.tables),
    )
    jobs = find_jobs(os.environ)
    jobs.export(request)
    return show_outcome(carried_out(jobs), is_json=arguments.json)


def place(text: str) -> str:
    """Return where to; a directory is meant from here, whoever writes to it."""
    return text if text.startswith(S3_SCHEME) else str(Path(text).expanduser().resolve())


def day(text: str) -> str:
    """Return a date; raise argparse.ArgumentTypeError where it is none."""
    try:
        return checked_date(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2026-11-21") from error
