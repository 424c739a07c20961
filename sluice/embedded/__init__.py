"""The embedded stack: Kafka, the services and ClickHouse on one machine, without Docker."""
