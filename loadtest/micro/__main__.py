"""`make micro`: how long each hot function takes by pyperf, in processes of its own; figures are of one call over one request."""

import pyperf

from loadtest.micro.cases import cases


def main() -> None:
    """Measure every case; pyperf's own arguments work (`--fast`, `-o results.json`)."""
    runner = pyperf.Runner(program_args=("-m", "loadtest.micro"))
    for case in cases():
        runner.bench_func(f"{case.name}, {case.events} events", case.call)


if __name__ == "__main__":
    main()
