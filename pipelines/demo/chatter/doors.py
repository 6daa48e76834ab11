"""Locks, doorbell, cameras: who comes, who goes, who is seen."""

from __future__ import annotations

from pipelines.demo.chatter.chatter import Chatter, lines

LOCK = Chatter(
    "lock",
    pace=1.2,
    routine=lines("""
        info | access | unlocked by <code|card|phone>, user <2..46>
        info | access | locked after <5..12> s
        info | motor | bolt travel <19.6..20.4> mm, <210..260> mA
        info | door | closed
        info | door | opened from inside
        info | radio | rssi <-68..-52>, mailbox empty
        info | clock | synchronised, drift <0..2> s
        info | audit | <20..90> entries uploaded
        debug | keypad | backlight <20..60> %
    """),
    scary=lines("""
        info | access | wrong code once, right code <4..9> s later, user <2..46>
        info | tamper | switch closed, alarm memory empty
        notice | access | temporary code for cleaning crew expired as planned
    """),
    reboot=lines("""
        notice | main | restart after update, application 3.2.<0..8>
        info | crypto | keys present, secure element ok
        info | motor | homing done, bolt locked
    """),
)

DOORBELL = Chatter(
    "doorbell",
    pace=0.8,
    routine=lines("""
        I | button | pressed, chime played
        I | call | answered by flat <1A|1B|2A|3A|3B> after <4..19> s
        I | call | ended, <11..64> s
        I | motion | person at door, clip <6..14> s
        I | wifi | rssi -<51..66>, <24..65> Mbit/s
        I | power | transformer <16.1..17.4> VAC
        I | night | infrared <on|off>
    """),
    scary=lines("""
        I | call | nobody answered, offered voice mail
        I | motion | loitering filter on, no event kept
    """),
    reboot=lines("""
        I | init | starting media service
        I | init | registered with cloud, <2..5> s
    """),
)

CAMERA = Chatter(
    "camera",
    pace=1.2,
    routine=lines("""
        信息 | 编码 | 主码流 H.265 <22..25> 帧/秒,码率 <2100..4300> kbps
        信息 | 存储 | 录像文件写入完成,时长 <580..600> 秒
        信息 | 图像 | 自动切换到<白天|夜间>模式
        info | onvif | pull point renewed by recorder
        info | rtsp | session <hex6> PLAY from 10.20.0.9
        信息 | 网络 | 与平台心跳正常,延时 <8..40> ms
        信息 | 智能 | 检测到行人 <1..4> 个,未触发规则
        info | ntp | adjusted by <-9..9> ms
        信息 | 系统 | CPU <28..46>%,内存 <51..63>%,温度 <41..52>℃
    """),
    scary=lines("""
        信息 | 存储 | 磁盘自检完成,坏块 0,错误 0
        信息 | 智能 | 遮挡报警功能已启用,当前无遮挡
        info | auth | admin login from recorder, failed attempts since boot: 0
    """),
    reboot=lines("""
        提示 | 系统 | 升级完成,设备即将重启
        信息 | 系统 | 启动成功,版本 V5.7.<10..29>
        信息 | 编码 | 码流已恢复
    """),
)

FAMILY = (LOCK, DOORBELL, CAMERA)
