-- Daily requests, latency, tokens, cost and errors, for SQL and dashboards. Plain views over FINAL: exact after replay, crash and late
-- update, because nothing is added up before it is asked for. Days that lie in object storage are left out; the read API has them.
-- A day is that on which the trace or observation began (UTC). Quantiles are exact, of those that have ended. Usage and cost are those of
-- counted observations; an unknown cost adds nothing, and `unpriced_count` says how many there are. `tokens` sums the token units.

CREATE OR REPLACE VIEW daily_models AS
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

CREATE OR REPLACE VIEW daily_projects AS
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

CREATE OR REPLACE VIEW daily_users AS
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

CREATE OR REPLACE VIEW daily_environments AS
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
