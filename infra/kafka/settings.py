"""The settings of Apache Kafka: section `[kafka]`, used when the broker is `kafka://HOST:PORT`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from infra.secret import Secret

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
Client = Literal["kafka-python", "confluent"]

# A broker accepts session timeouts between its group.min.session.timeout.ms and group.max..., by default 6 s to 30 min.
LEAST_SESSION_S = 6.0
# Room for `.`, partition numbers and the longest name of hubbub's own within the 249 characters of a topic's name.
PREFIX_PATTERN = r"^[a-zA-Z0-9._-]{0,100}$"


class KafkaSection(Struct, frozen=True, forbid_unknown_fields=True):
    """How Apache Kafka is reached, and what is hubbub's there. Used when `broker.url` is `kafka://HOST:PORT,...`.

    A secret comes from its environment variable, or from a file of its own (`password_file`, `oauth_token_file`); one
    that stands in hubbub.toml is refused.
    """

    security_protocol: Annotated[
        Protocol,
        Meta(
            description="`SSL` is TLS; `SASL_SSL` TLS with a user; the other two are for this machine, see `insecure`"
        ),
    ] = "PLAINTEXT"
    sasl_mechanism: Annotated[Mechanism, Meta(description="how a user proves who it is, with `SASL_SSL`")] = (
        "SCRAM-SHA-512"
    )
    username: Annotated[str, Meta(description="of PLAIN and SCRAM; of OAUTHBEARER the client's id")] = ""
    password: Annotated[Secret | None, Meta(description="of PLAIN and SCRAM; of OAUTHBEARER the client's secret")] = (
        None
    )
    password_file: Annotated[str, Meta(description="a file that holds the password alone")] = ""
    oauth_token_url: Annotated[
        str, Meta(description="where OAUTHBEARER gets tokens for `username` and `password` (client credentials)")
    ] = ""
    oauth_scope: Annotated[str, Meta(description="the scope to ask a token for, if any")] = ""
    oauth_token: Annotated[Secret | None, Meta(description="one token for OAUTHBEARER, as long as it is valid")] = None
    oauth_token_file: Annotated[
        str, Meta(description="a file with the token for OAUTHBEARER, read again for each connection")
    ] = ""
    ssl_cafile: Annotated[
        str, Meta(description="certificates (PEM) that the brokers' are checked by; default: the system's")
    ] = ""
    ssl_certfile: Annotated[str, Meta(description="this client's own certificate (PEM), where brokers ask for one")] = (
        ""
    )
    ssl_keyfile: Annotated[str, Meta(description="the key (PEM) of `ssl_certfile`")] = ""
    ssl_key_password: Annotated[Secret | None, Meta(description="of `ssl_keyfile`, where it has one")] = None
    insecure: Annotated[
        bool, Meta(description="allow a connection without TLS to another machine; anybody between can read and write")
    ] = False
    client: Annotated[
        Client, Meta(description="whose connections write; `confluent` needs the extra `hubbub[fast]`")
    ] = "kafka-python"
    topic_prefix: Annotated[
        str,
        Meta(
            pattern=PREFIX_PATTERN,
            description="begins the name of every topic, group and transaction of hubbub's on the cluster",
        ),
    ] = ""
    replication_factor: Annotated[
        int, Meta(ge=0, le=32767, description="of topics that hubbub makes; 0: the cluster's own default")
    ] = 0
    transaction_timeout_s: Annotated[
        float,
        Meta(
            ge=1.0,
            description="when the cluster gives up a dead worker's transaction; until then readers wait behind it",
        ),
    ] = 10.0
    session_timeout_s: Annotated[
        float,
        Meta(ge=LEAST_SESSION_S, description="when a silent worker counts as dead and others take its partitions"),
    ] = 10.0
    request_timeout_s: Annotated[
        float, Meta(ge=1.0, description="how long one answer of a broker is waited for before it counts as away")
    ] = 15.0
    state_dir: Annotated[
        str, Meta(min_length=1, description="folder of local snapshots of memory; deleting it costs time, no data")
    ] = "hubbub-state"
    prefetch_bytes: Annotated[
        int, Meta(ge=1 << 16, description="most bytes that are read ahead of the work, for each partition")
    ] = 1 << 20
    max_decompressed_bytes: Annotated[
        int, Meta(ge=1 << 20, description="a compressed batch that inflates to more than this is refused as a bomb")
    ] = 64 << 20


# Keys whose values are secrets or paths; settings treat them so.
PATHS = ("password_file", "oauth_token_file", "ssl_cafile", "ssl_certfile", "ssl_keyfile", "state_dir")
