"""The engine on Apache Beam: local, and on Flink."""
