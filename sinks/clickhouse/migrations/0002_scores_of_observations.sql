-- Some clients score an observation without saying which trace it is in.

ALTER TABLE scores ADD INDEX IF NOT EXISTS observation_bloom observation_id TYPE bloom_filter(0.01) GRANULARITY 1;
