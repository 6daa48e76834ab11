"""What state a Kafka cluster is in for hubbub: does it answer, let us in, have the topics; does anything stand."""

from __future__ import annotations

import time

from infra.broker import Broker, BrokerMismatch, BrokerRefused, BrokerUnavailable
from infra.broker_url import open_broker
from infra.kafka.settings import KafkaSection
from infra.settings import BrokerSection, WrongSetting
from pipelines.doctor.finding import Finding
from pipelines.doctor.groups import look_at_dead_letters, look_at_groups, look_at_topics
from schemas.catalog import TOPICS


def look_at_kafka(section: BrokerSection, kafka: KafkaSection) -> list[Finding]:
    """Return the findings about the cluster that the settings name."""
    began = time.perf_counter()
    try:
        with open_broker(section, kafka) as broker:
            topics = broker.topics()
            took = (time.perf_counter() - began) * 1000
            under = f" under the prefix {kafka.topic_prefix!r}" if kafka.topic_prefix else ""
            told = f"{broker.url} answers in {took:.0f} ms and holds {len(topics)} topics{under}"
            return [
                Finding("broker", "fine", told),
                *_security(kafka),
                *look_at_topics(topics),
                *_missing(topics),
                *_hidden(broker, topics),
                *look_at_groups(broker),
                *look_at_dead_letters(broker, topics),
            ]
    except (WrongSetting, BrokerUnavailable, BrokerRefused, BrokerMismatch) as error:
        return [Finding("broker", "wrong", str(error))]


def _security(kafka: KafkaSection) -> list[Finding]:
    if not kafka.insecure or kafka.security_protocol.endswith("SSL"):
        return []
    return [Finding("broker", "look", "kafka.insecure is set: what travels can be read and changed on its way")]


def _missing(topics: dict[str, int]) -> list[Finding]:
    missing = [name for name in TOPICS if name not in topics]
    if not missing:
        return []
    named = "all topics" if len(missing) == len(TOPICS) else ", ".join(missing)
    return [Finding("topics", "look", f"not there yet: {named}; `hubbub topics create` makes them")]


def _hidden(broker: Broker, topics: dict[str, int]) -> list[Finding]:
    """Name topics where an open transaction holds back what was written; a healthy one is open for milliseconds."""
    open_ = [name for name in topics if not broker.settled([name])]
    if open_:
        time.sleep(1.0)
        open_ = [name for name in open_ if not broker.settled([name])]
    if not open_:
        return []
    return [
        Finding(
            "topics",
            "look",
            f"a transaction has been open for a second or more in {', '.join(open_)} and hides what lies behind it; "
            "that of a dead worker ends by itself after kafka.transaction_timeout_s",
        )
    ]
