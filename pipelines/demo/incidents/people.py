"""Things about people: someone stuck in a lift; an inspection, a drill, a delivery and an invoice, which are none."""

from __future__ import annotations

from pipelines.demo.incidents.story import Kind, Story


def _stuck(story: Story) -> None:
    story.title("door fault, someone stuck", minutes=80)
    story.reading("door_motor_current", (0, 0), (10, 0.4), (25, 0.9), (33, 1.6), (36, 0), (80, 0))
    story.logs("""
        4 | warning | door | closing took <4.6..5.2> s, second try needed
        11 | warning | door | closing force high, reopened, <2..3> tries
        18 | warning | door | track blocked? <4..5> tries on floor 2
        26 | err | door | car door not locked after 8 tries
        31 | err | drive | run aborted, door contact open during travel
        32 | crit | safety | chain open, car stopped between floor 1 and 2, load <70..88> kg
        33 | crit | emergency-line | alarm button held for <3..9> s
        61 | notice | controller | passenger released by service, car on floor 1
    """)
    story.message(
        36,
        "en",
        "I am stuck in the courtyard lift between first and second, doors open a hand's width, nothing moves",
        "lift stopped with a jerk and we're trapped inside, two of us, my mum has trouble breathing",
        channel="voice",
    )
    story.alarm(38, "LIFT-ENTRAP", "critical", "Passenger alarm, car between floors", cleared=62)


def _inspection(story: Story) -> None:
    story.title("yearly inspection", minutes=50)
    story.logs("""
        0 | notice | controller | inspection mode on, key switch on car roof
        8 | info | door | held open by technician
        16 | info | safety | overspeed governor tripped by hand for the test, reset
        29 | info | drive | buffer test run, <0.95..1.02> m/s
        44 | info | safety | report: all stops reached, nothing to object to
        47 | notice | controller | inspection mode off, back in service
    """)


def _drill(story: Story) -> None:
    story.title("announced fire drill", minutes=45)
    story.message(
        0,
        "en",
        "Reminder: fire drill in ten minutes. Bells ring for a quarter of an hour on purpose, take the stairs.",
        "Just so you know, the evacuation exercise is at half past, no need to call anybody when the sounders go.",
        channel="email",
    )
    for detector in story.building.of_type("smoke_detector"):
        story.logs(
            """
                10 | info | loop | exercise mode on, sounders by hand, no detector in alarm
                24 | info | loop | sounders silenced, exercise over
                26 | info | head | chamber <0.16..0.24> %/m, never above
            """,
            detector,
        )
    for lift in story.building.of_type("lift"):
        story.logs(
            """
                10 | notice | dispatcher | recall to floor 0 by fire panel exercise, doors open
                25 | notice | dispatcher | recall ended, normal traffic
            """,
            lift,
        )
    story.message(
        40, "zh-CN", "演习结束啦,大家辛苦了,六分钟全部撤离完", "消防演练很顺利,谢谢物业提前通知", channel="chat"
    )


def _delivery(story: Story) -> None:
    story.title("filled, door open a while", minutes=30)
    story.reading("box_temp", (0, 0), (7, 1.5), (10, 1.4), (28, 0))
    story.logs("""
        0 | info | door | opened, loading key turned
        5 | notice | door | open 300 s while it is being filled, tolerance 10 min
        8 | info | door | shut, loading key released
        27 | info | control | box <4.2..4.8> C again
    """)


def _invoice(story: Story) -> None:
    story.title("angry about an invoice", minutes=40)
    story.message(
        0,
        "en",
        "Third reminder for an invoice that I paid in August! I am FURIOUS. Check your own bank statement.",
        "You charged the service plan twice again. This is outrageous, I want the <29..58> euros back and an apology.",
        channel="email",
    )
    story.message(
        22,
        "zh-CN",
        "发票抬头又开错了,第四次了!你们财务是闭着眼睛开的吗",
        "说好免费试用一个月,结果第三天就扣钱,太气人了,退款!",
    )


KINDS = (
    Kind("lift_entrapment", ("lift",), _stuck),
    Kind("lift_inspection", ("lift",), _inspection, harmless=True),
    Kind("fire_drill", ("smoke_detector",), _drill, harmless=True),
    Kind("fridge_delivery", ("fridge",), _delivery, harmless=True),
    Kind("angry_invoice", ("doorbell", "thermostat", "vacuum", "printer"), _invoice, harmless=True),
)
