"""Texts whose answers the card keeps: a bundle that gives others is not the bundle that was measured."""

from __future__ import annotations

GOLDEN_TEXTS = (
    "The thermostat in the hallway has been showing 40 degrees since breakfast and the heating will not stop.",
    "my doorbell keeps dropping off the wifi every evening, restarting the router didn't help",
    "There is smoke coming out of the battery cabinet in the garage right now",
    "Absolutely love the new blinds, they open with the sun every morning. Thank you!",
    "I was charged twice for the March subscription, please refund one of them. No hurry.",
    "how do i add my daughter as a second user to the front door lock",
    "turn the bedroom down to nineteen degrees",
    "Could you send someone on Thursday to look at the freezer in shop 12?",
    "Somebody logged in to my camera account from a city I have never been to",
    "great, another update, another morning without hot water",
    "客厅的空调一直显示通讯故障，重启也没用",
    "厨房里闻到很浓的煤气味，报警器一直在响",
    "把卧室的灯调暗一点",
    "请问怎么把新买的门锁绑定到手机上？",
    "充电桩充到一半就停了，已经第三次了，真让人失望",
    "师傅上门很准时，安装得又快又干净，非常满意",
    "Bonjour, mon thermostat ne répond plus depuis hier soir.",
    "wlan0: authentication with access point timed out after 3 attempts",
    "bms: cell 7 temperature 61.5 C above limit 55.0 C, charging stopped",
    "scheduler: nightly backup finished, 1284 files, 0 errors",
    "sshd: failed password for admin from 10.4.0.17, attempt 6",
    "journal: write to /dev/mmcblk0p2 failed: no space left on device",
    "主控: 看门狗复位，上次任务 modbus_poll 超时",
    "E-204 Conveyor 3 motor overload, drive tripped",
    "TMP-H2 冷库温度超过上限，当前零下二度",
    "UPS-11 Mains supply restored, alarm cleared",
)
