"""Every metric Sluice exports, named and typed once: `<service>_<noun>_<unit>_total` and friends."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

GATEWAY_REQUESTS = Counter("gateway_requests_total", "Requests answered.", ("protocol", "status"))
GATEWAY_EVENTS = Counter("gateway_events_total", "Events acknowledged.", ("protocol",))
GATEWAY_REJECTED_EVENTS = Counter("gateway_rejected_events_total", "Events refused, by typed reason.", ("protocol", "reason"))
GATEWAY_RECEIVED_BYTES = Counter("gateway_received_bytes_total", "Body bytes read, as they came.", ("protocol",))
GATEWAY_ACK_SECONDS = Histogram("gateway_ack_seconds", "From request to Kafka's acknowledgement.", buckets=SECONDS_BUCKETS)
GATEWAY_DEAD_LETTERS = Counter("gateway_dead_letters_total", "Rejected events on their way to the dead letters, or not.", ("outcome",))
GATEWAY_KAFKA_AWAY = Gauge("gateway_kafka_away", "1 while requests are refused because Kafka does not answer.")
GATEWAY_ASSUMED_USAGE = Counter("gateway_assumed_usage_total", "Usage whose semantics the adapter had to guess.", ("semantics",))

GATEWAY_SIGNALS = Counter("gateway_signal_records_total", "Spans, log records and data points accepted over OTLP.", ("signal",))

GATEWAY_PROXY_RECORDS = Counter("gateway_proxy_records_total", "Proxied calls by what became of their record.", ("outcome",))

GATEWAY_SPOOL_BYTES = Gauge("gateway_spool_bytes", "Bytes on disk that wait for Kafka.")
GATEWAY_SPOOLED_RECORDS = Counter("gateway_spooled_records_total", "Records that went by way of the disk.", ("what",))

PROCESSOR_RECORDS = Counter("processor_records_total", "Records processed.")
PROCESSOR_EVENTS = Counter("processor_events_total", "Events merged.", ("entity",))
PROCESSOR_STEP_SECONDS = Histogram("processor_step_seconds", "Duration of one step.", buckets=SECONDS_BUCKETS)
PROCESSOR_ROWS = Counter("processor_rows_total", "Rows emitted.", ("topic",))
PROCESSOR_UNPRICED = Counter("processor_unpriced_total", "Generations without a known price.", ("reason",))
PROCESSOR_DEAD_LETTERS = Counter("processor_dead_letters_total", "Records dead-lettered.", ("reason",))
PROCESSOR_RESTATED = Counter("processor_restated_total", "Changelog keys stated again because another worker had written them.")
PROCESSOR_EVICTED = Counter("processor_evicted_total", "Entity states reduced or removed.", ("what",))

SINK_ROWS = Counter("sink_rows_total", "Rows stored.", ("sink", "table"))
SINK_BATCHES = Counter("sink_batches_total", "Batches stored.", ("sink", "table"))
SINK_WRITE_SECONDS = Histogram("sink_write_seconds", "Duration of one insert.", ("sink",), buckets=SECONDS_BUCKETS)
SINK_RETRIES = Counter("sink_retries_total", "Inserts tried again.", ("sink", "reason"))
SINK_DEAD_LETTERS = Counter("sink_dead_letters_total", "Rows dead-lettered.", ("sink", "reason"))
SINK_STORED_DELAY_SECONDS = Histogram(
    "sink_stored_delay_seconds", "From the gateway's stamp to stored.", ("table",), buckets=SECONDS_BUCKETS
)
SINK_LAG = Gauge("sink_lag_records", "Records behind.", ("sink", "topic", "partition"))

QUERY_REQUESTS = Counter("query_requests_total", "Reads answered.", ("route", "status"))
QUERY_SECONDS = Histogram("query_seconds", "Duration of a read.", ("route",), buckets=SECONDS_BUCKETS)
