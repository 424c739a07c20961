"""Every environment variable Sluice reads. docs/settings.md is generated from it."""

from pathlib import Path

from contract.gateway_variables import ACCESS, GATEWAY
from contract.variable import Variable
from contract.variable import variable as _v

KAFKA = (
    _v(
        "KAFKA_BOOTSTRAP_SERVERS",
        "str",
        "127.0.0.1:9092",
        "Kafka brokers, host:port, comma separated. `sluice up` starts its own broker when unset.",
    ),
    _v(
        "KAFKA_SECURITY_PROTOCOL",
        "str",
        "PLAINTEXT",
        "How brokers are reached.",
        choices=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    ),
    _v(
        "KAFKA_SASL_MECHANISM",
        "str",
        None,
        "SASL mechanism; without TLS a password goes over the wire in clear with PLAIN.",
        choices=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
    ),
    _v("KAFKA_SASL_USERNAME", "str", None, "SASL user name."),
    _v("KAFKA_SASL_PASSWORD", "str", None, "SASL password.", is_secret=True),
    _v("KAFKA_SSL_CA_FILE", "str", None, "CA file (PEM) that signs the brokers' certificates; unset: the system's."),
    _v("KAFKA_SSL_CERT_FILE", "str", None, "Certificate chain (PEM) to show to brokers that ask clients for one."),
    _v("KAFKA_SSL_KEY_FILE", "str", None, "Key of that certificate (PEM)."),
    _v("KAFKA_SSL_KEY_PASSWORD", "str", None, "Password of that key, if it has one.", is_secret=True),
    _v(
        "TOPIC_PARTITIONS",
        "int",
        12,
        "Partitions of every data topic. Chosen when the topics are made, never changed in place: state is partition-local.",
        at_least=1,
        at_most=1000,
    ),
    _v("TOPIC_REPLICATION_FACTOR", "int", 1, "Replicas of every topic; 3 in production.", at_least=1, at_most=9),
    _v("EVENTS_RETENTION_HOURS", "int", 168, "How long the events topic keeps what it took in.", at_least=1),
    _v("SCHEMA_REGISTRY_URL", "str", None, "When set, Kafka records use the Confluent wire format; otherwise Avro single-object encoding."),
)

STORE = (
    _v(
        "CLICKHOUSE_URL",
        "str",
        None,
        "ClickHouse over HTTP, such as http://user:password@host:8123. Unset: ClickHouse runs inside the store process.",
        is_secret=True,
    ),
    _v("CLICKHOUSE_PATH", "path", Path(".sluice/clickhouse"), "Where ClickHouse inside the process keeps its data; one process owns it."),
    _v(
        "CLICKHOUSE_READ_URL",
        "str",
        None,
        "Where reads go, when not to CLICKHOUSE_URL: one replica or several, comma separated; the next one where one does not answer.",
        is_secret=True,
    ),
    _v(
        "CLICKHOUSE_CLUSTER",
        "str",
        None,
        "Name of a ClickHouse cluster, or {cluster}: tables are then made ON CLUSTER and replicated, see docs/store.md.",
    ),
    _v(
        "CLICKHOUSE_POOL_OPEN",
        "int",
        20,
        "Most connections to ClickHouse that the read API has open; QUERY_THREADS beyond it wait.",
        at_least=1,
        at_most=64,
    ),
    _v("CLICKHOUSE_POOL_IDLE", "int", 10, "Connections to ClickHouse that are kept for the next statement.", at_least=1, at_most=64),
    _v("CLICKHOUSE_POOL_SECONDS", "int", 300, "After this long a connection to ClickHouse is made anew.", at_least=1, at_most=3600),
    _v("CLICKHOUSE_CA_FILE", "path", None, "CA file (PEM) that signs the certificate of an https:// ClickHouse; unset: the system's."),
    _v("CLICKHOUSE_CLIENT_CERT_FILE", "path", None, "Certificate chain (PEM) to show to ClickHouse."),
    _v("CLICKHOUSE_CLIENT_KEY_FILE", "path", None, "Key of that certificate (PEM), where it is not in the same file."),
    _v("CLICKHOUSE_SERVER_NAME", "str", None, "Name in ClickHouse's certificate, where it is reached by another, such as a tunnel's."),
    _v("CLICKHOUSE_DATABASE", "str", "sluice", "Database that holds Sluice's tables."),
    _v("CLICKHOUSE_CONNECT_TIMEOUT_SECONDS", "int", 5, "Patience for a connection to ClickHouse.", at_least=1, at_most=60),
    _v(
        "CLICKHOUSE_SEND_TIMEOUT_SECONDS",
        "int",
        60,
        "Patience for one statement; an insert that takes longer is retried with the same token.",
        at_least=1,
        at_most=240,
    ),
)

OBJECTS = (
    _v("OBJECT_DIR", "path", Path(".sluice/objects"), "Where attachments and other objects are kept while S3_BUCKET is unset."),
    _v("S3_BUCKET", "str", None, "Bucket for objects; credentials come as the AWS SDK finds them."),
    _v("S3_ENDPOINT_URL", "str", None, "Address of an S3 server that is not Amazon's, such as MinIO."),
    _v("S3_REGION", "str", None, "Region of the bucket."),
    _v("S3_CA_FILE", "path", None, "CA file (PEM) that signs the certificate of S3_ENDPOINT_URL; unset: the SDK's own."),
)

PROCESSOR = (
    _v("WORKER_GROUP", "str", "sluice-processors", "Consumer group of the processors; also the prefix of their changelog topics."),
    _v("WORKER_DATA_DIR", "path", Path(".sluice/worker"), "Where the processor keeps its RocksDB tables."),
    _v("WORKER_WEB_PORT", "int", 6066, "HTTP port of a worker: health and metrics; 0 picks a free one.", at_least=0, at_most=65535),
    _v("WORKER_WEB_HOST", "str", "127.0.0.1", "Address of a worker's health and metrics; 0.0.0.0 in a container."),
    _v(
        "WORKER_INSTANCE_ID",
        "str",
        None,
        "Static group membership: a name unique to this worker, so that a restart causes no rebalance; "
        "`@hostname` is the host's, or the pod's.",
    ),
    _v("WORKER_BATCH_RECORDS", "int", 200, "Most records in one processor step.", at_least=1, at_most=10_000),
    _v(
        "WORKER_BATCH_WAIT_MS",
        "int",
        25,
        "How long a step waits for more records, at most a tenth of WRITE_INTERVAL_MS; up to four times as long where many come.",
        at_least=1,
        at_most=5_000,
    ),
    _v(
        "WORKER_SESSION_TIMEOUT_SECONDS",
        "int",
        20,
        "After this long without a heartbeat a worker's partitions go to another.",
        at_least=6,
        at_most=300,
    ),
    _v(
        "MERGE_WINDOW_SECONDS",
        "int",
        3600,
        "How long an entity's payload stays in the processor after its last event; later updates are merged by the sink.",
        at_least=1,
    ),
    _v(
        "STATE_RETENTION_SECONDS",
        "int",
        86_400,
        "How long the small remainder (who counted what) is kept, so that totals stay exact.",
        at_least=1,
    ),
    _v("PRICE_OVERRIDES_FILE", "path", None, "JSON file of your own prices; they go before the catalogue's."),
    _v("ROCKSDB_CACHE_BYTES", "int", 8 * 1024 * 1024, "Block cache of each RocksDB database (one per table and partition).", at_least=1024),
    _v("ROCKSDB_WRITE_BUFFER_BYTES", "int", 4 * 1024 * 1024, "Write buffer of each RocksDB database.", at_least=1024),
)

SINK = (
    _v("SINK_GROUP", "str", "sluice-clickhouse", "Consumer group of the ClickHouse sink."),
    _v(
        "SINK_INSTANCE_ID",
        "str",
        None,
        "Static group membership: a name unique to this sink, so that a restart causes no rebalance; "
        "`@hostname` is the host's, or the pod's.",
    ),
    _v(
        "SINK_SESSION_TIMEOUT_SECONDS",
        "int",
        10,
        "After this long without a heartbeat a sink's partitions go to another.",
        at_least=6,
        at_most=300,
    ),
    _v("SINK_WEB_HOST", "str", "127.0.0.1", "Address of a sink's health and metrics; 0.0.0.0 in a container."),
    _v("SINK_WEB_PORT", "int", 6070, "HTTP port of a sink: health and metrics; 0 picks a free one.", at_least=0, at_most=65535),
    _v("BATCH_SIZE", "int", 500, "Rows that make a batch; grows with lag up to MAX_BATCH_SIZE.", at_least=1, at_most=1_000_000),
    _v("MAX_BATCH_SIZE", "int", 20_000, "Rows of a batch while the sink catches up.", at_least=1, at_most=1_000_000),
    _v("MAX_BATCH_BYTES", "int", 16 * 1024 * 1024, "Bytes that make a batch, whatever its rows.", at_least=1024),
    _v("SINK_BUFFER_BYTES", "int", 64 * 1024 * 1024, "Bytes a sink holds before it stops fetching.", at_least=1024 * 1024),
    _v("WRITE_INTERVAL_MS", "int", 500, "Oldest a row may get before its batch is written.", at_least=10, at_most=60_000),
    _v(
        "TOTALS_INTERVAL_MS",
        "int",
        500,
        "Oldest a session's or user's totals may get before they are written, where that is longer than WRITE_INTERVAL_MS.",
        at_least=10,
        at_most=60_000,
    ),
    _v("CONCURRENT_WRITERS", "int", 8, "Inserts at a time; a partition is in one of them, so order holds.", at_least=1, at_most=64),
    _v(
        "SLOW_INSERT_SECONDS",
        "float",
        5.0,
        "An insert of more than this makes the sink run fewer at a time, down to one; quick ones bring it back to CONCURRENT_WRITERS.",
        at_least=0.05,
        at_most=3600,
    ),
    _v("RETRY_BACKOFF_MAX_SECONDS", "float", 15.0, "Longest pause between two tries while the store refuses.", at_least=0.1, at_most=300),
    _v(
        "POISON_RUN_LIMIT",
        "int",
        1_000,
        "Bad records in a row that stop a sink or worker instead of draining a topic into dead letters.",
        at_least=1,
    ),
    _v(
        "POISON_RATIO_LIMIT",
        "float",
        0.5,
        "Share of bad records among the last thousand of a partition that stops a sink or worker.",
        at_least=0.0,
        at_most=1.0,
    ),
)

ARCHIVE = (
    _v("ARCHIVE_EVENTS", "bool", True, "Whether the store process of `sluice up` archives the events topic to object storage."),
    _v("ARCHIVE_GROUP", "str", "sluice-archive", "Consumer group of the archive sink."),
    _v(
        "ARCHIVE_BATCH_BYTES",
        "int",
        8 * 1024 * 1024,
        "Bytes of events that make an archive object, before compression; at most SINK_BUFFER_BYTES divided by TOPIC_PARTITIONS.",
        at_least=1024,
        at_most=1024 * 1024 * 1024,
    ),
    _v("ARCHIVE_INTERVAL_SECONDS", "float", 60.0, "Oldest an event may get before it is archived.", at_least=0.1, at_most=3600),
)

COLD = (
    _v(
        "HOT_DAYS",
        "int",
        7,
        "Days before today (UTC) that stay in ClickHouse; older ones move to object storage.",
        at_least=0,
        at_most=36_500,
    ),
    _v(
        "RETENTION_DAYS",
        "int",
        0,
        "Days before today that are kept at all; older rows are deleted, hot and cold. 0 keeps everything.",
        at_least=0,
        at_most=36_500,
    ),
    _v("COLD_CRON", "str", "0 0 * * *", "When the store process moves old days (cron, UTC); off: only when it is asked to."),
    _v("COLD_OBJECT_ROWS", "int", 500_000, "About how many rows make an object.", at_least=1_000, at_most=100_000_000),
    _v(
        "COLD_MEMORY_BYTES",
        "int",
        1024 * 1024 * 1024,
        "Memory of one statement of the mover; what does not fit is sorted on disk.",
        at_least=64 * 1024 * 1024,
    ),
    _v("COLD_THREADS", "int", 1, "Threads of one statement of the mover.", at_least=1, at_most=64),
    _v(
        "COLD_SETTLE_SECONDS",
        "float",
        2.0,
        "How far the clocks of ClickHouse's servers may lie apart: rows stored later than this before a run stay for the next one.",
        at_least=0,
        at_most=3600,
    ),
)

EVALUATORS = (
    _v(
        "EVALUATORS_FILE",
        "path",
        None,
        "JSON file of the evaluators that score finished observations and traces, see docs/evaluators.md; unset: none run.",
    ),
    _v("EVALUATORS_GROUP", "str", "sluice-evaluators", "Consumer group of the evaluators."),
)

QUERY = (
    _v("QUERY_HOST", "str", "127.0.0.1", "Address the read API listens on."),
    _v("QUERY_HTTP_PORT", "int", 8090, "HTTP port of the read API; 0 picks a free one.", at_least=0, at_most=65535),
    _v("QUERY_TLS_CERT_FILE", "path", None, "Certificate chain (PEM): with it and its key the read API also answers HTTPS."),
    _v("QUERY_TLS_KEY_FILE", "path", None, "Key of the certificate (PEM)."),
    _v(
        "QUERY_HTTPS_PORT",
        "int",
        8453,
        "HTTPS port of the read API, where it has a certificate; 0 picks a free one.",
        at_least=0,
        at_most=65535,
    ),
    _v("CACHE_TTL_SECONDS", "int", 300, "How long an aggregate over a closed time range may be reused.", at_least=0, at_most=86_400),
    _v("QUERY_TIMEOUT_SECONDS", "int", 30, "Longest a read may take.", at_least=1, at_most=600),
    _v(
        "QUERY_PROJECT_THREADS",
        "int",
        4,
        "Statements that one project may have running at a time, so that others find a thread; the next ones wait.",
        at_least=1,
        at_most=64,
    ),
    _v("QUERY_THREADS", "int", 6, "Statements of the read API at a time; each has a connection of its own.", at_least=1, at_most=64),
)

EMBEDDED = (
    _v("SLUICE_DATA_DIR", "path", Path(".sluice"), "Where `sluice up` keeps everything."),
    _v("SLUICE_ADMIN_KEY", "str", None, "The key `sluice delete` shows; without it that of the running stack.", is_secret=True),
    _v("KAFKA_HEAP_MB", "int", 512, "Java heap of the embedded Kafka.", at_least=128, at_most=65_536),
    _v("EMBEDDED_KAFKA_PORT", "int", 0, "Port of the embedded Kafka; 0 picks a free one.", at_least=0, at_most=65535),
)

SERVICES = (
    _v("LOG_LEVEL", "str", "INFO", "How much is logged.", choices=("DEBUG", "INFO", "WARNING", "ERROR")),
    _v("LOG_FORMAT", "str", "text", "One line of text or of JSON per log entry.", choices=("text", "json")),
    _v(
        "PIPELINE_TRACES_ENDPOINT",
        "str",
        None,
        "Where traces of the pipeline itself go, OTLP over HTTP, such as http://collector:4318/v1/traces; unset: none are made.",
    ),
    _v("PIPELINE_TRACES_RATIO", "float", 0.01, "Share of requests that have a trace.", at_least=0.0, at_most=1.0),
    _v(
        "METRICS_PROJECTS",
        "int",
        500,
        "Projects that a gateway meters under their own name; those beyond it share one.",
        at_least=0,
        at_most=10_000,
    ),
)

DEGRADATION = (
    _v(
        "MAX_QUEUE_SIZE",
        "int",
        100_000,
        "Records of `events` that may wait for the processors: from 80 % on the level of degradation rises, see docs/operations.md.",
        at_least=10,
    ),
    _v(
        "MAX_QUEUE_SECONDS",
        "float",
        300.0,
        "The same in time: how long the oldest record may have waited, for processors or store.",
        at_least=1,
    ),
    _v("DEGRADATION_HOLD_SECONDS", "float", 10.0, "How long it must be calm before the level falls by one.", at_least=0.1, at_most=3600),
    _v(
        "DEGRADATION_SILENCE_SECONDS",
        "float",
        30.0,
        "Without a word from the controller for this long a service goes back to level 0; more than a worker's session and recovery take.",
        at_least=10,
        at_most=3600,
    ),
)

GROUPS: dict[str, tuple[Variable, ...]] = {
    "Kafka": KAFKA,
    "ClickHouse": STORE,
    "Gateway": GATEWAY,
    "Object storage": OBJECTS,
    "Processors": PROCESSOR,
    "Sinks": SINK,
    "Archive": ARCHIVE,
    "Hot and cold": COLD,
    "Evaluators": EVALUATORS,
    "Query": QUERY,
    "Gateway and query": ACCESS,
    "Degradation": DEGRADATION,
    "Embedded stack": EMBEDDED,
    "Every service": SERVICES,
}
VARIABLES: dict[str, Variable] = {variable.name: variable for group in GROUPS.values() for variable in group}
