"""How long tests wait for what must come: only what hangs is given up, however slow the machine is."""

from __future__ import annotations

PATIENCE_S = 600.0
# One answer of a Kafka broker, for clients that a test has asked nothing else of. A job to the end of its input ends
# with status 3 when an answer does not come in time: right for it, and no finding of a test.
ANSWER_S = 60.0
# For kafka-python's administrators.
ADMIN = {"bootstrap_timeout_ms": 300_000, "request_timeout_ms": 300_000}
