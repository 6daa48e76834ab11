"""What devices and operating systems write: kernel, Android, Windows servicing, Kubernetes nodes, microcontrollers."""

from __future__ import annotations

from schemas.log_lines.clock import Clock
from schemas.log_lines.format import LEVEL, LEVEL_IN_CAPITALS, MONTH, Format, captured
from schemas.log_lines.line import LogLine
from schemas.log_lines.stamps import iso_stamp
from schemas.severity import severity_of_word

_CLOCK = r"(?P<clock>\d\d:\d\d:\d\d)"
_LETTERS = {"V": "verbose", "D": "debug", "I": "info", "W": "warning", "E": "error", "F": "fatal", "A": "fatal"}


def _read_windows_cbs(line: str, clock: Clock) -> LogLine:
    """Read `STAMP, Level   COMPONENT   message`, as Windows' component servicing pads it with blanks."""
    moment, end = iso_stamp(line, clock)
    level, component, *message = line[end + 1 :].split(None, 2)
    return LogLine("".join(message), "windows_cbs", moment, None, component, None, severity_of_word(level), level, None)


DEVICE_FORMATS = (
    Format(
        "windows_cbs",
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, (?:Info|Warning|Error|Critical|Verbose|Perf) +[A-Z][A-Z0-9_]+(?: |$)",
        _read_windows_cbs,
    ),
    # W0502 10:11:12.345678    4711 kubelet.go:123] message
    captured(
        "klog",
        rf"(?P<level>[IWEF])(?P<month>[01]\d)(?P<day>[0-3]\d) {_CLOCK}\.(?P<fraction>\d{{1,9}}) +(?P<pid>\d+) "
        r"(?P<component>[\w./-]+):(?P<line>\d+)\] ?",
        levels=_LETTERS,
    ),
    # 05-02 10:11:12.345  4711  4733 W BatteryService: message
    captured(
        "logcat_threadtime",
        rf"(?:(?P<year>\d{{4}})-)?(?P<month>[01]\d)-(?P<day>[0-3]\d) {_CLOCK}\.(?P<fraction>\d{{3,9}})"
        r"(?: (?P<zone>[+-]\d{4}))? +(?:(?P<user>[a-z]\w*) +)?(?P<pid>\d+) +(?P<thread>\d+) (?P<level>[VDIWEFA]) "
        r"(?P<component>[^:]{0,80}?) *: ?",
        levels=_LETTERS,
    ),
    # 05-02 10:11:12.345 W/BatteryService( 4711): message
    captured(
        "logcat_time",
        rf"(?:(?P<year>\d{{4}})-)?(?P<month>[01]\d)-(?P<day>[0-3]\d) {_CLOCK}\.(?P<fraction>\d{{3,9}}) +"
        r"(?P<level>[VDIWEFA])/(?P<component>[^(]{1,80}?) *\( *(?P<pid>\d+)\): ?",
        levels=_LETTERS,
    ),
    # W/BatteryService( 4711): message
    captured(
        "logcat_brief",
        r"(?P<level>[VDIWEFA])/(?P<component>[^(/]{1,80}?) *\( *(?P<pid>\d+)(?::0x[0-9a-f]+)?\): ?",
        levels=_LETTERS,
    ),
    # [00:00:12.345,678] <wrn> battery: message, as Zephyr writes it: time since start-up
    captured(
        "zephyr",
        r"\[(?P<uptime>\d{1,3}:\d\d:\d\d\.\d{3},\d{3})\] <(?P<level>err|wrn|inf|dbg)> (?P<component>[\w.-]+): ?",
    ),
    # W (12345) battery: message, as ESP-IDF writes it: milliseconds since start-up, or the time of day
    captured(
        "esp_idf",
        r"(?P<level>[EWIDV]) \((?P<uptime>\d+|\d\d:\d\d:\d\d\.\d{3})\) (?P<component>[\w.:-]{1,80}): ?",
        levels=_LETTERS,
    ),
    # [Thu May  2 10:11:12 2024] message, as dmesg -T writes it
    captured(
        "dmesg_time",
        rf"(?:<(?P<priority>\d{{1,3}})>)?\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?P<month>{MONTH}) +(?P<day>\d\d?) {_CLOCK} "
        r"(?P<year>\d{4})\] ",
        component="kernel",
    ),
    # <4>[   12.345678] message: seconds since start-up, which are no point in time
    captured(
        "dmesg", r"(?:<(?P<priority>\d{1,3})>)?\[ *(?P<uptime>\d+\.\d{3,9})\](?:\[ *[TC]\d+\])? ?", component="kernel"
    ),
    # 02.05.2024 10:11:12 and 02-May-2024 10:11:12.345: the day first, where nothing else can be meant
    captured(
        "day_first",
        rf"\[?(?P<day>\d\d)(?:\.(?P<month>[01]\d)\.|[/-](?P<month__name>{MONTH})[/-]| (?P<month__apart>{MONTH}) )"
        rf"(?P<year>\d{{4}})[ :]{_CLOCK}(?:[.,](?P<fraction>\d{{1,9}}))?\]?"
        rf"(?: +(?:\[(?P<level>{LEVEL})\]|(?P<level__bare>{LEVEL_IN_CAPITALS})\b):?)? +",
    ),
)
