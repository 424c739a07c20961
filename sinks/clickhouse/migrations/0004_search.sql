-- Text search in input and output, whatever the case. A search looks for all 4-grams of what is asked, so one hash function is enough;
-- 64 KiB are under 1 % of the text of a granule.
-- Making the index during an insert and its merges costs more CPU than the insert itself (+ 70 %, 1 kB texts, measured), so neither
-- does: it is made once for a day that is over, by the job that moves old days. Parts without it are read without it.

ALTER TABLE traces ADD INDEX IF NOT EXISTS input_ngrams lowerUTF8(input) TYPE ngrambf_v1(4, 65536, 1, 0) GRANULARITY 1;
ALTER TABLE traces ADD INDEX IF NOT EXISTS output_ngrams lowerUTF8(output) TYPE ngrambf_v1(4, 65536, 1, 0) GRANULARITY 1;
ALTER TABLE traces MODIFY SETTING exclude_materialize_skip_indexes_on_merge = 'input_ngrams,output_ngrams';
ALTER TABLE observations ADD INDEX IF NOT EXISTS input_ngrams lowerUTF8(input) TYPE ngrambf_v1(4, 65536, 1, 0) GRANULARITY 1;
ALTER TABLE observations ADD INDEX IF NOT EXISTS output_ngrams lowerUTF8(output) TYPE ngrambf_v1(4, 65536, 1, 0) GRANULARITY 1;
ALTER TABLE observations MODIFY SETTING exclude_materialize_skip_indexes_on_merge = 'input_ngrams,output_ngrams';

-- Of which parts a day's index was made; the day is done again where it has others now.
CREATE TABLE IF NOT EXISTS search_days (
    table_name LowCardinality(String),
    date Date,
    parts UInt64,
    made_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(made_at)
ORDER BY (table_name, date)
SETTINGS non_replicated_deduplication_window = 0;
