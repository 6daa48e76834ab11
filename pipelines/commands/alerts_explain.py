"""`hubbub alerts explain RULE` and `hubbub alerts rules`: what is worth an alert here, in words."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.options import (
    chosen_models,
    chosen_rules,
    json_option,
    language_option,
    rules_option,
    settings_of,
)

if TYPE_CHECKING:
    from infra.settings import Settings
    from pipelines.alert_rules.rule_file import RuleSet

_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Settings file (default: hubbub.toml, if there is one).",
)


@click.command("explain", epilog="Example: hubbub alerts explain log_abnormal")
@click.argument("rule")
@language_option
@rules_option
@_CONFIG
@json_option
def explain(*, rule: str, language: str | None, rules: Path | None, config: Path | None, as_json: bool) -> None:
    """Explain a rule: what it reads, when it fires and ends, its severity; with an example that really raises it."""
    import orjson

    from pipelines.alert_rules.explain import explanation, explanation_json
    from pipelines.alert_rules.known_labels import labels_of_models
    from pipelines.bad_input import BadInput
    from pipelines.event_lines import padded
    from pipelines.words.alert_words import AlertWords
    from pipelines.words.languages import translation_to
    from schemas.safe_text import safe_text

    settings, known = rules_here(rules, config)
    heads = labels_of_models(chosen_models(settings))
    found = {one.name: one for one in known.rules}
    if rule in known.disabled:
        raise BadInput(f"the rule {rule} is switched off by {known.path}")
    if rule not in found:
        near = difflib.get_close_matches(rule, found, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise BadInput(f"expected one of the rules {', '.join(found) or 'of none'}, got {rule!r}{hint}")
    if as_json:
        click.echo(orjson.dumps(explanation_json(found[rule], known, heads)))
        return
    spoken = AlertWords(known.rules, translation_to(language))
    for what, words in explanation(found[rule], known, heads, spoken):
        click.echo(f"{padded(what, 9)} {safe_text(words, 4000)}")


@click.command("rules", epilog="Example: hubbub alerts rules --json")
@language_option
@rules_option
@_CONFIG
@json_option
def rules_(*, language: str | None, rules: Path | None, config: Path | None, as_json: bool) -> None:
    """List the rules that hold here, and where each comes from."""
    import orjson

    from operators.alert_rule_words import fires_in_words
    from pipelines.alert_rules.explain import explanation_json
    from pipelines.alert_rules.known_labels import labels_of_models
    from pipelines.commands.table import aligned
    from pipelines.words.languages import translation_to

    settings, known = rules_here(rules, config)
    if as_json:
        heads = labels_of_models(chosen_models(settings))
        for one in known.rules:
            click.echo(orjson.dumps(explanation_json(one, known, heads)))
        return
    say = translation_to(language).say
    table = [tuple(map(say, ("RULE", "SOURCE", "SEVERITY", "FROM", "FIRES")))]
    for one in known.rules:
        severity = one.severity if isinstance(one.severity, str) else "from the row"
        fires = fires_in_words(one, say)
        table.append((one.name, say(one.source), say(severity), say(known.origin(one.name)), fires))
    table += [(name, "", "", say("off"), "") for name in known.disabled]
    for line in aligned(table):
        click.echo(line)


def rules_here(rules: Path | None, config: Path | None) -> tuple[Settings, RuleSet]:
    """Return the settings and the rules that hold here, or in the file that was named."""
    settings = settings_of(None, config, alerts__rules=None if rules is None else str(rules))
    return settings, chosen_rules(settings)
