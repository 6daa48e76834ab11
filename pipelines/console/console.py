"""What the pages of one console share: the broker, what is known of its alerts, the settings, who is logged in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Concatenate, Final, ParamSpec, TypeVar

from infra.broker import Broker
from infra.secret import Secret
from infra.settings import Settings
from pipelines.alert_rules.rule_file import RuleSet
from pipelines.console.drift_look import DriftLook
from pipelines.console.incident_board import IncidentBoard
from pipelines.console.sessions import Sessions
from pipelines.console.silence_board import SilenceBoard
from pipelines.records_in_order import end_of
from pipelines.serve.board import Board
from pipelines.serve.follower import Follower
from schemas.incidents import INCIDENTS
from schemas.silences import SILENCES

SETTLE_S: Final = 2.0
_Written = TypeVar("_Written")
_More = ParamSpec("_More")


@dataclass(frozen=True, slots=True)
class Boards:
    """What the console keeps in memory: open alerts, open incidents, silences."""

    alerts: Board = field(default_factory=Board)
    incidents: IncidentBoard = field(default_factory=IncidentBoard)
    silences: SilenceBoard = field(default_factory=SilenceBoard)

    def followed(self, opened: Broker, poll_s: float) -> Follower:
        """Return what keeps them current; `opened` is a broker of its own."""
        follows = {**self.alerts.follows(), INCIDENTS.name: self.incidents, SILENCES.name: self.silences}
        return Follower(opened, poll_s, follows)


@dataclass(frozen=True, slots=True)
class Console:
    """`broker` may be used by any thread; what writes takes turns. `cookie` names the session's cookie.

    `rules` are those that hold where the console runs; alerts may come of others.
    """

    broker: Broker
    boards: Boards
    follower: Follower
    settings: Settings
    rules: RuleSet
    token: Secret
    stopping: threading.Event
    cookie: str = "hubbub_session"
    sessions: Sessions = field(default_factory=Sessions)
    drift: DriftLook = field(default_factory=DriftLook)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def settle(self, topic: str) -> None:
        """Wait a moment until the boards have what was just written to a topic; in a thread."""
        self.follower.reached(topic, end_of(self.broker, topic), SETTLE_S)

    def write(
        self,
        function: Callable[Concatenate[Broker, _More], _Written],
        *arguments: _More.args,
        **named: _More.kwargs,
    ) -> _Written:
        """Call a function with the broker and these arguments, one writer at a time; in a thread, for it may wait."""
        with self._writing:
            return function(self.broker, *arguments, **named)
