"""What several services know of the store's schema. Pure."""

NEWEST_MIGRATION = "0006_point_indexes"
"""What reads need; the last of `sinks/clickhouse/migrations`."""

SEARCH_INDEXES = ("input_ngrams", "output_ngrams")
"""The indexes of text search. Neither inserts nor merges make them: that would cost more than the rest of an insert."""

SEARCHED_TABLES = ("traces", "observations")
