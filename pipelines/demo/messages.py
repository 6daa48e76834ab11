"""What the people of the building write on an ordinary day: questions, thanks, small troubles, small talk.

Each sentence is said at most once a run. None of them is a planted incident, though some are cross.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from pipelines.demo.building import Building
from pipelines.demo.event import DemoEvent
from schemas.customer_messages import CUSTOMER_MESSAGES


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to say: about a device of which type, in which language."""

    device_type: str
    language: str
    text: str


def _said(language: str, table: str) -> tuple[Message, ...]:
    return tuple(
        Message(cell.strip(), language, text.strip())
        for cell, text in (row.split(" | ", 1) for row in table.splitlines() if row.strip())
    )


_ENGLISH = _said(
    "en",
    """
    thermostat | How do I copy Monday's heating times to the rest of the week?
    thermostat | set the waiting room to 21 until six please
    thermostat | love the new away mode, the flat was warm when we came home
    thermostat | Is it normal that the display goes dark at night? It does come back when I touch it.
    thermostat | can you tell me what the little leaf means
    lock | Could my dog walker get a code for Tuesdays only?
    lock | How many fingerprints can one door remember?
    lock | new tenant in 3A from the first, what do I have to reset?
    lock | My son changed phones and now has no key in the app, where do I invite him again?
    lock | just wanted to say the auto-lock is great, no more running back downstairs
    lock | What is the proper size of batteries for the courtyard door? No hurry, it says 87 percent.
    doorbell | please make the chime quieter between eight and ten, the baby sleeps
    doorbell | Can visitors leave a spoken note when I'm out?
    doorbell | The picture of the postman made my day, thank you
    doorbell | where are last week's clips stored and for how long
    camera | Who apart from the caretaker may look at the garage recordings?
    camera | Please send me the form for a copy of a recording, a scratch on my car, Thursday.
    camera | how can i turn off the little blue light on the entrance camera
    camera | Night pictures are much sharper since the last update. Well done.
    lift | Which floor does the lift wait on at weekends?
    lift | Thanks to whoever oiled the lift doors, the squeak is gone!
    lift | hello, moving out on saturday, can we reserve the front lift from 9 to 11?
    lift | The mirror in the courtyard lift has fingerprints all over, when is it cleaned?
    ev_charger | Do I pay by the hour or by the kilowatt hour in bay 2?
    ev_charger | How can I see last month's charging for my employer?
    ev_charger | start charging at eleven tonight and stop at 80 percent
    ev_charger | The card reader takes two tries now and then. Not a big thing.
    ev_charger | my neighbour parks in front of bay 1 although his car is a diesel, who do i talk to
    inverter | What did the roof produce in May compared with last May?
    inverter | 38 kWh yesterday! Best day of the year, the kids put it on the fridge.
    inverter | can I read the solar figures with my own home automation
    washer | Which programme is right for a down jacket?
    washer | coin slot or app, is the app cheaper?
    washer | The dryer list on the wall is from 2019, could somebody print a new one?
    washer | i left a blue sock in washer 1, if anybody finds it
    vacuum | vacuum the waiting room after five
    vacuum | how do I tell it not to go under the aquarium
    vacuum | It's cleaner in here than it has been in years. Happy practice team.
    vacuum | Where do I order the grey brushes, and are they the same for the older model?
    printer | How do I scan straight into my own folder?
    printer | new starter in the practice tomorrow, can she get a printing pin?
    printer | Two-sided printing as default was a good idea, we use half the paper now.
    room_panel | Book Elm for tomorrow two to three, eight people.
    room_panel | can the panel show first names only
    room_panel | How do I release a room when the meeting ends early?
    room_panel | Birch panel shows the old company logo, whenever somebody has five minutes.
    access_point | What's the guest wifi password for the waiting room this month?
    access_point | wifi in the stairwell is a bit slow, but honestly who streams on the stairs
    access_point | May I plug in my own access point in flat 2B?
    router | Is there a fixed address available for our lab server?
    fridge | Can the drinks fridge be a degree colder on hot days?
    freezer | When is the ice-cream freezer due for its yearly service?
    till | Where do I change the text at the bottom of the receipt?
    till | good evening, how do I print yesterday's closing again
    till | customers like paying by watch, thanks for switching that on
    medical_fridge | How do I export the temperature log for the inspector, as PDF if possible?
    medical_fridge | Inspector was here, said the fridge records were the tidiest she had seen. Cheers!
    air_sensor | The traffic light in Elm turned yellow at the end of the meeting, what number is that?
    air_sensor | do the air sensors listen, or is it really only air
    heat_pump | Which temperature should I ask for if I want to save, 20 or 19?
    boiler | Is the boiler still needed now that we have the heat pump?
    smoke_detector | Do I have to dust the smoke detector myself?
    leak_sensor | What are the small white discs on the laundry floor for?
    power_meter | Where do I see how much the common light costs us?
    water_meter | When will the yearly water reading be sent out?
    ups | What is the humming box in the cabinet, somebody asked me
    switch | Would one more network socket in flat 2A be possible, and what would it cost?
    air_handler | The air in the lab is lovely today, did you change anything?
    """,
)

_CHINESE = _said(
    "zh-CN",
    """
    thermostat | 请问怎么设置周末晚一点开暖气?
    thermostat | 把候诊室调到二十一度,谢谢
    thermostat | 新的界面比以前好懂多了,给设计师点赞
    lock | 我想给钟点工一个只在周四能用的密码,在哪里设?
    lock | 换了手机,以前的钥匙要不要先删掉?
    lock | 指纹录了两个,最多能录几个呀
    doorbell | 门铃声音能换一个吗,最好柔和点
    doorbell | 昨天快递的录像帮了大忙,谢谢
    camera | 车库的录像保存多少天,谁能看?
    camera | 夜里画面清楚多了,不错
    lift | 周六上午搬家,想预约一下前面那部电梯
    lift | 电梯里的灯换了以后舒服多了
    ev_charger | 晚上十一点以后充电是不是便宜一些?
    ev_charger | 上个月的充电记录怎么导出来,要报销
    ev_charger | 两个车位能不能都预约,同事周五过来
    inverter | 屋顶今天发了多少度电,在哪儿看
    inverter | 孩子每天都要看发电量,很有意思的功能
    washer | 羽绒服用哪个程序洗比较好?
    washer | 洗衣房周日几点关门
    vacuum | 下午五点以后打扫候诊室
    vacuum | 怎么让扫地机别去鱼缸下面
    vacuum | 扫得很干净,护士们都说好
    printer | 新来的同事要一个打印密码,怎么申请
    printer | 扫描能直接发到自己的邮箱吗?
    room_panel | 明天下午两点到三点订一下榆树会议室,八个人
    room_panel | 会议提前结束了,怎么把房间让出来
    access_point | 这个月访客无线网的密码是多少
    access_point | 楼梯间信号弱一点,不过没关系
    router | 实验室的服务器想要一个固定地址,可以吗
    fridge | 天热的时候饮料柜能不能再低一度
    till | 小票下面那行字在哪里改?
    till | 能用手表付款了,顾客很喜欢
    medical_fridge | 检查的人要温度记录,能导出成表格吗
    air_sensor | 会议室的灯变黄了,是多少数值?不急,问一下
    heat_pump | 想省一点电,开十九度还是二十度好?
    smoke_detector | 烟感上面的灰要自己擦吗
    leak_sensor | 洗衣房地上那个白色小圆片是干什么用的
    water_meter | 水费账单什么时候发?
    power_meter | 公共照明的电费怎么分摊,能看明细吗
    air_handler | 今天实验室空气真好
    """,
)

EVERYDAY: tuple[Message, ...] = (*_ENGLISH, *_CHINESE)

_CHANNELS = ("app", "app", "app", "chat", "email", "phone")


def everyday_messages(
    building: Building, day: tuple[int, int], count: int, rng: Random, messages: Sequence[Message] = EVERYDAY
) -> Iterator[DemoEvent]:
    """Let people write `count` different messages (fewer if there are no more), spread over the day (start, end)."""
    present = {device.type for device in building.devices}
    sayable = [message for message in messages if message.device_type in present]
    chosen = rng.sample(sayable, min(count, len(sayable)))
    times = sorted(rng.randrange(*day) for _ in chosen)
    for time_us, message in zip(times, chosen, strict=True):
        fields: dict[str, object] = {
            "text": message.text,
            # Some channels do not know the language: the models must find it out.
            "language": message.language if rng.random() < 0.7 else None,
            "channel": rng.choice(_CHANNELS),
            "conversation": f"c-{rng.randrange(10_000, 99_999)}",
        }
        device = rng.choice(building.of_type(message.device_type))
        yield DemoEvent(CUSTOMER_MESSAGES.name, device.device_id, time_us, fields)
