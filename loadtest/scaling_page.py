"""Writes docs/scaling.md and its plot from the simulation: `python -m loadtest.scaling_page`."""

from collections.abc import Sequence
from pathlib import Path

from loadtest import capacity
from loadtest.autoscaling import Moment, Scaler, reversals
from loadtest.scaling_scenarios import MINUTE, WORKERS, Scenario, burst, day, lag_alone, manifest_scaler, recorded, run, step_of_ten

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PLOT = DOCS / "scaling.md", DOCS / "scaling.svg"
SIDE_BY_SIDE = Path(__file__).with_name("results") / "side-by-side.md"
WIDTH, HEIGHT, LEFT, GAP = 900, 120, 60, 34
EVERY_SECONDS = 15
RATES = (1_000, 10_000, 100_000, 1_000_000)
SETTLED_SECONDS = 10.0

TEXT = """# Scaling

Gateways scale by CPU, sinks by CPU and lag, processors by how busy they are and lag. The numbers are those of `k8s/autoscaling/hpa/`; the
tables and the plot come from a simulation of Kubernetes' autoscaler (`loadtest/autoscaling.py`: ratio, tolerance of 10 %, stabilization
windows, policies, a round every 15 s) that reads the manifest, and are written by `python -m loadtest.scaling_page`.

The model: a worker does {rate:,.0f} events/s; a new one works after {start:.0f} s; nobody works for {stall:.0f} s when it joins; the
partitions of one that leaves wait {leave:.0f} s for it; the autoscaler sees what was {delay:.0f} s ago. *Recorded* is what a real stack was
sent (`loadtest/recorded_arrivals.csv`: a quiet start, a burst of more than ten times that, a quiet end), played thirty times.

## Processors: busy and lag

{both}

`turns` counts how often the number went up after it had gone down, or down after up: 1 is up once and down once.

![Ten times the load for three hours](scaling.svg)

## The same with lag alone

{alone}

Lag is near 0 whenever there are enough workers, so it proposes the minimum; fifteen minutes later workers begin to go, lag comes back,
and they are started again. How busy the workers are says what the load needs, whether they keep up or not.

## Settings that matter

| Setting | Value | Because |
|---|---|---|
| `maxReplicas` | {most} = `TOPIC_PARTITIONS` | a worker beyond it has nothing to do |
| `minReplicas` | {least} | none at all report no lag, and never come back by it |
| busy workers | {busy:.2f} for each | leaves room for a rebalance and for hours of growth |
| lag | {lag:.0f} s, the average over partitions | no number of workers helps one hot partition; a stopped worker does not count |
| up | doubling, or 2, in a minute | slow enough to see the effect of the last step |
| down | 1 in {down:.0f} minutes, after {window:.0f} minutes | every step moves partitions; Kubernetes' default takes all away at once |
| the sink's lag | stays at its target while ClickHouse refuses inserts | more sinks would make that worse |

Leave `replicas` out of the manifests of what is scaled, or each apply puts it back. Choose `TOPIC_PARTITIONS` for the largest number of
workers you will ever want: it cannot be changed in place.

## What a rate needs

A model (`loadtest/capacity.py`): processor time of a request and of each of its events, for every service, fitted to two loads measured
on two cores (one event a request, and {batch:.0f}), times the rate. Gateways, workers and sinks of one core each, {utilisation:.0%} busy;
brokers of {broker_cores} cores, three replicas; ClickHouse servers of {server_cores} cores, half of that for inserts and merges;
{body:,} bytes an event; {hot_days} days hot, {cold_days} days of Parquet and archive in object storage. Partitions are one and a half for
each worker, in dozens.

{needs}

The last column is rough: {core_hour} USD a core and hour, {disk} a GB of disk, {object} a GB of object storage and month, {put} a thousand
PUTs, no traffic; none of it is an offer of anybody. At high rates most of it is bytes, not events: claim checks (`LARGE_PAYLOAD_BYTES`),
`HOT_DAYS` and `EVENTS_RETENTION_HOURS` move it more than any code. One ClickHouse is one shard with replicas
([decisions](decisions.md)): where the table says more than one, projects are divided among stacks.

Checked against loads that the model was not fitted to, on the two cores where the generator runs as well:

{checks}

What the model does not know: that batches grow with the rate, so a request is dearer at low rates (the stack takes 0.15 cores when nothing
comes); rebalances, hot partitions, networks.

## One, two and four side by side

`python -m loadtest.side_by_side --markdown loadtest/results/side-by-side.md`: each number has a Kafka of its own and the same to do: 256
connections of one event a request, then 50 events a record, for 10 s. All of it shares two cores with Kafka and the generator.

{side}

Workers cost an event the same whether one, two or four share the work, and take the cores there are: 1.7 for two and for four, as Kafka
needs the rest. One gateway fills its core, and Kafka more than half of the other: more gateways divide what is left, and at four an event
is dearer, because fewer are handed over at a time. With cores of their own, the events of one core are what to multiply.
"""


def page() -> str:
    """Return docs/scaling.md."""
    scaler = manifest_scaler()
    by_name = {metric.is_average: metric.target for metric in scaler.metrics}
    return TEXT.format(
        rate=WORKERS.events_per_second,
        start=WORKERS.start_seconds,
        stall=WORKERS.rebalance_seconds,
        leave=WORKERS.leave_seconds,
        delay=WORKERS.metric_delay_seconds,
        both=_table(scaler),
        alone=_table(lag_alone(scaler)),
        most=scaler.max_replicas,
        least=scaler.min_replicas,
        busy=by_name[True],
        lag=by_name[False],
        **_capacity(),
        down=scaler.down.policies[0].period_seconds / MINUTE,
        window=scaler.down.window_seconds / MINUTE,
    )


def _capacity() -> dict[str, object]:
    """Return what the page says of the model of needs."""
    return {
        "batch": capacity.EVENTS_A_REQUEST,
        "utilisation": capacity.UTILISATION,
        "broker_cores": capacity.BROKER_CORES,
        "server_cores": capacity.CLICKHOUSE_CORES,
        "body": capacity.BODY_BYTES,
        "hot_days": capacity.HOT_DAYS,
        "cold_days": capacity.COLD_DAYS,
        "core_hour": capacity.CORE_HOUR,
        "disk": capacity.DISK_GB_MONTH,
        "object": capacity.OBJECT_GB_MONTH,
        "put": capacity.PUTS_1000,
        "needs": _needs_table(),
        "checks": _checks_table(),
        "side": SIDE_BY_SIDE.read_text().strip(),
    }


def _needs_table() -> str:
    rows = [
        "| Events/s | Gateways | Workers | Partitions | Sinks | Brokers | Kafka | ClickHouse | hot | objects | PUTs a day | USD, month |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for rate in RATES:
        found = capacity.needs(rate)
        rows.append(
            f"| {rate:,} | {found.gateways} | {found.workers} | {found.partitions} | {found.sinks} | {found.brokers} | "
            f"{found.kafka_bytes_a_second / 1e6:,.0f} MB/s | {found.clickhouse_servers} | {found.hot_bytes / 1e12:,.1f} TB | "
            f"{found.cold_bytes_a_month / 1e12:,.1f} TB | {found.puts_a_day:,.0f} | {found.usd:,.0f} |"
        )
    return "\n".join(rows)


def _checks_table() -> str:
    rows = ["| Load | measured | the model | of it |", "|---|---|---|---|"]
    for check in capacity.CHECKS:
        ratio = check.predicted_cores / check.measured_cores
        rows.append(f"| {check.load} | {check.measured_cores:.2f} cores | {check.predicted_cores:.2f} | {ratio:.0%} |")
    return "\n".join(rows)


def scenarios() -> tuple[Scenario, ...]:
    """Return what the page shows."""
    return step_of_ten(), burst(), day(), recorded(times=30)


def _table(scaler: Scaler) -> str:
    rows = ["| Load | most workers | changes | turns | worst lag | seconds with more than 10 s of it |", "|---|---|---|---|---|---|"]
    for scenario in scenarios():
        moments = run(scenario, scaler)
        numbers = [moment.replicas for moment in moments]
        changes = sum(1 for index in range(1, len(numbers)) if numbers[index] != numbers[index - 1])
        late = sum(1 for moment in moments if moment.lag_seconds > SETTLED_SECONDS)
        worst = max(moment.lag_seconds for moment in moments)
        rows.append(f"| {scenario.name} | {max(numbers)} | {changes} | {reversals(moments)} | {worst:.0f} s | {late} |")
    return "\n".join(rows)


def plot() -> str:
    """Return the plot of the step: load, workers and lag over time."""
    moments = run(step_of_ten(), manifest_scaler())[::EVERY_SECONDS]
    rows = [
        ("events/s", [moment.arriving for moment in moments]),
        ("workers", [float(moment.replicas) for moment in moments]),
        ("lag, s", [moment.lag_seconds for moment in moments]),
    ]
    height = len(rows) * (HEIGHT + GAP)
    body = "".join(_curve(name, values, index * (HEIGHT + GAP) + GAP // 2) for index, (name, values) in enumerate(rows))
    hours = "".join(_hour(hour, moments, height) for hour in range(int(moments[-1].at // 3600) + 1))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + LEFT + 20} {height + 10}" font-family="sans-serif" font-size="12">'
    )
    return f'{head}\n<rect width="100%" height="100%" fill="white"/>\n{hours}{body}</svg>\n'


def _curve(name: str, values: Sequence[float], top: int) -> str:
    most = max(values) or 1.0
    step = WIDTH / (len(values) - 1)
    points = " ".join(f"{LEFT + index * step:.1f},{top + HEIGHT - value / most * HEIGHT:.1f}" for index, value in enumerate(values))
    line = f'<polyline points="{points}" fill="none" stroke="#1f77b4" stroke-width="1.5"/>'
    axis = f'<line x1="{LEFT}" y1="{top + HEIGHT}" x2="{LEFT + WIDTH}" y2="{top + HEIGHT}" stroke="#999"/>'
    return f'{axis}\n{line}\n<text x="4" y="{top + 12}">{most:,.0f}</text><text x="{LEFT + 6}" y="{top + 12}">{name}</text>\n'


def _hour(hour: int, moments: Sequence[Moment], height: int) -> str:
    x = LEFT + hour * 3600 / moments[-1].at * WIDTH
    line = f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height - GAP // 2}" stroke="#eee"/>'
    return f'{line}<text x="{x:.1f}" y="{height}" fill="#666">{hour} h</text>\n'


if __name__ == "__main__":
    PAGE.write_text(page())
    PLOT.write_text(plot())
