"""Cold that is lost: a freezer whose compressor fails, a medical fridge left open; and a defrost, which is neither."""

from __future__ import annotations

from pipelines.demo.incidents.story import Kind, Story


def _compressor_fails(story: Story) -> None:
    story.title("compressor fails", minutes=290)
    story.reading("box_temp", (0, 0), (25, 0.9), (60, 2.4), (95, 4.6), (160, 9.8), (220, 13.5), (255, 14.2), (290, 0))
    story.reading(
        "compressor_power", (0, 0), (15, 70), (55, 120), (62, 150), (64, -190), (250, -190), (251, 60), (290, 0)
    )
    story.logs("""
        7 | warning | compressor | running <52..58> min without a stop, box <-18.4..-17.9> C
        19 | warning | compressor | duty <96..99> %, discharge line <91..97> C
        34 | warning | control | set point not reached since <33..38> min, box <-17.4..-16.9> C
        50 | warning | compressor | current <1.9..2.3> A, usually 0.9 A
        62 | err | compressor | start attempt failed, rotor locked, <10.8..12.6> A
        64 | err | compressor | thermal overload opened, next try in 5 min
        70 | err | compressor | start attempt 2 failed
        76 | err | compressor | start attempt 3 failed
        82 | err | compressor | start attempt 4 failed, overload open
        88 | crit | compressor | giving up after 5 starts, compressor disabled
        101 | err | control | no cooling, box <-14.2..-13.6> C and rising 0.07 K/min
        150 | crit | control | high-temperature alarm, box <-9.8..-8.9> C
        250 | notice | service | start capacitor replaced, compressor released by technician
        252 | info | compressor | start, pull-down
    """)
    story.message(
        112,
        "en",
        "Our ice-cream freezer just clicks every few minutes and the tubs along the edge have gone soft.",
        "hi, the freezer with the ice cream in it isn't humming any more and stuff at the top is dripping. 18 tubs!",
        "Something is wrong with the big freezer in the shop, it says minus thirteen and the lollies bend",
        channel="chat",
    )
    story.alarm(150, "F-HT", "major", "Box temperature above -14.0 C for 60 min", cleared=288)


def _left_open(story: Story) -> None:
    story.title("door ajar, vaccines warm", minutes=95)
    story.reading("box_temp", (0, 0), (8, 0.7), (20, 2.2), (40, 4.1), (58, 5.0), (64, 4.6), (95, 0))
    story.reading("compressor_power", (0, 0), (6, 35), (60, 70), (95, 0))
    story.logs("""
        1 | INFO | Door | opened, badge <1000..9999>
        4 | WARNING | Door | open for 180 s
        11 | WARNING | Door | still open, <640..680> s, fan stopped
        19 | WARNING | Monitor | chamber=<6.4..6.9> air rising, upper limit 8.0
        30 | ERROR | Monitor | chamber=<8.2..8.5> above upper limit, delay 10 min running
        41 | CRITICAL | AlarmService | temperature alarm, chamber=<8.7..9.1> buffer=<7.6..7.9>
        61 | INFO | Door | closed, open for <3580..3690> s
        63 | WARNING | Monitor | cooling back, excursion <33..36> min written to batch record
    """)
    story.message(
        36,
        "en",
        "The vaccine fridge beeps and shows 8.4. I cannot leave reception. Are the flu shots lost?",
        "reception here, the display on the vaccine fridge is red, eight point something, door not fully shut",
    )
    story.alarm(41, "MED-HI", "critical", "Storage temperature above 8.0 C", cleared=88)


def _defrosts(story: Story) -> None:
    story.title("defrosts, as every day", minutes=55)
    story.reading("box_temp", (0, 0), (6, 0.4), (24, 3.6), (30, 3.4), (52, 0))
    story.reading("compressor_power", (0, 0), (1, -150), (26, -150), (27, 60), (50, 0))
    story.logs("""
        0 | notice | defrost | start by timer, compressor halted, heater on
        9 | info | defrost | evaporator <-4.0..-2.5> C, ice is coming off
        21 | info | defrost | evaporator <6.5..8.0> C, heater off, dripping
        26 | info | defrost | finished, fan delayed until the coil is cold
        50 | info | control | box back at <-18.6..-18.1> C
    """)


KINDS = (
    Kind("compressor_failure", ("freezer",), _compressor_fails),
    Kind("medical_fridge_left_open", ("medical_fridge",), _left_open),
    Kind("defrost", ("freezer",), _defrosts, harmless=True),
)
