"""Danger: gas in the boiler room, water on the floor, something that smoulders."""

from __future__ import annotations

from pipelines.demo.incidents.story import Kind, Story


def _gas(story: Story) -> None:
    story.title("gas leaks", minutes=60)
    story.reading(
        "methane", (0, 0), (6, 60), (12, 280), (18, 900), (24, 2600), (28, 4700), (32, 3100), (45, 300), (60, 0)
    )
    story.logs("""
        5 | notice | detector | CH4 <60..75> ppm, rising
        10 | warning | detector | CH4 <210..260> ppm, ten times the usual
        16 | warning | detector | pre-alarm 1 close, CH4 <700..800> ppm
        19 | err | detector | pre-alarm 1, CH4 above 1000 ppm
        27 | crit | detector | alarm 2, CH4 above 4400 ppm, 10 % of explosive limit
        27 | crit | relay | shut-off valve released, gas supply closed, horn on
        46 | notice | detector | CH4 below 400 ppm, ventilation running
    """)
    for boiler in story.building.of_type("boiler"):
        story.logs(
            """
                14 | warning | burner | gas valve does not close tightly, <3..5> mbar lost in 10 s
                27 | err | burner | lockout, gas supply missing
            """,
            boiler,
        )
    story.message(
        22,
        "en",
        "It smells of rotten eggs on the basement stairs, quite strongly near the boiler room door",
        "strong gas smell in the cellar!! what do i do, i left the light on",
        channel="phone",
    )
    story.alarm(27, "GAS-A2", "critical", "Methane above 10 % LEL in boiler room", cleared=52)


def _water(story: Story) -> None:
    story.title("washing machine floods", minutes=85)
    washer = story.device
    for meter in story.building.of_type("water_meter"):
        story.reading("flow", (0, 0), (1, 8.5), (52, 9.2), (53, 0), (54, 0), device=meter)
        story.logs("31 | warning | flow | constant <8.9..10.4> L/min for 30 min, nobody usually draws that", meter)
    story.logs(
        """
            3 | warning | water | flow seen while inlet valve should be closed
            9 | err | water | inlet valve does not close, level <140..155> mm
            17 | err | water | float switch in base tray up, aqua stop called
            19 | err | water | aqua stop without effect, level still rising
            53 | notice | water | supply tap closed by hand
        """,
        washer,
    )
    for sensor in story.building.of_type("leak_sensor")[:1]:
        story.reading("moisture", (12, 0), (16, 18), (24, 61), (34, 88), (56, 85), (84, 0), (85, 0), device=sensor)
        story.logs(
            """
                15 | warning | probe | humid, <16..21> %
                22 | err | probe | wet, <52..60> %, rope <11..14> kOhm
                36 | crit | probe | standing water, <86..92> %
            """,
            sensor,
        )
        story.alarm(28, "LEAK", "critical", "Water on laundry room floor", cleared=80, device=sensor)
    story.message(
        25,
        "zh-CN",
        "地下洗衣房进水了,二号洗衣机底下一直往外冒水,快到插座了",
        "洗衣机漏水漏得满地都是,水龙头在哪关啊?",
        device=washer,
    )


def _smoulders(story: Story) -> None:
    story.title("waste bin smoulders", minutes=45)
    story.reading("obscuration", (0, 0), (5, 0.5), (11, 1.4), (17, 2.9), (21, 4.8), (28, 3.0), (45, 0))
    story.logs("""
        6 | notice | head | chamber <0.6..0.8> %/m, above the day's mean
        12 | warning | head | pre-alarm, <1.5..1.8> %/m and rising steadily
        18 | err | head | smoke <2.9..3.3> %/m, verification started
        20 | crit | loop | fire alarm, smoke verified, sounders on
        38 | notice | loop | reset by fire brigade
    """)
    story.message(
        16,
        "en",
        "there's a burnt smell and a thin grey haze under the ceiling of the third floor corridor",
        "Smoke is coming out of the bin next to the lift up here, I threw water on it but it still glows",
        channel="phone",
    )
    story.alarm(20, "FIRE-S", "critical", "Smoke detected and verified", cleared=40)


KINDS = (
    Kind("gas_leak", ("gas_sensor",), _gas),
    Kind("water_leak", ("washer",), _water),
    Kind("smouldering", ("smoke_detector",), _smoulders),
)
