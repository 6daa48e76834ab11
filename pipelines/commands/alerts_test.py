"""`hubbub alerts test FILE`: rules over events, and the alerts that they should raise."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from pipelines.commands.options import chosen_models, chosen_rules, json_option, rules_option, settings_of


@click.command("test", epilog="Example: hubbub alerts test alerts-test.toml")
@click.argument("file", type=click.Path(path_type=Path))
@rules_option
@json_option
def test(*, file: Path, rules: Path | None, as_json: bool) -> int:
    """Run events through the real pipelines and compare the alerts with those that FILE expects.

    FILE has tests, each with events of any topic and the alerts that there should be at given times. The rules are
    those of --rules, else those that FILE names, else those that hold here. Exit status 1 when anything differs.
    """
    import orjson

    from pipelines.alert_rules.trial.case import read_test_file
    from pipelines.alert_rules.trial.differences import differences
    from pipelines.alert_rules.trial.run_case import as_of, run_case
    from schemas.safe_text import safe_text

    tests = read_test_file(file)
    named = rules or tests.rules
    settings = settings_of(None, None, alerts__rules=None if named is None else str(named))
    known = chosen_rules(settings)
    failed = 0
    with TemporaryDirectory(prefix="hubbub-test-") as folder:
        for number, case in enumerate(tests.cases):
            broker = Path(folder) / f"{number}.db"
            rate = settings.telemetry.false_alarms_per_month
            revisions = run_case(case, known.rules, chosen_models(settings), broker, rate)
            found = [one for expected in case.expected for one in differences(expected, as_of(revisions, expected.at))]
            failed += bool(found)
            if as_json:
                click.echo(orjson.dumps({"name": case.name, "passed": not found, "differences": found}))
                continue
            click.echo(f"{'FAIL' if found else 'ok  '}  {safe_text(case.name)}")
            for sentence in found:
                click.echo(f"      {sentence}")
    if not as_json:
        click.echo(f"{len(tests.cases) - failed} of {len(tests.cases)} tests hold")
    return 1 if failed else 0
