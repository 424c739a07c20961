"""`python -m sluice`: the command line. One file a command; this one only lists them."""

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence

from contract.errors import PipelineError, SettingsError

# In the order of a first hour with Sluice. Imported only when asked for: `settings` must not wait for ClickHouse.
COMMANDS = (
    *("up", "demo", "doctor", "settings", "metrics", "top", "projects", "keys", "dlq", "replay", "migrate"),
    *("cold", "export", "delete"),
)
INTERNAL_COMMANDS = ("store",)
FAILED = 1
WRONG_SETTINGS = 2

DESCRIPTION = """Sluice takes in what LLM applications say about themselves (traces, spans, generations, scores) from the clients
people already run, and makes it queryable within a second, with nothing lost and nothing counted twice."""

EPILOG = """start here:
  sluice up          run everything on this machine; prints addresses, a key and a snippet to paste
  sluice demo        in a second terminal: send a realistic mixture of traces and see what comes back
  sluice doctor      when something does not work: what is wrong and what to do

Everything is set by environment variables: see `sluice settings`. `sluice COMMAND --help` tells more about a command."""


def parser(wanted: str | None) -> argparse.ArgumentParser:
    """Return the parser; arguments of its own only for the command `wanted`, or for all where that is none of them."""
    root = argparse.ArgumentParser(
        prog="sluice", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    names = (wanted,) if wanted in (*COMMANDS, *INTERNAL_COMMANDS) else COMMANDS
    for name in names:
        module = importlib.import_module(f"sluice.{name}")
        command = commands.add_parser(name, help=module.HELP, description=module.HELP[0].upper() + module.HELP[1:] + ".")
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return root


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: its own, 1 where it failed and says why, 2 where the settings are wrong."""
    words = sys.argv[1:] if words is None else words
    arguments = parser(words[0] if words else None).parse_args(words or ["--help"])
    if arguments.command not in INTERNAL_COMMANDS:  # commands say what matters themselves; libraries' warnings are no part of it
        logging.getLogger().addHandler(logging.NullHandler())
    try:
        code: int = arguments.run(arguments)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return WRONG_SETTINGS
    except PipelineError as error:
        print(f"sluice {arguments.command}: {error}", file=sys.stderr)
        return FAILED
    return code


if __name__ == "__main__":
    sys.exit(main())
