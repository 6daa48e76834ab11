"""Real servers on this machine, from pip alone: Kafka and Flink for tests and for people at home."""
