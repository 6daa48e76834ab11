"""Freezers, fridges and the fridges of practice and lab."""

from __future__ import annotations

from pipelines.demo.chatter.chatter import Chatter, lines

FREEZER = Chatter(
    "freezer",
    pace=1.1,
    routine=lines("""
        info | compressor | start, suction <0.8..1.3> bar, evaporator <-29.5..-27.0> C
        info | compressor | stop after <14..22> min, box <-20.4..-18.3> C
        info | fan | evaporator fan <1180..1320> rpm
        info | door | lid opened
        info | door | lid closed after <3..25> s
        info | control | box <-19.9..-17.9> set -19.0 duty <31..44> %
        info | control | hourly record stored, <58..60> samples
        debug | control | pid p=<0.41..0.62> i=<0.08..0.15> out=<30..46>
        info | light | strip on with lid
        info | defrost | next defrost in <2..11> h
        info | net | report sent, <212..260> bytes
        info | power | <226..233> V <0.6..1.1> A, cos phi <0.81..0.88>
    """),
    scary=lines("""
        info | control | fault counter <0..0>, alarm memory empty
        notice | defrost | heater on, box may rise until the drip time is over
        info | control | high-temperature alarm armed, limit -14.0 C, delay 60 min
        info | selftest | alarm relay tested ok, buzzer tested ok
    """),
    reboot=lines("""
        notice | boot | restart on request, firmware 4.7.<0..3>
        info | boot | eeprom crc ok, <3..3> probes found
        info | control | resumed at box <-19.2..-18.0> C, no alarm pending
    """),
)

FRIDGE = Chatter(
    "fridge",
    pace=1.0,
    routine=lines("""
        info | compressor | on, box <5.0..5.6> C
        info | compressor | off, box <3.2..3.9> C, ran <6..12> min
        info | door | opened by customer
        info | door | shut after <2..14> s
        info | door | <18..64> openings in the last hour
        info | lighting | shelf light <60..100> %
        info | control | setpoint 4.0 C, economy <off|off|on>
        info | fan | <900..1010> rpm, <2..4> W
        info | net | upload ok in <80..240> ms
    """),
    scary=lines("""
        info | control | no fault since <40..90> d
        notice | door | open a little longer while it is being filled, tolerance 10 min
        info | control | alarm delay 30 min, last alarm test passed
    """),
    reboot=lines("""
        notice | boot | watchdog reset cause: none, power on reset
        info | boot | ready in <2..4> s
    """),
)

MEDICAL_FRIDGE = Chatter(
    "medical_fridge",
    pace=1.2,
    routine=lines("""
        INFO | Monitor | chamber=<3.9..5.4> air, buffer=<4.2..5.0>, limits 2.0..8.0, in range
        INFO | Monitor | reading stored seq=<10000..99999>
        INFO | Door | opened, badge <1000..9999>
        INFO | Door | closed, open for <5..38> s
        INFO | Compressor | cycle <4..9> min on, <12..19> min off
        INFO | Logger | record signed, checksum <hex8>
        INFO | Battery | backup pack full, last exchange test fine
        DEBUG | Scheduler | next probe comparison in <1..23> h
        INFO | Inventory | shelf <1..4>: <12..60> packs
    """),
    scary=lines("""
        INFO | AlarmService | alarm test by user: horn ok, relay ok, no real alarm
        INFO | Monitor | excursions this month: 0, mean kinetic temperature <4.4..4.9>
        NOTICE | Calibration | probe 2 differs by <0.05..0.09> K from reference, within tolerance
    """),
    reboot=lines("""
        NOTICE | System | controlled restart after settings change
        INFO | System | application 2.14.<0..6> up, <0..0> records lost
        INFO | Monitor | limits restored, monitoring active
    """),
)

FAMILY = (FREEZER, FRIDGE, MEDICAL_FRIDGE)
