"""What kafka-python raises, in the port's own terms: away, refused, mismatched, fenced."""

from __future__ import annotations

from kafka import errors

from infra.broker import BrokerAway, BrokerMismatch, BrokerRefused, BrokerUnavailable, Fenced
from infra.kafka.connection import KafkaConnection

FENCING = (
    errors.ProducerFencedError,
    errors.InvalidProducerEpochError,
    errors.FencedInstanceIdError,
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
    errors.RebalanceInProgressError,
    errors.CommitFailedError,
    errors.TransactionCoordinatorFencedError,
    errors.InvalidProducerIdMappingError,
    errors.NonEmptyGroupError,
)
REFUSING = (
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
    errors.AuthorizationError,
    errors.SecurityDisabledError,
)
MISMATCHING = (
    errors.InvalidTopicError,
    errors.InvalidPartitionsError,
    errors.InvalidReplicationFactorError,
    errors.InvalidConfigurationError,
    errors.PolicyViolationError,
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.UnsupportedVersionError,
    errors.UnsupportedCodecError,
    errors.InvalidTransactionTimeoutError,
    errors.InvalidSessionTimeoutError,
    errors.KafkaConfigurationError,
)


def translated(connection: KafkaConnection, doing: str, error: BaseException) -> Exception:
    """Return the port's error for one of kafka-python's; `doing` says what was tried, as in "reading alarms/3"."""
    told = f"{type(error).__name__}: {error}"
    if isinstance(error, FENCING):
        return Fenced(f"somebody else has taken over while {doing} on {connection.url} ({told})")
    if isinstance(error, REFUSING):
        return BrokerRefused(f"{connection.url} does not let {who(connection)} in while {doing}: {told}")
    if isinstance(error, errors.UnknownTopicOrPartitionError):
        return BrokerMismatch(f"{connection.url} has no such topic while {doing}; `hubbub topics create` makes topics")
    if isinstance(error, MISMATCHING):
        return BrokerMismatch(f"{connection.url} does not take it while {doing}: {told}")
    if isinstance(error, errors.RetriableError | errors.KafkaConnectionError | errors.UnknownBrokerIdError):
        return BrokerAway(f"{connection.url} does not answer while {doing}: {told}")
    return BrokerUnavailable(f"{connection.url} failed while {doing}: {told}")


def who(connection: KafkaConnection) -> str:
    """Name the user, or how it comes without one."""
    section = connection.section
    if connection.uses_sasl:
        return f"user {section.username or 'of the token'!r} ({section.sasl_mechanism})"
    return "a client with a certificate" if section.ssl_certfile else "a client without a name"
