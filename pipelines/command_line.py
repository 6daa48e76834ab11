"""The console script `hubbub`: its commands, and what its exit statuses and error sentences mean.

Statuses: 0 done; 1 the answer is no; 2 wrong use or bad input; 3 an outage, or a bug; 130 interrupted with nothing to
finish. Each command lives in a file of its own and is imported when it is used, so that `hubbub --help` stays quick.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import click

from pipelines.error_sentences import INTERRUPTED, sentence_and_status

PROGRAM = "hubbub"


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: where it lives (`module:attribute`), and its line in the list of commands."""

    target: str
    summary: str


COMMANDS: dict[str, Entry] = {
    "demo": Entry("pipelines.commands.demo:demo", "a small building that talks for a minute, and what hubbub hears"),
    "run": Entry("pipelines.commands.run:run", "run pipelines as a job, until stopped or until the input ends"),
    "produce": Entry("pipelines.commands.produce:produce", "rows from a file or stdin into a topic"),
    "subscribe": Entry("pipelines.commands.subscribe:subscribe", "print alerts, or any topic, as they come"),
    "alerts": Entry("pipelines.commands.alerts:alerts", "list the open alerts"),
    "notify": Entry("pipelines.commands.notify:notify", "tell people of alerts: webhooks, Alertmanager, chats, e-mail"),
    "incidents": Entry("pipelines.commands.incidents:incidents", "list the open incidents, or tell one"),
    "serve": Entry("pipelines.commands.serve:serve", "alerts over HTTP: JSON, a live stream, a feed"),
    "console": Entry("pipelines.commands.console:console", "alerts, incidents and what is behind them, in a browser"),
    "silence": Entry("pipelines.commands.silence:silence", "silence alerts by their labels for a time"),
    "top": Entry("pipelines.commands.top:top", "how far each job is and how fast, in a terminal"),
    "replay": Entry("pipelines.commands.replay:replay", "run history through today's models or a candidate's"),
    "score": Entry("pipelines.commands.score:score", "JSON lines in, the same lines with answers out"),
    "models": Entry("pipelines.commands.models:models", "list, show, verify and compare models"),
    "train": Entry("pipelines.commands.train:train", "a model of your own labels, as a verified bundle"),
    "topics": Entry("pipelines.commands.topics:topics", "list, create and describe topics"),
    "dead-letters": Entry("pipelines.commands.dead_letters:dead_letters", "what failed, why, and sending it again"),
    "check": Entry("pipelines.commands.check:check", "check configuration and pipelines without running them"),
    "doctor": Entry("pipelines.commands.doctor:doctor", "look at machine, broker and models; say what is wrong"),
    "dev": Entry("pipelines.commands.dev:dev", "a real Kafka on this machine, to try things out"),
}


class CommandTable(click.Group):
    """The group `hubbub`: imports a command when it is used, and not to list it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands of this release, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; a UsageError for one that does not exist."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            near = difflib.get_close_matches(cmd_name, COMMANDS, n=1)
            hint = f"; did you mean `{PROGRAM} {near[0]}`?" if near else ""
            raise click.UsageError(f"expected one of the commands {', '.join(COMMANDS)}, got {cmd_name!r}{hint}", ctx)
        module, _, attribute = entry.target.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), f"{entry.target} is no command; this is a bug"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. A reader that goes away (`| head`) ends it quietly."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            # What is still buffered has nobody to go to; Python would complain about it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)


@click.group(
    cls=CommandTable,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: hubbub demo",
)
@click.version_option(package_name="hubbub", message="hubbub %(version)s")
def cli() -> None:
    """Understand the events of a fleet of devices while they happen: logs, messages, alarms, telemetry.

    Every command works with no configuration, on one machine; `hubbub COMMAND --help` shows an example of each.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: the entry point of the console script."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; an error is one sentence on stderr.

    With `HUBBUB_DEBUG=1` an error shows where it came from instead.
    """
    try:
        result = cli.main(args=None if arguments is None else list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as help_:
        help_.show()
        return help_.exit_code
    except Exception as error:
        if os.environ.get("HUBBUB_DEBUG") == "1" and not isinstance(error, click.ClickException):
            raise
        sentence, status = sentence_and_status(error)
        _say(sentence)
        return status
    # A command may return its exit status: 1 for an answer that is "no".
    return result if isinstance(result, int) else 0


def _say(sentence: str) -> None:
    try:
        print(f"{PROGRAM}: {sentence}", file=sys.stderr)  # noqa: T201 - this is where errors are said
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


if __name__ == "__main__":
    main()
