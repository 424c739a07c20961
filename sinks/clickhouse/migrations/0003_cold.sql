-- Days that lie in object storage. `stored_at` is when a row came into the table: what a mover has taken away is what was stored up
-- to its cut, so a row that comes later is never dropped with the others, whatever its version.

ALTER TABLE traces ADD COLUMN IF NOT EXISTS stored_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1));
ALTER TABLE observations ADD COLUMN IF NOT EXISTS stored_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1));
ALTER TABLE scores ADD COLUMN IF NOT EXISTS stored_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1));

-- What of a project is cold: the newest manifest of each day. Inserting a row here is what hands a day over to its objects.
CREATE TABLE IF NOT EXISTS cold_days (
    project_id LowCardinality(String),
    date Date,
    generation UInt64,
    cut_us Int64,
    is_settled Bool,
    manifest String CODEC(ZSTD(3)),
    published_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, date)
SETTINGS non_replicated_deduplication_window = 0;

-- Which days to open for an id, by its hash: 1 trace, 2 session, 3 user, 4 observation scored without its trace, 5 session scored.
-- An entry belongs to the attempt that made it (`cut_us`); for sessions and users it also says when their traces began and ended.
CREATE TABLE IF NOT EXISTS cold_index (
    project_id LowCardinality(String),
    kind UInt8,
    id_hash UInt64,
    date Date CODEC(Delta, ZSTD(1)),
    cut_us Int64 CODEC(Delta, ZSTD(1)),
    first_us SimpleAggregateFunction(min, Int64) CODEC(T64, ZSTD(1)),
    last_us SimpleAggregateFunction(max, Int64) CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(date)
ORDER BY (project_id, kind, id_hash, date, cut_us)
SETTINGS non_replicated_deduplication_window = 0;
