"""Log lines of every format, written for this test, and what must hold for any text whatever."""

from __future__ import annotations

import pickle
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.log_lines import FORMATS, UNKNOWN, LineClock, LineParser, LogLine, RollingClock, parse_line
from schemas.log_lines.format import LEVEL, LEVEL_IN_CAPITALS
from schemas.severity import SEVERITIES, severity_of_word

CLOCK = LineClock(UTC, 2024)
AT = datetime(2024, 5, 2, 10, 11, 12, tzinfo=UTC)
AT_345 = AT.replace(microsecond=345_000)

# What a line says beside its message; whatever is not named must be None.
LINES: list[tuple[str, str, str, dict[str, object]]] = [
    # syslog and its relatives
    (
        "syslog_rfc3164",
        "May  2 10:11:12 gate3 hostapd[811]: wlan1: station lost",
        "wlan1: station lost",
        {"event_time": AT, "host": "gate3", "component": "hostapd", "process_id": "811"},
    ),
    (
        "syslog_rfc3164",
        "May  2 10:11:12 gate3 kernel: thermal zone 0 at 91 C",
        "thermal zone 0 at 91 C",
        {"event_time": AT, "host": "gate3", "component": "kernel"},
    ),
    (
        "syslog_rfc3164",
        "<27>May  2 10:11:12 gate3 dhcpd: no free leases",
        "no free leases",
        {
            "event_time": AT,
            "host": "gate3",
            "component": "dhcpd",
            "severity": "minor",
            "severity_text": "err",
            "attributes": {"facility": "daemon"},
        },
    ),
    (
        "syslog_rfc3164",
        "May  2 10:11:12 panel7 user.warn touchd[9]: 3 touches lost",
        "3 touches lost",
        {
            "event_time": AT,
            "host": "panel7",
            "component": "touchd",
            "process_id": "9",
            "severity": "warning",
            "severity_text": "warn",
            "attributes": {"facility": "user"},
        },
    ),
    (
        "syslog_rfc3164",
        "May  2 10:11:12 kiosk Print Spooler[77]: out of paper: tray 2",
        "out of paper: tray 2",
        {"event_time": AT, "host": "kiosk", "component": "Print Spooler", "process_id": "77"},
    ),
    (
        "syslog_rfc3164",
        "May  2 10:11:12 kiosk sandboxer[12] ([345]): reader(345) deny network",
        "reader(345) deny network",
        {
            "event_time": AT,
            "host": "kiosk",
            "component": "sandboxer",
            "process_id": "12",
            "attributes": {"subject": "[345]"},
        },
    ),
    (
        "syslog_rfc3164",
        "May  2 10:11:12 gate3 meterd 2.0.1: restart.",
        "restart.",
        {"event_time": AT, "host": "gate3", "component": "meterd 2.0.1"},
    ),
    (
        "syslog_rfc3164",
        "May  2 10:11:12 watchdogd[3]: no host in this line",
        "no host in this line",
        {"event_time": AT, "component": "watchdogd", "process_id": "3"},
    ),
    (
        "syslog_rfc3164",
        "May  2 10:11:12 gate3 the same again: twice, and no tag",
        "the same again: twice, and no tag",
        {"event_time": AT, "host": "gate3"},
    ),
    (
        "syslog_precise",
        "May 2 2024 10:11:12.345 UTC fw1 ipsec[44]: tunnel down",
        "tunnel down",
        {"event_time": AT_345, "host": "fw1", "component": "ipsec", "process_id": "44"},
    ),
    (
        "syslog_rfc5424",
        '<165>1 2024-05-02T18:11:12.345+08:00 pump9 flowd 4711 FLOW [q@1 rate="0.2" note="a \\"b\\""] \ufeff流量过低',
        "流量过低",
        {
            "event_time": AT_345,
            "host": "pump9",
            "component": "flowd",
            "process_id": "4711",
            "severity": "indeterminate",
            "severity_text": "notice",
            "attributes": {"q@1": {"rate": "0.2", "note": 'a "b"'}, "facility": "local4", "msgid": "FLOW"},
        },
    ),
    (
        "syslog_rfc5424",
        "<8>1 - - - - - - power lost",
        "power lost",
        {"severity": "critical", "severity_text": "emerg", "attributes": {"facility": "user"}},
    ),
    (
        "syslog_iso",
        "2024-05-02T18:11:12.345+08:00 gate3 kernel: eth0 link down",
        "eth0 link down",
        {"event_time": AT_345, "host": "gate3", "component": "kernel"},
    ),
    (
        "syslog_iso",
        "2024-05-02T10:11:12+0000 gate3 systemd[1]: Started Meter Reader.",
        "Started Meter Reader.",
        {"event_time": AT, "host": "gate3", "component": "systemd", "process_id": "1"},
    ),
    (
        "openwrt",
        "Thu May  2 10:11:12 2024 daemon.err uhttpd[1290]: certificate expired",
        "certificate expired",
        {
            "event_time": AT,
            "component": "uhttpd",
            "process_id": "1290",
            "severity": "minor",
            "severity_text": "err",
            "attributes": {"facility": "daemon"},
        },
    ),
    (
        "cisco_ios",
        "000041: *May  2 10:11:12.345: %ENVMON-2-FAN_FAILED: Fan 2 not rotating",
        "Fan 2 not rotating",
        {
            "event_time": AT_345,
            "component": "ENVMON",
            "severity": "major",
            "severity_text": "2",
            "attributes": {"sequence": "000041", "mnemonic": "FAN_FAILED"},
        },
    ),
    (
        "journald_full",
        "Thu 2024-05-02 10:11:12 UTC gate3 sshd[52]: Connection closed",
        "Connection closed",
        {"event_time": AT, "host": "gate3", "component": "sshd", "process_id": "52"},
    ),
    (
        "journald_unix",
        "1714644672.345000 gate3 cron[8]: job done",
        "job done",
        {"event_time": AT_345, "host": "gate3", "component": "cron", "process_id": "8"},
    ),
    (
        "journald_monotonic",
        "[   42.000123] gate3 systemd[1]: Reached target Network.",
        "Reached target Network.",
        {"host": "gate3", "component": "systemd", "process_id": "1"},
    ),
    # servers
    (
        "apache_error",
        "[Thu May 02 10:11:12 2024] [error] [client 10.0.0.7] no such page",
        "[client 10.0.0.7] no such page",
        {"event_time": AT, "severity": "minor", "severity_text": "error"},
    ),
    (
        "apache_error",
        "[Thu May 02 10:11:12.345000 2024] [ssl:warn] [pid 71:tid 139] AH0: name differs",
        "AH0: name differs",
        {
            "event_time": AT_345,
            "component": "ssl",
            "process_id": "71",
            "severity": "warning",
            "severity_text": "warn",
            "attributes": {"thread": "139"},
        },
    ),
    (
        "nginx_error",
        "2024/05/02 10:11:12 [crit] 71#70: *15 open() failed",
        "open() failed",
        {
            "event_time": AT,
            "process_id": "71",
            "severity": "major",
            "severity_text": "crit",
            "attributes": {"thread": "70", "connection": "15"},
        },
    ),
    (
        "access",
        '10.0.0.7 - anna [02/May/2024:18:11:12 +0800] "GET /meters HTTP/1.1" 503 12',
        '"GET /meters HTTP/1.1" 503 12',
        {"event_time": AT, "attributes": {"client": "10.0.0.7", "ident": "-", "user": "anna"}},
    ),
    (
        "postgresql",
        "2024-05-02 10:11:12.345 UTC [4711] app@meters FATAL:  too many connections",
        "too many connections",
        {
            "event_time": AT_345,
            "component": "postgres",
            "process_id": "4711",
            "severity": "critical",
            "severity_text": "FATAL",
            "attributes": {"user": "app", "database": "meters"},
        },
    ),
    (
        "mysql",
        "2024-05-02T10:11:12.345000Z 0 [Warning] [MY-010068] [Server] certificate is self signed",
        "certificate is self signed",
        {
            "event_time": AT_345,
            "component": "Server",
            "severity": "warning",
            "severity_text": "Warning",
            "attributes": {"thread": "0", "code": "MY-010068"},
        },
    ),
    (
        "redis",
        "4711:M 02 May 2024 10:11:12.345 # Out of memory",
        "Out of memory",
        {
            "event_time": AT_345,
            "component": "redis",
            "process_id": "4711",
            "severity": "warning",
            "severity_text": "#",
        },
    ),
    (
        "container",
        "2024-05-02T10:11:12.345678901Z stderr F cannot bind",
        "cannot bind",
        {"event_time": AT.replace(microsecond=345_678), "attributes": {"stream": "stderr", "tag": "F"}},
    ),
    (
        "time_level",
        "2024-05-02T10:11:12.345678901Z stdout F 2024-05-02 10:11:12,345 ERROR: cannot bind",
        "cannot bind",
        {
            "event_time": AT_345,
            "severity": "minor",
            "severity_text": "ERROR",
            "attributes": {"stream": "stdout", "tag": "F"},
        },
    ),
    (
        "level",
        '{"log":"[WARN] queue 90 % full\\n","stream":"stderr","time":"2024-05-02T10:11:12.345Z"}',
        "queue 90 % full",
        {
            "event_time": AT_345,
            "severity": "warning",
            "severity_text": "WARN",
            "attributes": {"stream": "stderr"},
        },
    ),
    # devices and operating systems
    (
        "windows_cbs",
        "2024-05-02 10:11:12, Warning               DPX    Package KB77 not applicable",
        "Package KB77 not applicable",
        {"event_time": AT, "component": "DPX", "severity": "warning", "severity_text": "Warning"},
    ),
    (
        "klog",
        'E0502 10:11:12.345000    4711 probe.go:88] "Probe failed" pod="meters"',
        '"Probe failed" pod="meters"',
        {
            "event_time": AT_345,
            "component": "probe.go",
            "process_id": "4711",
            "severity": "minor",
            "severity_text": "E",
            "attributes": {"line": "88"},
        },
    ),
    (
        "logcat_threadtime",
        "05-02 10:11:12.345  811  932 W Battery Service: level 4",
        "level 4",
        {
            "event_time": AT_345,
            "component": "Battery Service",
            "process_id": "811",
            "severity": "warning",
            "severity_text": "W",
            "attributes": {"thread": "932"},
        },
    ),
    (
        "logcat_time",
        "05-02 10:11:12.345 F/Scanner ( 811): no camera",
        "no camera",
        {
            "event_time": AT_345,
            "component": "Scanner",
            "process_id": "811",
            "severity": "critical",
            "severity_text": "F",
        },
    ),
    (
        "logcat_brief",
        "I/Scanner ( 811): ready",
        "ready",
        {"component": "Scanner", "process_id": "811", "severity": "indeterminate", "severity_text": "I"},
    ),
    (
        "zephyr",
        "[00:00:12.345,678] <wrn> battery: voltage 3.1 V",
        "voltage 3.1 V",
        {
            "component": "battery",
            "severity": "warning",
            "severity_text": "wrn",
            "attributes": {"uptime": "00:00:12.345,678"},
        },
    ),
    (
        "esp_idf",
        "\x1b[0;31mE (20414) mqtt_client: connection refused\x1b[0m",
        "connection refused",
        {"component": "mqtt_client", "severity": "minor", "severity_text": "E", "attributes": {"uptime": "20414"}},
    ),
    (
        "dmesg",
        "[   42.000123] mmc0: timeout waiting for hardware interrupt",
        "mmc0: timeout waiting for hardware interrupt",
        {"component": "kernel", "attributes": {"uptime": "42.000123"}},
    ),
    (
        "dmesg",
        "<2>[42.000123] CPU0: temperature above threshold",
        "CPU0: temperature above threshold",
        {
            "component": "kernel",
            "severity": "major",
            "severity_text": "crit",
            "attributes": {"uptime": "42.000123", "facility": "kern"},
        },
    ),
    (
        "dmesg_time",
        "[Thu May  2 10:11:12 2024] usb 1-1: device not accepting address",
        "usb 1-1: device not accepting address",
        {"event_time": AT, "component": "kernel"},
    ),
    (
        "day_first",
        "02.05.2024 10:11:12 ERROR Brenner gestört",
        "Brenner gestört",
        {"event_time": AT, "severity": "minor", "severity_text": "ERROR"},
    ),
    ("day_first", "02-May-2024 10:11:12.345 zone expired", "zone expired", {"event_time": AT_345}),
    # logging libraries
    (
        "log4j_thread",
        "2024-05-02 10:11:12,345 - WARN  [Peer[id=2]/0:0:0:1:2181:Elector@774] - vote timed out",
        "vote timed out",
        {
            "event_time": AT_345,
            "component": "Elector",
            "severity": "warning",
            "severity_text": "WARN",
            "attributes": {"thread": "Peer[id=2]/0:0:0:1:2181", "line": "774"},
        },
    ),
    (
        "hadoop",
        "240502 101112 35 ERROR dfs.Keeper$Mover: block 7: checksum differs",
        "block 7: checksum differs",
        {
            "event_time": AT,
            "component": "dfs.Keeper$Mover",
            "process_id": "35",
            "severity": "minor",
            "severity_text": "ERROR",
        },
    ),
    (
        "oslo",
        "2024-05-02 10:11:12.345 4711 INFO cloud.compute [req-1 a b - - -] [instance: 7] up",
        "[instance: 7] up",
        {
            "event_time": AT_345,
            "component": "cloud.compute",
            "process_id": "4711",
            "severity": "indeterminate",
            "severity_text": "INFO",
            "attributes": {"request": "req-1 a b - - -"},
        },
    ),
    (
        "oslo",
        "compute.log.1 2024-05-02 10:11:12.345 4711 ERROR cloud.compute [-] disk full",
        "disk full",
        {
            "event_time": AT_345,
            "component": "cloud.compute",
            "process_id": "4711",
            "severity": "minor",
            "severity_text": "ERROR",
            "attributes": {"file": "compute.log.1"},
        },
    ),
    (
        "python_logging",
        "2024-05-02 10:11:12,345 - boiler.control - CRITICAL - burner locked out",
        "burner locked out",
        {"event_time": AT_345, "component": "boiler.control", "severity": "critical", "severity_text": "CRITICAL"},
    ),
    (
        "spring_boot",
        "2024-05-02T10:11:12.345Z  WARN 4711 --- [nio-exec-1] c.e.meters.Reader : slow answer: 3 s",
        "slow answer: 3 s",
        {
            "event_time": AT_345,
            "component": "c.e.meters.Reader",
            "process_id": "4711",
            "severity": "warning",
            "severity_text": "WARN",
            "attributes": {"thread": "nio-exec-1"},
        },
    ),
    (
        "logback",
        "2024-05-02 10:11:12,345 [main] INFO  com.example.Meter - reading",
        "reading",
        {
            "event_time": AT_345,
            "component": "com.example.Meter",
            "severity": "indeterminate",
            "severity_text": "INFO",
            "attributes": {"thread": "main"},
        },
    ),
    (
        "jboss",
        "2024-05-02 10:11:12,345 ERROR [org.example.Pool] (worker 7) pool exhausted",
        "pool exhausted",
        {
            "event_time": AT_345,
            "component": "org.example.Pool",
            "severity": "minor",
            "severity_text": "ERROR",
            "attributes": {"thread": "worker 7"},
        },
    ),
    (
        "log4j_level_thread",
        "2024-05-02 10:11:12,345 FATAL [main] org.example.Meter: gone",
        "gone",
        {
            "event_time": AT_345,
            "component": "org.example.Meter",
            "severity": "critical",
            "severity_text": "FATAL",
            "attributes": {"thread": "main"},
        },
    ),
    (
        "log4j",
        "2024-05-02T10:11:12.345Z  INFO meter::serial: port open",
        "port open",
        {
            "event_time": AT_345,
            "component": "meter::serial",
            "severity": "indeterminate",
            "severity_text": "INFO",
        },
    ),
    (
        "env_logger",
        "[2024-05-02T10:11:12Z WARN  meter::serial] crc differs",
        "crc differs",
        {"event_time": AT, "component": "meter::serial", "severity": "warning", "severity_text": "WARN"},
    ),
    (
        "monolog",
        "[2024-05-02 10:11:12] shop.ALERT: stock empty",
        "stock empty",
        {"event_time": AT, "component": "shop", "severity": "critical", "severity_text": "ALERT"},
    ),
    (
        "logback_time",
        "10:11:12.345 [main] DEBUG c.e.Meter - tick",
        "tick",
        {
            "component": "c.e.Meter",
            "severity": "indeterminate",
            "severity_text": "DEBUG",
            "attributes": {"thread": "main"},
        },
    ),
    # a time and little else
    (
        "time_component_level",
        "[2024-05-02 10:11:12] [锅炉] [错误] 点火失败",
        "点火失败",
        {"event_time": AT, "component": "锅炉", "severity": "minor", "severity_text": "错误"},
    ),
    (
        "time_level",
        "[2024-05-02 10:11:12][警告][水泵] 压力偏低",
        "压力偏低",
        {"event_time": AT, "component": "水泵", "severity": "warning", "severity_text": "警告"},
    ),
    (
        "time_level",
        "2024/05/02 10:11:12 ERROR: spindle load 140 %",
        "spindle load 140 %",
        {"event_time": AT, "severity": "minor", "severity_text": "ERROR"},
    ),
    (
        "time_level",
        "2024-05-02 10:11:12 | INFO | door closed",
        "door closed",
        {"event_time": AT, "severity": "indeterminate", "severity_text": "INFO"},
    ),
    (
        "ctime",
        "Thu May  2 10:11:12 2024 [warning] tape 40 % worn",
        "tape 40 % worn",
        {"event_time": AT, "severity": "warning", "severity_text": "warning"},
    ),
    (
        "ctime",
        "Thu May  2 10:11:12 UTC 2024: backup done",
        "backup done",
        {"event_time": AT},
    ),
    ("time", "2024/05/02 10:11:12 listening on :8080", "listening on :8080", {"event_time": AT}),
    ("time", "2024-05-02T18:11:12.345+08:00 belt 3 stopped", "belt 3 stopped", {"event_time": AT_345}),
    (
        "time",
        "2024-05-02 10:11:12 -12 degrees outside",
        "-12 degrees outside",
        {"event_time": AT},
    ),
    ("epoch", "1714644672: client c1 disconnected", "client c1 disconnected", {"event_time": AT}),
    (
        "epoch",
        "1714644672345 [ERROR] pump dry",
        "pump dry",
        {"event_time": AT_345, "severity": "minor", "severity_text": "ERROR"},
    ),
    (
        "python_basic",
        "WARNING:boiler.control:flame weak",
        "flame weak",
        {"component": "boiler.control", "severity": "warning", "severity_text": "WARNING"},
    ),
    (
        "level",
        "[ERROR] [conveyor] belt torn",
        "belt torn",
        {"component": "conveyor", "severity": "minor", "severity_text": "ERROR"},
    ),
    ("level", "FATAL: no valves", "no valves", {"severity": "critical", "severity_text": "FATAL"}),
    # data
    (
        "json",
        '{"ts": 1714644672.345, "level": "error", "msg": "卡纸", "logger": "printer", "host": "p1", "tray": 2}',
        "卡纸",
        {
            "event_time": AT_345,
            "host": "p1",
            "component": "printer",
            "severity": "minor",
            "severity_text": "error",
            "attributes": {"tray": 2},
        },
    ),
    (
        "json",
        '{"@timestamp":"2024-05-02T10:11:12.345Z","log":{"level":"WARN","logger":"c.e.M"},"host":{"name":"p1","ip":"::1"},'
        '"process":{"pid":7},"message":"slow"}',
        "slow",
        {
            "event_time": AT_345,
            "host": "p1",
            "component": "c.e.M",
            "process_id": "7",
            "severity": "warning",
            "severity_text": "WARN",
            "attributes": {"host": {"ip": "::1"}},
        },
    ),
    (
        "json",
        '{"level":50,"time":1714644672345,"pid":7,"hostname":"p1","msg":"lost"}',
        "lost",
        {"event_time": AT_345, "host": "p1", "process_id": "7", "severity": "minor", "severity_text": "error"},
    ),
    (
        "json",
        '{"SeverityNumber": 21, "Timestamp": "1714644672345000000", "Body": "core dumped"}',
        "core dumped",
        {"event_time": AT_345, "severity": "critical", "severity_text": "21"},
    ),
    (
        "json",
        '{"MESSAGE":"started","PRIORITY":"6","_HOSTNAME":"p1","SYSLOG_IDENTIFIER":"unitd","_PID":"7",'
        '"__REALTIME_TIMESTAMP":"1714644672345000"}',
        "started",
        {
            "event_time": AT_345,
            "host": "p1",
            "component": "unitd",
            "process_id": "7",
            "severity": "indeterminate",
            "severity_text": "info",
        },
    ),
    (
        "logfmt",
        'time="2024-05-02T10:11:12.345Z" level=warning msg="lease \\"a\\" lost" component=dhcp tries=3',
        'lease "a" lost',
        {
            "event_time": AT_345,
            "component": "dhcp",
            "severity": "warning",
            "severity_text": "warning",
            "attributes": {"tries": "3"},
        },
    ),
    # nothing that we know
    (UNKNOWN, "compressor duty 100 % for 6h, box temp 9.1C", "compressor duty 100 % for 6h, box temp 9.1C", {}),
    (UNKNOWN, "Error while reading: retry", "Error while reading: retry", {}),
    (UNKNOWN, "rate=3 state=ok", "rate=3 state=ok", {}),
    (UNKNOWN, '{"rate": 3}', '{"rate": 3}', {}),
    (UNKNOWN, '{"event": "self test", "result": "passed"}', '{"event": "self test", "result": "passed"}', {}),
    (
        "json",
        '{"event": "self test", "level": "info", "time": 12.5, "result": "passed", "ok": true}',
        "self test",
        {
            "severity": "indeterminate",
            "severity_text": "info",
            "attributes": {"time": 12.5, "result": "passed", "ok": True},
        },
    ),
    (UNKNOWN, '{"msg": "cut of', '{"msg": "cut of', {}),
    (UNKNOWN, "", "", {}),
]


@pytest.mark.parametrize(
    ("name", "line", "message", "parts"), LINES, ids=[f"{at}-{row[0]}" for at, row in enumerate(LINES)]
)
def test_takes_a_line_apart(name: str, line: str, message: str, parts: dict[str, object]) -> None:
    nothing = dict.fromkeys(asdict(LogLine("", "")))
    assert asdict(parse_line(line, CLOCK)) == nothing | {"message": message, "format": name} | parts


def test_every_format_has_a_line_above() -> None:
    assert {format.name for format in FORMATS} | {UNKNOWN} == {name for name, *_ in LINES}


def test_format_names_are_unique() -> None:
    assert len({format.name for format in FORMATS}) == len(FORMATS)


def test_line_ends_and_blanks_at_the_end_are_no_message() -> None:
    assert parse_line("May  2 10:11:12 gate3 lpd: done \t\r\n", CLOCK).message == "done"
    assert parse_line("no format, blanks kept  \r\n", CLOCK).message == "no format, blanks kept  "


def test_a_time_without_zone_is_the_clock_s() -> None:
    shanghai = LineClock(ZoneInfo("Asia/Shanghai"), 2024)
    for line in (
        "May  2 18:11:12 gate3 lpd: done",
        "2024-05-02 18:11:12 done",
        "240502 181112 3 INFO a.B: done",
        "[Thu May 02 18:11:12 2024] [error] done",
        '{"time": "2024-05-02 18:11:12", "msg": "done"}',
    ):
        assert parse_line(line, shanghai).event_time == AT, line
    assert parse_line("2024-05-02T10:11:12Z done", shanghai).event_time == AT


def test_without_a_year_there_is_no_time_but_everything_else() -> None:
    said = parse_line("May  2 10:11:12 gate3 lpd: done", LineClock(UTC, None))
    assert (said.event_time, said.host, said.component, said.message) == (None, "gate3", "lpd", "done")


@pytest.mark.parametrize(
    "stamp", ["2024-13-02 10:11:12", "2023-02-29 10:11:12", "2024-05-02 25:11:12", "0000-01-01 00:00:00"]
)
def test_a_time_that_no_calendar_has_is_null(stamp: str) -> None:
    said = parse_line(f"{stamp} ERROR boiler: out", CLOCK)
    assert (said.event_time, said.severity_text, said.message) == (None, "ERROR", "out")


def test_times_at_the_ends_of_the_calendar_do_not_raise() -> None:
    for zone in (timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))):
        for line in ("0001-01-01 00:00:00 first", "9999-12-31 23:59:59 last", "9999-12-31T23:59:59.999-12:00 last"):
            parse_line(line, LineClock(zone, 9999))


def years(stamps: list[str]) -> list[int]:
    parser = LineParser(LineClock(UTC, 2023))
    times = [parser.parse(f"{stamp} 10:00:00 host job: done").event_time for stamp in stamps]
    return [time.year for time in times if time is not None]


def test_the_year_goes_on_after_december() -> None:
    assert years(["Nov 30", "Dec 31", "Jan  1", "Jun 14", "Dec 31", "Jan  2"]) == [2023, 2023, 2024, 2024, 2024, 2025]


def test_a_late_line_of_the_old_year_moves_nothing() -> None:
    assert years(["Dec 31", "Jan  1", "Dec 31", "Jan  1", "Feb  1"]) == [2023, 2024, 2023, 2024, 2024]


def test_a_step_back_within_a_year_stays_in_it() -> None:
    assert years(["Jul  8", "Jul  1", "Mar  1", "Jul  9"]) == [2023] * 4


def test_a_long_silence_is_no_late_line() -> None:
    assert years(["Dec 31", "Jan  1", "Nov 15"]) == [2023, 2024, 2024]


def test_a_first_line_of_december_is_of_the_year_given() -> None:
    assert years(["Jan  1", "Dec 31", "Jan  1"]) == [2023, 2023, 2024]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([line for _, line, *_ in LINES]), max_size=30).flatmap(
        lambda rows: st.tuples(st.just(rows), st.permutations(rows))
    )
)
def test_the_order_of_lines_changes_no_answer(orders: tuple[list[str], list[str]]) -> None:
    """What a parser has read before must not show: all lines above are of one year, so nothing rolls over."""
    alone = {line: parse_line(line, CLOCK) for line in orders[0]}
    for rows in orders:
        parser = LineParser(CLOCK)
        assert [parser.parse(line) for line in rows] == [alone[line] for line in rows]


# Fragments from which real-looking and broken lines can be built, beside plain text with every code point.
ANY_CHARACTER = st.text(st.characters(), max_size=60)
FRAGMENT = st.sampled_from(
    [line for _, line, *_ in LINES]
    + ["<13>", "<999>1 ", "May  2 10:11:12 ", "2024-05-02T10:11:12", ".123456789", "Z", "+08:00", " - ", "[", "]", ": "]
    + [
        "INFO ",
        "\x1b[31m",
        "\ufeff",
        "\x00",
        "\ud800",
        "=",
        '"',
        "{",
        "}",
        "1714644672 ",
        "\\",
        "\n",
        "９",
        "é",
        "\u2028",
    ]
)
LINE = st.one_of(
    ANY_CHARACTER,
    st.lists(st.one_of(FRAGMENT, ANY_CHARACTER), max_size=6).map("".join),
    st.tuples(FRAGMENT, st.integers(0, 80), ANY_CHARACTER).map(
        lambda made: made[0][: made[1]] + made[2] + made[0][made[1] :]
    ),
    st.tuples(FRAGMENT, st.integers(4000, 4200)).map(lambda made: made[0] + "长" * made[1]),
)


@settings(max_examples=1000, deadline=None)
@given(LINE)
def test_any_text_gives_a_message_and_never_raises(line: str) -> None:
    said = parse_line(line, CLOCK)
    whole = re2.sub(b"\x1b\\[[0-9;]*[mK]", b"", line.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    if said.format == UNKNOWN:
        assert said == LogLine(whole.rstrip("\r\n"), UNKNOWN)
    elif said.format != "logfmt" and not whole.lstrip("\ufeff \t\n\f\r").startswith("{"):  # in data it is a value
        assert whole.rstrip(" \t\r\n").endswith(said.message)
    assert said.severity in (None, *SEVERITIES)
    assert said.event_time is None or said.event_time.tzinfo is UTC
    assert pickle.loads(pickle.dumps(said)) == said
    assert LineParser(CLOCK).parse(line) == said


def test_a_long_line_keeps_its_whole_message() -> None:
    tail = "长" * 100_000
    assert parse_line(f"May  2 10:11:12 gate3 lpd: {tail}", CLOCK).message == tail
    assert parse_line(tail, CLOCK).message == tail
    huge = '{"msg": "' + "x" * 70_000 + '"}'
    assert parse_line(huge, CLOCK) == LogLine(huge, UNKNOWN)


@pytest.mark.parametrize("pattern", [LEVEL, LEVEL_IN_CAPITALS])
def test_every_level_that_a_pattern_finds_has_a_severity(pattern: str) -> None:
    words = re2.sub(r"\(\?i?:|\(|\)", "", pattern).split("|")
    assert len(words) > 20
    assert [word for word in words if severity_of_word(word) is None] == []


def test_a_rolling_clock_keeps_the_zone_and_needs_a_year() -> None:
    clock = RollingClock(LineClock(UTC, None))
    assert clock.timezone is UTC
    assert [clock.year_of(12, 31), clock.year_of(1, 1)] == [None, None]
