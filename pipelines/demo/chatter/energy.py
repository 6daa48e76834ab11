"""Battery back-up, solar inverter, electricity meter and car chargers."""

from __future__ import annotations

from pipelines.demo.chatter.chatter import Chatter, lines

UPS = Chatter(
    "ups",
    pace=1.0,
    routine=lines("""
        Information | UPS | On line, input <227..234> V <49.95..50.05> Hz
        Information | UPS | Load <31..55> percent, runtime <38..43> min
        Information | Battery | Float <54.3..54.5> V, <21..24> C
        Information | Network Card | SNMP poll answered
        Information | UPS | Bypass source available
        Information | Battery | Charging complete, <99..100> percent
        Information | Event Log | Daily report mailed
    """),
    scary=lines("""
        Information | UPS | Self test passed, transferred to battery for 8 s and back
        Information | UPS | Shutdown command list loaded, nothing scheduled
        Information | Event Log | Severe events today: 0
    """),
    reboot=lines("""
        Notice | Network Card | Management card restarted, output not affected
        Information | Network Card | Firmware <6..6>.<8..9>.<0..8>, link up
    """),
)

INVERTER = Chatter(
    "inverter",
    pace=1.0,
    routine=lines("""
        INFO | MPPT1 | <310..412> V <1.2..9.8> A
        INFO | MPPT2 | <305..408> V <1.1..9.6> A
        INFO | GRID | L1 <229..234> L2 <228..233> L3 <229..235> V, <49.96..50.04> Hz
        INFO | ISO | insulation <2.1..6.8> MOhm
        INFO | ENERGY | today <0.4..38.2> kWh
        INFO | COM | modbus tcp client 10.20.0.5
        INFO | FAN | heat sink <22..47> C, fan <off|low>
        DEBUG | MPPT1 | sweep finished, <2..5> peaks
    """),
    scary=lines("""
        INFO | GRID | reactive power by grid operator's curve, event code 0x0000
        INFO | ISO | residual current <3..9> mA, trip level 300 mA, not tripped
        NOTICE | STATE | too little sun, going to sleep until light returns
    """),
    reboot=lines("""
        NOTICE | STATE | waiting for grid, 60 s observation
        INFO | STATE | feeding in, relays closed
    """),
)

POWER_METER = Chatter(
    "power_meter",
    pace=0.7,
    routine=lines("""
        info | dlms | push <1-0:1.8.0|1-0:2.8.0|1-0:16.7.0> <41200..41990>.<0..9>
        info | load | L1 <9..28> A L2 <8..26> A L3 <9..30> A
        info | quality | THD <1.8..3.1> %, no dip
        info | dlms | association by collector, <40..90> ms
        info | tariff | rate <1..2> active
    """),
    scary=lines("""
        info | quality | voltage events last week: swells 0 dips 0 interruptions 0
        info | event | cover closed, magnetic field not present
    """),
    reboot=lines("""
        notice | core | clock set by collector
        info | core | registers verified, checksum <hex8>
    """),
)

EV_CHARGER = Chatter(
    "ev_charger",
    pace=1.1,
    routine=lines("""
        INFO | OCPP | Heartbeat -> central system, answer <60..220> ms
        INFO | OCPP | StatusNotification connector 1 <Available|Preparing|Charging|Finishing>
        INFO | OCPP | MeterValues <0.4..31.5> kWh, <6..16> A
        INFO | 充电 | 插枪成功,CP 电压 <8.8..9.2>V
        INFO | 充电 | 输出 <2.1..10.9>kW,枪温 <24..35>℃
        INFO | 充电 | 用户刷卡结束,结算成功
        INFO | RFID | card accepted, tag ends <10..99>
        INFO | LMS | share <6..16> A of 32 A
    """),
    scary=lines("""
        INFO | RCD | leakage self test 6 mA ok
        INFO | 充电 | 故障码 0,急停按钮未按下
        INFO | OCPP | StopTransaction reason EVDisconnected
    """),
    reboot=lines("""
        NOTICE | OCPP | BootNotification accepted, interval 300
        INFO | 充电 | 自检通过,接触器正常
    """),
)

FAMILY = (UPS, INVERTER, POWER_METER, EV_CHARGER)
