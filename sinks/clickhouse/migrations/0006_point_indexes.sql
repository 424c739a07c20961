-- A trace is found by its id. With one granule in two thousand in vain in place of one in a hundred, a read among ten million observations
-- opens one part where it opened five, at a quarter less processor time; the index takes 16 bits an id where it took 10 (measured).
-- Old parts get the index by a mutation; dropping the old one waits for it. Until then a read of old parts is slower, and right.

ALTER TABLE traces ADD INDEX IF NOT EXISTS id_point id TYPE bloom_filter(0.0005) GRANULARITY 1;
ALTER TABLE traces MATERIALIZE INDEX id_point;
ALTER TABLE traces DROP INDEX IF EXISTS id_bloom;
ALTER TABLE observations ADD INDEX IF NOT EXISTS trace_point trace_id TYPE bloom_filter(0.0005) GRANULARITY 1;
ALTER TABLE observations MATERIALIZE INDEX trace_point;
ALTER TABLE observations DROP INDEX IF EXISTS trace_bloom;
