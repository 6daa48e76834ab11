"""Somebody who should not be here: codes are tried at a door until it is forced."""

from __future__ import annotations

from pipelines.demo.incidents.story import Kind, Story


def _forced(story: Story) -> None:
    story.title("codes tried, door forced", minutes=60)
    story.repeat(
        2,
        17,
        0.9,
        """
            warning | access | code rejected, not in list
            warning | keypad | wrong code, attempt <2..9>
            warning | access | rejected, unknown code length <4..6>
        """,
    )
    story.logs("""
        6 | err | keypad | locked for 60 s after 5 wrong codes
        12 | err | keypad | locked for 300 s after 10 wrong codes
        14 | warning | nfc | unknown card presented <6..12> times, uid <hex8>
        19 | err | tamper | vibration at the outer plate, <4.1..6.8> g
        21 | crit | tamper | cover lifted
        22 | crit | motor | bolt moved <7.2..9.9> mm without drive, forced from outside
        22 | crit | door | opened while locked
        48 | notice | tamper | cover closed by service, alarm memory read out
    """)
    for camera in story.building.of_type("camera")[-1:]:
        story.logs(
            """
                18 | 警告 | 智能 | 检测到人员徘徊超过 120 秒
                21 | 警告 | 图像 | 镜头被遮挡
            """,
            camera,
        )
    story.message(
        20,
        "en",
        "Two men with a crowbar are at the back door, they pressed the keypad for ages. I am alone upstairs.",
        "someone is breaking in downstairs right now i can hear the door",
        channel="phone",
    )
    story.alarm(23, "ACC-FORCED", "critical", "Door forced, opened without release", cleared=50)


KINDS = (Kind("forced_entry", ("lock",), _forced),)
