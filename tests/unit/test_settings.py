"""Settings: who overrides whom, what a mistake says, and that document and engine agree with the declaration."""

from __future__ import annotations

import pickle
from pathlib import Path

import msgspec
import pytest

from infra.secret import SecretMissing
from infra.settings import JobSection, Settings, WrongSetting, load_settings
from infra.settings_document import document
from pipelines.commands.options import job_settings
from pipelines.engines.job_settings import JobSettings

REPOSITORY = Path(__file__).parents[2]


def load(directory: Path, text: str | None = None, *, config: Path | None = None, **environment: str) -> Settings:
    if text is not None:
        (directory / "hubbub.toml").write_text(text, encoding="utf-8")
    return load_settings(environment=environment, config=config, directory=directory)


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()


def test_flags_over_variables_over_file_over_defaults(tmp_path: Path) -> None:
    (tmp_path / "hubbub.toml").write_text("[job]\nbatch_records = 1\nlateness_s = 1\npoll_s = 1\n")
    environment = {"HUBBUB_JOB_BATCH_RECORDS": "2", "HUBBUB_JOB_LATENESS_S": "2"}
    flags = {"job.batch_records": 3, "broker.url": None}
    job = load_settings(flags=flags, environment=environment, directory=tmp_path).job
    assert (job.batch_records, job.lateness_s, job.poll_s, job.maintain_s) == (3, 2, 1, 60)


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, '[broker]\nurl = "sqlite:data/x.db"\n[models]\nmine = "b/one"\nother = "/abs"\n')
    assert settings.broker.url == f"sqlite:{tmp_path}/data/x.db"
    assert settings.models == {"mine": f"{tmp_path}/b/one", "other": "/abs"}


def test_a_variable_s_path_is_relative_to_the_working_directory(tmp_path: Path) -> None:
    assert load(tmp_path, "", HUBBUB_BROKER_URL="sqlite:here.db").broker.url == "sqlite:here.db"


def test_a_variable_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text("[job]\ncrash_deaths = 9\n")
    assert load(tmp_path, HUBBUB_CONFIG=str(path)).job.crash_deaths == 9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[job]\nbatch_recrods = 5\n",
            "job.batch_recrods: expected a key of batch_records, .*did you mean 'batch_records'",
        ),
        (
            "[jobs]\nx = 5\n",
            r"\[jobs\]: expected a section of broker, job, kafka, serve, console, alerts, metrics, logs, traces",
        ),
        ("[job]\nbatch_records = 'many'\n", "job.batch_records: expected int, got 'many'"),
        ("[job]\nbatch_records = 0\n", "job.batch_records: expected int >= 1, got 0"),
        ("[broker]\ndurability = 'yes'\n", "broker.durability: expected one of off, normal, full, got 'yes'"),
        ("job = 3\n", r"job: expected a section \[job\] with keys, got 3"),
        ("[job\n", "expected TOML, got a mistake: .*line 1"),
        ("[kafka]\npassword = 'x'\n", "kafka.password: expected no secret here; its environment variable"),
        ("[kafka]\ntopic_prefix = 'a b'\n", "kafka.topic_prefix: expected str matching regex"),
        ("[kafka]\nclient = 'java'\n", "kafka.client: expected one of kafka-python, confluent, got 'java'"),
        ("[models]\nx = 3\n", "models.x: expected str, got 3"),
        (
            "[telemetry]\nfalse_alarms_per_month = 0\n",
            "telemetry.false_alarms_per_month: expected float > 0.0, got 0",
        ),
        (
            "[telemetry]\nfalse_alarms_per_month = nan\n",
            "telemetry.false_alarms_per_month: expected float > 0.0, got nan",
        ),
        (
            "[telemetry]\nfalse_alarms_per_month = 1e9\n",
            "false_alarms_per_month: expected float < 43200.0, got 1000000000.0",
        ),
        ("[telemetry]\nfalse_alarms = 1\n", "did you mean 'false_alarms_per_month'"),
    ],
)
def test_a_mistake_in_the_file_says_where_and_what_was_expected(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongSetting, match=said) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "hubbub.toml"))


def test_a_mistake_in_a_variable_names_it(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting, match="HUBBUB_JOB_POLL_S: expected float, got 'soon'"):
        load(tmp_path, HUBBUB_JOB_POLL_S="soon")
    with pytest.raises(WrongSetting, match="did you mean 'HUBBUB_JOB_POLL_S'"):
        load(tmp_path, HUBBUB_JOB_POL_S="1")


def test_variables_of_other_meaning_are_left_alone(tmp_path: Path) -> None:
    assert load(tmp_path, HUBBUB_DEBUG="1", HUBBUB_DATASETS="x") == Settings()


def test_a_folder_of_models_stands_in_by_name(tmp_path: Path) -> None:
    (tmp_path / "bundles" / "text-enzh").mkdir(parents=True)
    settings = load(tmp_path, '[models]\ntext-enzh = "x"\nother = "y"\n', HUBBUB_MODELS=str(tmp_path / "bundles"))
    assert settings.models == {"text-enzh": f"{tmp_path}/bundles/text-enzh", "other": f"{tmp_path}/y"}
    with pytest.raises(WrongSetting, match="HUBBUB_MODELS: expected a folder of model bundles, got 'nowhere'"):
        load(tmp_path, HUBBUB_MODELS="nowhere")


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting, match=r"expected a settings file at .*none\.toml, got: No such file"):
        load(tmp_path, config=tmp_path / "none.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hubbub.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(WrongSetting, match="expected UTF-8, got a byte at position 0"):
        load(tmp_path)


def test_the_engine_has_the_same_names_and_defaults() -> None:
    assert job_settings(Settings()) == JobSettings()
    assert set(msgspec.structs.asdict(JobSection())) == set(JobSettings.__dataclass_fields__)


def test_zero_switches_ticks_off() -> None:
    assert job_settings(Settings(job=JobSection(tick_s=0))).tick_s is None


def test_a_secret_is_shown_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(tmp_path, "", HUBBUB_KAFKA_PASSWORD="hunter2")
    assert settings.kafka.password is not None
    assert settings.kafka.password.reveal() == "hunter2"
    packed = pickle.dumps(settings)
    assert "hunter2" not in f"{settings} {settings!r} {msgspec.structs.asdict(settings.kafka)}"
    assert b"hunter2" not in packed
    with pytest.raises(SecretMissing, match="HUBBUB_KAFKA_PASSWORD"):
        pickle.loads(packed)
    monkeypatch.setenv("HUBBUB_KAFKA_PASSWORD", "hunter2")
    assert pickle.loads(packed) == settings


def test_a_secret_is_no_flag(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting, match=r"kafka\.password: expected no secret here"):
        load_settings(flags={"kafka.password": "x"}, environment={}, directory=tmp_path)


def test_kafka_s_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    kafka = load(tmp_path, '[kafka]\nssl_cafile = "ca.pem"\npassword_file = "/abs"\ninsecure = true\n').kafka
    assert (kafka.ssl_cafile, kafka.password_file, kafka.insecure) == (f"{tmp_path}/ca.pem", "/abs", True)
    assert load(tmp_path, "", HUBBUB_KAFKA_INSECURE="true").kafka.insecure


def test_the_document_is_current(tmp_path: Path) -> None:
    assert (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8") == document()


def test_the_document_s_example_loads(tmp_path: Path) -> None:
    example = document().partition("```toml\n")[2].partition("```")[0]
    assert load(tmp_path, example).job.lateness_s == 30
