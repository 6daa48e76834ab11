"""The way out: a router that loses its uplink; and an update that restarts half the building on purpose."""

from __future__ import annotations

from pipelines.demo.incidents.story import Kind, Story

# What a device of each type says when its cloud does not answer; `{}` stays a gap of the phrase language.
_CUT_OFF = {
    "access_point": "warning | cloud | controller not reachable for <60..240> s, running on last settings",
    "camera": "警告 | 网络 | 与平台连接超时,第 <2..9> 次重试",
    "doorbell": "E | cloud | push failed, no route to notification service",
    "till": "Error | POS.Payment | Authorisation host timed out after 30 s, offline mode",
    "lock": "warning | radio | gateway answers but cloud is silent, <3..40> events queued",
    "room_panel": "E | Calendar | sync failed: java.net.SocketTimeoutException after <20000..30000> ms",
    "thermostat": "E | mqtt | connection lost, reconnect in <8..64> s",
    "air_sensor": "E | mqtt | broker unreachable (errno <113..113>), <11..90> messages queued",
    "vacuum": "警告 | 网络 | 云端无响应,离线运行",
    "ev_charger": "ERROR | OCPP | websocket closed, central system did not answer <3..3> heartbeats",
    "inverter": "WARN | COM | portal upload failed, timeout, buffered <4..30> kB",
    "medical_fridge": "ERROR | Network | remote alarm path not available, cloud unreachable",
    "freezer": "err | net | report not sent, host lookup timed out",
}


def _uplink_lost(story: Story) -> None:
    story.title("uplink lost, all offline", minutes=62)
    story.reading("uplink_latency", (0, 0), (8, 35), (16, 180), (19, 900), (52, 900), (53, 4), (60, 0))
    story.reading("uplink_loss", (0, 0), (7, 3), (15, 18), (19, 100), (52, 100), (53, 0.4), (60, 0))
    story.logs("""
        4 | notice | wan | CRC errors on the line, <210..380> in 5 min
        9 | warning | wan | keepalive answered late, <160..240> ms
        14 | warning | wan | signal to noise margin <2.1..3.0> dB, was 9
        18 | err | pppd | no response to 5 echo-requests
        18 | err | wan | link lost, carrier down
        19 | err | dnsmasq | no upstream server answers
        20 | err | wan | LTE backup: no signal
        24 | err | pppd | timeout waiting for PADO packets
        33 | err | pppd | timeout waiting for PADO packets
        44 | err | pppd | timeout waiting for PADO packets
        52 | notice | wan | line synchronised again, <70..81> Mbit/s
        53 | info | pppd | session up, address assigned
    """)
    for device in story.building.devices:
        if device.type in _CUT_OFF:
            story.repeat(20 + story.rng.uniform(0, 4), 51, 11, _CUT_OFF[device.type], device)
    _people_notice(story)
    story.alarm(29, "WAN-LOS", "critical", "Internet uplink lost for 10 min, no backup path", cleared=54)


def _people_notice(story: Story) -> None:
    by_type = {device.type: device for device in story.building.devices}
    here = story.device
    story.message(
        23,
        "en",
        "nothing in the whole house gets online since about five minutes, router has a red globe",
        "No internet anywhere in the building. The router lamp is red and the till refuses cards!",
        device=by_type.get("till", here),
        channel="phone",
    )
    story.message(
        26,
        "zh-CN",
        "整栋楼的网都断了,门铃和摄像头在手机上全是灰的",
        "三楼上不了网了,路由器亮红灯,重启过一次没用",
        device=by_type.get("doorbell", here),
    )
    story.message(
        31,
        "en",
        "All four meeting panels say 'not connected' and we have visitors in ten minutes.",
        "the app can't reach my thermostat, and the wifi says connected without internet",
        device=by_type.get("room_panel", here),
        channel="email",
    )
    story.message(
        37,
        "zh-CN",
        "客人刷不了卡,收款机一直在转圈,请尽快恢复网络",
        "网络断了快二十分钟了,什么时候能好?",
        device=by_type.get("till", here),
    )


_STORM = {
    "access_point": """
        notice | upgrade | image 6.6.62 verified, restarting in 5 s
        warning | radio | all clients dropped for the update
        notice | kernel | Linux 5.15.152 starting, last reset by software
        info | radio | both radios up, config unchanged
        info | cloud | reported version 6.6.62, update successful
    """,
    "camera": """
        提示 | 系统 | 收到升级包 V5.7.30,校验通过
        提示 | 系统 | 正在重启,录像将中断约 60 秒
        信息 | 系统 | 启动成功,升级完成
    """,
    "room_panel": """
        I | Update | package 9.1 downloaded, installing in maintenance window
        I | PowerManager | reboot requested by device policy
        I | Update | 9.1 installed, old package removed
    """,
}


def _updates(story: Story) -> None:
    story.title("planned update, all restart", minutes=28)
    wave = 0.0
    for device in story.building.of_type(*_STORM):
        rows = [row for row in _STORM[device.type].splitlines() if row.strip()]
        for step, row in enumerate(rows):
            story.logs(f"{wave + 0.8 * step:.1f} | {row}", device)
        wave += 2.2


KINDS = (
    Kind("uplink_lost", ("router",), _uplink_lost),
    Kind("firmware_update", ("access_point",), _updates, harmless=True),
)
