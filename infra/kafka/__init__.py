"""The broker on Apache Kafka."""
