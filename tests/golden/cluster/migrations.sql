CREATE TABLE IF NOT EXISTS migrations ON CLUSTER 'sluice' (
    name String,
    checksum String,
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', applied_at) ORDER BY name;

CREATE TABLE IF NOT EXISTS traces ON CLUSTER 'sluice' (
    project_id LowCardinality(String),
    id String,
    start_time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    end_time Nullable(DateTime64(6, 'UTC')),
    name String,
    session_id String,
    user_id String,
    input String CODEC(ZSTD(1)),
    output String CODEC(ZSTD(1)),
    metadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    tags Array(LowCardinality(String)),
    environment LowCardinality(String),
    release LowCardinality(String),
    version LowCardinality(String),
    public Nullable(Bool),
    level LowCardinality(String),
    observation_count Int64,
    generation_count Int64,
    error_count Int64,
    unpriced_count Int64,
    usage Map(LowCardinality(String), Int64),
    cost Map(LowCardinality(String), Decimal(38, 12)),
    total_cost Decimal(38, 12),
    stamps String CODEC(ZSTD(1)),
    row_version UInt64,
    is_deleted UInt8,
    INDEX id_bloom id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX session_bloom session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX user_bloom user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX start_minmax start_time TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', row_version, is_deleted)
PARTITION BY toDate(start_time)
ORDER BY (project_id, toStartOfHour(start_time), id)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, min_free_disk_bytes_to_perform_insert = 67108864;

CREATE TABLE IF NOT EXISTS observations ON CLUSTER 'sluice' (
    project_id LowCardinality(String),
    id String,
    trace_id String,
    parent_id String,
    kind LowCardinality(String),
    name String,
    start_time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    end_time Nullable(DateTime64(6, 'UTC')),
    completion_start_time Nullable(DateTime64(6, 'UTC')),
    model LowCardinality(String),
    requested_model LowCardinality(String),
    provider LowCardinality(String),
    model_parameters Map(LowCardinality(String), String),
    usage Map(LowCardinality(String), Int64),
    usage_semantics LowCardinality(String),
    reported_cost Map(LowCardinality(String), Decimal(38, 12)),
    cost Map(LowCardinality(String), Decimal(38, 12)),
    total_cost Nullable(Decimal(38, 12)),
    cost_source LowCardinality(String),
    price_version LowCardinality(String),
    unpriced_reason LowCardinality(String),
    is_counted Bool,
    service_tier LowCardinality(String),
    input String CODEC(ZSTD(1)),
    output String CODEC(ZSTD(1)),
    metadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    tags Array(LowCardinality(String)),
    level LowCardinality(String),
    status_message String,
    environment LowCardinality(String),
    release LowCardinality(String),
    version LowCardinality(String),
    prompt_name LowCardinality(String),
    prompt_version LowCardinality(String),
    session_id String,
    user_id String,
    protocol LowCardinality(String),
    degradation_level UInt8,
    stamps String CODEC(ZSTD(1)),
    row_version UInt64,
    is_deleted UInt8,
    INDEX id_bloom id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX trace_bloom trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX start_minmax start_time TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', row_version, is_deleted)
PARTITION BY toDate(start_time)
ORDER BY (project_id, toStartOfHour(start_time), trace_id, id)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, min_free_disk_bytes_to_perform_insert = 67108864;

CREATE TABLE IF NOT EXISTS scores ON CLUSTER 'sluice' (
    project_id LowCardinality(String),
    id String,
    trace_id String,
    observation_id String,
    session_id String,
    name LowCardinality(String),
    start_time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    value Nullable(Float64),
    string_value String,
    data_type LowCardinality(String),
    comment String CODEC(ZSTD(1)),
    metadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    source LowCardinality(String),
    environment LowCardinality(String),
    config_id String,
    stamps String CODEC(ZSTD(1)),
    row_version UInt64,
    is_deleted UInt8,
    INDEX id_bloom id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX trace_bloom trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX session_bloom session_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', row_version, is_deleted)
PARTITION BY toDate(start_time)
ORDER BY (project_id, toStartOfHour(start_time), trace_id, id)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, min_free_disk_bytes_to_perform_insert = 67108864;

CREATE TABLE IF NOT EXISTS sessions ON CLUSTER 'sluice' (
    project_id LowCardinality(String),
    id String,
    source_partition UInt32,
    fence UInt64,
    updated_at DateTime64(6, 'UTC'),
    trace_count Int64,
    observation_count Int64,
    generation_count Int64,
    error_count Int64,
    unpriced_count Int64,
    usage Map(LowCardinality(String), Int64),
    cost Map(LowCardinality(String), Decimal(38, 12)),
    total_cost Decimal(38, 12),
    INDEX updated_minmax updated_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', fence)
ORDER BY (project_id, id, source_partition)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, min_free_disk_bytes_to_perform_insert = 67108864;

CREATE TABLE IF NOT EXISTS users ON CLUSTER 'sluice' AS sessions
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', fence)
ORDER BY (project_id, id, source_partition)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE scores ON CLUSTER 'sluice' ADD INDEX IF NOT EXISTS observation_bloom observation_id TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE traces ON CLUSTER 'sluice' ADD COLUMN IF NOT EXISTS stored_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1));

ALTER TABLE observations ON CLUSTER 'sluice' ADD COLUMN IF NOT EXISTS stored_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1));

ALTER TABLE scores ON CLUSTER 'sluice' ADD COLUMN IF NOT EXISTS stored_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1));

CREATE TABLE IF NOT EXISTS cold_days ON CLUSTER 'sluice' (
    project_id LowCardinality(String),
    date Date,
    generation UInt64,
    cut_us Int64,
    is_settled Bool,
    manifest String CODEC(ZSTD(3)),
    published_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC'),
    version UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
ORDER BY (project_id, date)
SETTINGS replicated_deduplication_window = 0, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS cold_index ON CLUSTER 'sluice' (
    project_id LowCardinality(String),
    kind UInt8,
    id_hash UInt64,
    date Date CODEC(Delta, ZSTD(1)),
    cut_us Int64 CODEC(Delta, ZSTD(1)),
    first_us SimpleAggregateFunction(min, Int64) CODEC(T64, ZSTD(1)),
    last_us SimpleAggregateFunction(max, Int64) CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(date)
ORDER BY (project_id, kind, id_hash, date, cut_us)
SETTINGS replicated_deduplication_window = 0, replicated_deduplication_window_seconds = 604800;

ALTER TABLE traces ON CLUSTER 'sluice' ADD INDEX IF NOT EXISTS input_ngrams lowerUTF8(input) TYPE ngrambf_v1(4, 65536, 1, 0) GRANULARITY 1;

ALTER TABLE traces ON CLUSTER 'sluice' ADD INDEX IF NOT EXISTS output_ngrams lowerUTF8(output) TYPE ngrambf_v1(4, 65536, 1, 0) GRANULARITY 1;

ALTER TABLE traces ON CLUSTER 'sluice' MODIFY SETTING exclude_materialize_skip_indexes_on_merge = 'input_ngrams,output_ngrams';

ALTER TABLE observations ON CLUSTER 'sluice' ADD INDEX IF NOT EXISTS input_ngrams lowerUTF8(input) TYPE ngrambf_v1(4, 65536, 1, 0) GRANULARITY 1;

ALTER TABLE observations ON CLUSTER 'sluice' ADD INDEX IF NOT EXISTS output_ngrams lowerUTF8(output) TYPE ngrambf_v1(4, 65536, 1, 0) GRANULARITY 1;

ALTER TABLE observations ON CLUSTER 'sluice' MODIFY SETTING exclude_materialize_skip_indexes_on_merge = 'input_ngrams,output_ngrams';

CREATE TABLE IF NOT EXISTS search_days ON CLUSTER 'sluice' (
    table_name LowCardinality(String),
    date Date,
    parts UInt64,
    made_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', made_at)
ORDER BY (table_name, date)
SETTINGS replicated_deduplication_window = 0, replicated_deduplication_window_seconds = 604800;

CREATE OR REPLACE VIEW daily_models ON CLUSTER 'sluice' AS
SELECT
    held.project_id AS project_id,
    toDate(held.start_time) AS date,
    held.model AS model,
    held.provider AS provider,
    count() AS request_count,
    countIf(held.level = 'ERROR') AS error_count,
    countIf(held.total_cost IS NULL AND held.kind = 'generation') AS unpriced_count,
    count(held.latency_us) AS ended_count,
    avg(held.latency_us) / 1000 AS mean_ms,
    quantileExactOrNull(0.5)(held.latency_us) / 1000 AS p50_ms,
    quantileExactOrNull(0.95)(held.latency_us) / 1000 AS p95_ms,
    quantileExactOrNull(0.99)(held.latency_us) / 1000 AS p99_ms,
    sumMapIf(held.usage, held.is_counted) AS usage,
    arraySum(mapValues(mapFilter((unit, amount) -> match(unit, '(input|output)$'), usage))) AS tokens,
    sumIf(ifNull(held.total_cost, 0), held.is_counted) AS total_cost
FROM (
    SELECT project_id, start_time, model, provider, level, kind, usage, is_counted, total_cost,
        toUnixTimestamp64Micro(end_time) - toUnixTimestamp64Micro(start_time) AS latency_us
    FROM observations FINAL
) AS held
WHERE held.model != ''
GROUP BY project_id, date, model, provider
HAVING (project_id, date) NOT IN (SELECT project_id, date FROM cold_days FINAL);

CREATE OR REPLACE VIEW daily_projects ON CLUSTER 'sluice' AS
SELECT
    held.project_id AS project_id,
    toDate(held.start_time) AS date,
    count() AS request_count,
    sum(held.observation_count) AS observation_count,
    sum(held.error_count) AS error_count,
    sum(held.unpriced_count) AS unpriced_count,
    count(held.latency_us) AS ended_count,
    avg(held.latency_us) / 1000 AS mean_ms,
    quantileExactOrNull(0.5)(held.latency_us) / 1000 AS p50_ms,
    quantileExactOrNull(0.95)(held.latency_us) / 1000 AS p95_ms,
    quantileExactOrNull(0.99)(held.latency_us) / 1000 AS p99_ms,
    sumMap(held.usage) AS usage,
    arraySum(mapValues(mapFilter((unit, amount) -> match(unit, '(input|output)$'), usage))) AS tokens,
    sum(held.total_cost) AS total_cost
FROM (
    SELECT project_id, start_time, observation_count, error_count, unpriced_count, usage, total_cost,
        toUnixTimestamp64Micro(end_time) - toUnixTimestamp64Micro(start_time) AS latency_us
    FROM traces FINAL
) AS held
GROUP BY project_id, date
HAVING (project_id, date) NOT IN (SELECT project_id, date FROM cold_days FINAL);

CREATE OR REPLACE VIEW daily_users ON CLUSTER 'sluice' AS
SELECT
    held.project_id AS project_id,
    toDate(held.start_time) AS date,
    held.user_id AS user_id,
    count() AS request_count,
    sum(held.observation_count) AS observation_count,
    sum(held.error_count) AS error_count,
    sum(held.unpriced_count) AS unpriced_count,
    count(held.latency_us) AS ended_count,
    avg(held.latency_us) / 1000 AS mean_ms,
    quantileExactOrNull(0.5)(held.latency_us) / 1000 AS p50_ms,
    quantileExactOrNull(0.95)(held.latency_us) / 1000 AS p95_ms,
    quantileExactOrNull(0.99)(held.latency_us) / 1000 AS p99_ms,
    sumMap(held.usage) AS usage,
    arraySum(mapValues(mapFilter((unit, amount) -> match(unit, '(input|output)$'), usage))) AS tokens,
    sum(held.total_cost) AS total_cost
FROM (
    SELECT project_id, user_id, start_time, observation_count, error_count, unpriced_count, usage, total_cost,
        toUnixTimestamp64Micro(end_time) - toUnixTimestamp64Micro(start_time) AS latency_us
    FROM traces FINAL
) AS held
WHERE held.user_id != ''
GROUP BY project_id, date, user_id
HAVING (project_id, date) NOT IN (SELECT project_id, date FROM cold_days FINAL);

CREATE OR REPLACE VIEW daily_environments ON CLUSTER 'sluice' AS
SELECT
    held.project_id AS project_id,
    toDate(held.start_time) AS date,
    if(held.environment = '', 'default', held.environment) AS environment,
    count() AS request_count,
    sum(held.observation_count) AS observation_count,
    sum(held.error_count) AS error_count,
    sum(held.unpriced_count) AS unpriced_count,
    count(held.latency_us) AS ended_count,
    avg(held.latency_us) / 1000 AS mean_ms,
    quantileExactOrNull(0.5)(held.latency_us) / 1000 AS p50_ms,
    quantileExactOrNull(0.95)(held.latency_us) / 1000 AS p95_ms,
    quantileExactOrNull(0.99)(held.latency_us) / 1000 AS p99_ms,
    sumMap(held.usage) AS usage,
    arraySum(mapValues(mapFilter((unit, amount) -> match(unit, '(input|output)$'), usage))) AS tokens,
    sum(held.total_cost) AS total_cost
FROM (
    SELECT project_id, environment, start_time, observation_count, error_count, unpriced_count, usage, total_cost,
        toUnixTimestamp64Micro(end_time) - toUnixTimestamp64Micro(start_time) AS latency_us
    FROM traces FINAL
) AS held
GROUP BY project_id, date, environment
HAVING (project_id, date) NOT IN (SELECT project_id, date FROM cold_days FINAL);

ALTER TABLE traces ON CLUSTER 'sluice' ADD INDEX IF NOT EXISTS id_point id TYPE bloom_filter(0.0005) GRANULARITY 1;

ALTER TABLE traces ON CLUSTER 'sluice' MATERIALIZE INDEX id_point;

ALTER TABLE traces ON CLUSTER 'sluice' DROP INDEX IF EXISTS id_bloom;

ALTER TABLE observations ON CLUSTER 'sluice' ADD INDEX IF NOT EXISTS trace_point trace_id TYPE bloom_filter(0.0005) GRANULARITY 1;

ALTER TABLE observations ON CLUSTER 'sluice' MATERIALIZE INDEX trace_point;

ALTER TABLE observations ON CLUSTER 'sluice' DROP INDEX IF EXISTS trace_bloom;
