"""Lifts, washing machines, till, meeting-room panels, printer, vacuum robot."""

from __future__ import annotations

from pipelines.demo.chatter.chatter import Chatter, lines

LIFT = Chatter(
    "lift",
    pace=1.3,
    routine=lines("""
        info | drive | run floor <0..3> to <0..3>, <0.95..1.02> m/s, stop within <1..4> mm
        info | door | car door closed in <2.6..3.1> s
        info | door | opened, light curtain clear
        info | cabin | load <75..310> kg
        info | dispatcher | hall call floor <0..3> <up|down>, wait <4..28> s
        info | cabin | light off, parked at floor 0
        info | drive | brake <1.9..2.2> A, lining <88..93> %
        info | emergency-line | test call to control room ok
    """),
    scary=lines("""
        info | safety | chain closed, overspeed governor not tripped
        info | door | reopened by passenger, light curtain
        notice | dispatcher | priority ride with key switch finished
    """),
    reboot=lines("""
        notice | controller | restart in inspection-free state
        info | controller | shaft position learnt, <4..4> floors
        info | door | reference run of the doors done
    """),
)

WASHER = Chatter(
    "washer",
    pace=0.8,
    routine=lines("""
        info | program | <cotton 40|mixed 30|eco 40-60|wool> started, paid by <app|coin>
        info | water | filled <8.2..12.6> l in <88..131> s
        info | heater | <29..41> C reached
        info | drum | spin <800..1400> rpm, unbalance <60..180> g
        info | pump | drained in <28..44> s
        info | program | end, <38..92> min
        info | door | unlocked
    """),
    scary=lines("""
        info | water | aqua stop armed, float switch dry
        info | drum | unbalance too high once, spread the load again, fine now
    """),
    reboot=lines("""
        notice | main | mains on
        info | main | door lock ok, pressure sensor zeroed
    """),
)

TILL = Chatter(
    "till",
    pace=1.2,
    routine=lines("""
        Information | POS.Sale | Receipt <20000..29999> total <1.20..48.90> paid by <card|cash|phone>
        Information | POS.Scanner | EAN read in <40..90> ms
        Information | POS.Payment | Terminal approved, <1200..2900> ms
        Information | POS.Drawer | Opened and closed
        Information | POS.Printer | Paper <22..96> percent
        Information | POS.Sync | <4..31> receipts to back office
        Information | POS.Session | Cashier <2..6> signed in
    """),
    scary=lines("""
        Information | POS.Payment | Card declined by bank, customer paid cash
        Information | POS.Sync | Retry queue empty, failed uploads 0
        Information | POS.Sale | Receipt <20000..29999> voided before payment by cashier
    """),
    reboot=lines("""
        Information | Service Control | The POS service entered the stopped state.
        Information | Service Control | The POS service entered the running state.
        Information | POS.Session | Journal consistent, next receipt <20000..29999>
    """),
)

ROOM_PANEL = Chatter(
    "room_panel",
    pace=0.9,
    routine=lines("""
        I | Calendar | synced <6..19> meetings in <180..640> ms
        I | Room | <occupied|free> since <1..55> min
        I | Display | brightness <30..80>
        I | Checkin | meeting <hex6> started at the panel
        I | Presence | <0..8> people
        D | WebView | render <11..23> ms
        I | Update | no new package
    """),
    scary=lines("""
        I | Crash | crash reporter ready, pending reports 0
        I | Calendar | conflict resolved, double booking moved to the room next door
    """),
    reboot=lines("""
        I | PowerManager | reboot requested by device policy
        I | SystemServer | Entered the Android system server
        I | Calendar | first sync after boot fine
    """),
)

PRINTER = Chatter(
    "printer",
    pace=0.7,
    routine=lines("""
        info | job | <2..40> pages from ws-<11..58>, <a4|a4 duplex|a3>
        info | tray | tray 2 <12..95> %
        info | toner | black <34..61> %, cyan <40..66> %
        info | engine | warm up <6..9> s
        info | sleep | deep sleep, <1.1..1.4> W
        info | scan | sent to mail, <1..9> pages
    """),
    scary=lines("""
        info | job | cancelled by user at the panel, queue empty
        info | engine | jam counter <0..0> since last service
    """),
    reboot=lines("""
        notice | main | power button, starting
        info | engine | calibration of colours done
    """),
)

VACUUM = Chatter(
    "vacuum",
    pace=0.9,
    routine=lines("""
        信息 | 清扫 | 区域 <1..5> 完成,面积 <6..24> 平方米
        信息 | 导航 | 重定位成功,置信度 <0.93..0.99>
        信息 | 电源 | 电量 <31..99>%,<充电中|放电>
        信息 | 拖布 | 含水 <40..80>%
        信息 | 避障 | 绕开鞋子 1 只
        info | dock | dust bin emptied, <9..14> s
        信息 | 边刷 | 转速 <170..190>
    """),
    scary=lines("""
        信息 | 清扫 | 用户暂停任务,回充
        信息 | 系统 | 错误记录为空,跌落传感器正常
    """),
    reboot=lines("""
        提示 | 系统 | 固件更新后重启
        信息 | 系统 | 地图加载成功
    """),
)

FAMILY = (LIFT, WASHER, TILL, ROOM_PANEL, PRINTER, VACUUM)
