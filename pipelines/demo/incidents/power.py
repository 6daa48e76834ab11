"""Electricity: an aged battery, power cut, a charging plug overheats; and a self test that looks like a cut."""

from __future__ import annotations

from pipelines.demo.incidents.story import Kind, Story


def _battery_aged(story: Story) -> None:
    story.title("aged battery, power cut", minutes=150)
    story.reading(
        "battery_voltage", (0, 0), (40, -0.5), (90, -1.1), (96, -1.4), (97, -5.5), (103, -8.8), (106, -2), (150, 0)
    )
    story.reading("runtime_left", (0, 0), (40, -9), (90, -24), (97, -30), (103, -38), (106, -30), (150, 0))
    story.logs("""
        3 | Warning | Battery | Capacity test ended early, <58..63> percent of nominal
        31 | Warning | Battery | Internal resistance of string 2 is <34..41> percent above reference
        66 | Warning | Battery | Runtime estimate corrected to <16..19> minutes
        88 | Error | Battery | Replace battery, cell voltage deviates by <0.28..0.35> V
        97 | Error | UPS | Input voltage lost, on battery
        99 | Error | UPS | Runtime shrinks faster than expected, <3..4> minutes left
        102 | Critical | UPS | Low battery, clients are told to shut down
        104 | Notice | UPS | Input is back, <224..230> V, charging
    """)
    for switch in story.building.of_type("switch"):
        story.logs("103 | WARNING | POE | input on UPS, ports 9-22 shed to save power", switch)
    story.message(
        99,
        "zh-CN",
        "地下室和车库停电了,机柜在滴滴响,应急电源还能撑几分钟?",
        "突然停电,弱电间的UPS一直叫,屏幕上写只剩三分钟",
    )
    story.alarm(102, "UPS-LB", "critical", "Battery low while on battery, shutdown imminent", cleared=108)


def _plug_overheats(story: Story) -> None:
    story.title("charging plug overheats", minutes=75)
    story.reading("connector_temp", (0, 0), (6, 9), (15, 26), (26, 44), (34, 55), (36, 52), (75, 0))
    story.reading("charge_power", (0, 0), (20, 0), (22, -3), (34, -4), (35, -9), (70, -9), (75, 0))
    story.logs("""
        5 | WARN | 充电 | 枪温 <41..46>℃,上升过快
        13 | WARN | 充电 | 枪温 <58..62>℃,降额至 10A
        20 | WARN | 充电 | 接触电阻偏大,L2 压降 <1.4..1.9>V
        27 | ERROR | 充电 | 枪温 <76..79>℃,降额至 6A
        34 | ERROR | 充电 | 过温保护动作,停止输出,枪温 <88..92>℃
        35 | ERROR | OCPP | StatusNotification connector 1 Faulted HighTemperature
        70 | INFO | 充电 | 枪温 <35..38>℃,等待维修
    """)
    story.message(
        30,
        "zh-CN",
        "充电枪烫得手都拿不住,插头那里有股烧塑料的味道",
        "车库一号桩有焦味!插头发黑了,我不敢碰",
    )
    story.alarm(34, "EV-OT", "major", "Connector over-temperature, charging stopped", cleared=73)


def _self_test(story: Story) -> None:
    story.title("monthly battery self test", minutes=12)
    story.reading("battery_voltage", (2, 0), (2.5, -1.2), (7, -1.6), (7.5, -0.2), (12, 0))
    story.logs("""
        0 | Information | UPS | Scheduled self test starts in 2 min
        2 | Information | UPS | On battery for the self test, mains is present
        7 | Information | UPS | Self test passed, back on line
        11 | Information | Battery | Recharged, <98..100> percent
    """)


KINDS = (
    Kind("ups_battery_aged", ("ups",), _battery_aged),
    Kind("charger_overheats", ("ev_charger",), _plug_overheats),
    Kind("ups_self_test", ("ups",), _self_test, harmless=True),
)
