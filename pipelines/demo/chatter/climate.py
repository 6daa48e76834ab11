"""Heating, ventilation, thermostats and the sensors of air, gas, smoke and water."""

from __future__ import annotations

from pipelines.demo.chatter.chatter import Chatter, lines

HEAT_PUMP = Chatter(
    "heat_pump",
    pace=1.0,
    routine=lines("""
        INFO | hp.control | flow <36.5..42.0> return <31.0..35.5> target <37..41> mode heating
        INFO | hp.inverter | compressor <42..71> Hz, discharge <68.0..76.5> C
        INFO | hp.circuit | superheat <5.1..7.4> K, subcooling <4.0..6.2> K
        INFO | hp.pump | <1480..1620> rpm, <1.1..1.4> m3/h
        INFO | hp.hotwater | tank top <48.5..54.0> C, no demand
        INFO | hp.bus | modbus master polled <38..44> registers
        DEBUG | hp.control | heating curve 0.6, outdoor <3.5..11.5> C
        INFO | hp.meter | COP <3.4..4.6> over the last hour
    """),
    scary=lines("""
        INFO | hp.defrost | ice detected on coil, reversing for <4..7> min as planned
        INFO | hp.safety | high-pressure switch closed, fault lockouts 0
        WARN | hp.control | outdoor unit quiet mode limits the compressor until 06:00
    """),
    reboot=lines("""
        NOTICE | hp.system | warm start, build <240..268>
        INFO | hp.system | no stored error, anti-freeze armed
        INFO | hp.inverter | precharge done, DC link <548..572> V
    """),
)

BOILER = Chatter(
    "boiler",
    pace=0.7,
    routine=lines("""
        info | burner | ignition at attempt 1, ionisation <7.2..9.4> uA
        info | burner | off, modulation was <22..68> %
        info | water | pressure <1.55..1.75> bar
        info | control | boiler <52..66> C, demand <none|dhw|heating>
        info | fan | <2900..4100> rpm, air pressure switch closed
        info | ebus | <4..6> participants answer
    """),
    scary=lines("""
        info | burner | flame supervision self check: simulated flame loss recognised
        info | service | lockout history: empty
        notice | service | maintenance due in <40..70> days
    """),
    reboot=lines("""
        notice | main | supply restored, self check running
        info | main | gas valve relay check ok, burner released
    """),
)

AIR_HANDLER = Chatter(
    "air_handler",
    pace=0.8,
    routine=lines("""
        Info | AHU1.SF | supply fan <52..71> %, <248..312> Pa
        Info | AHU1.EF | extract fan <50..69> %
        Info | AHU1.HRW | heat recovery <71..78> % efficient
        Info | AHU1.DMP | fresh air damper at <35..80> %
        Info | AHU1.FLT | filter drop <82..104> Pa, limit 180
        Info | BACnet | <61..64> objects, COV to <2..3> subscribers
        Info | AHU1.TMP | supply <18.4..20.3> C, setpoint <18.5..20.0>
    """),
    scary=lines("""
        Info | AHU1.FIRE | fire input normal, smoke dampers open, test mode off
        Info | AHU1.SEQ | fan stop by schedule, not a trip
    """),
    reboot=lines("""
        Notice | DDC | program <3..5> loaded, cold start
        Info | DDC | <61..64> points initialised, 0 overridden
    """),
)

THERMOSTAT = Chatter(
    "thermostat",
    pace=0.8,
    routine=lines("""
        I | climate | room <19.0..22.2> target <19.0..21.5> valve <8..46>%
        I | zigbee | lqi <142..228> parent 0x<hex4>
        I | schedule | period <comfort|eco|comfort>
        I | valve | moved <2..11> steps
        I | ota | image current 1.8.<2..6>
        I | ui | display woke by touch
        I | climate | window closed, humidity <38..52>%
    """),
    scary=lines("""
        I | climate | window open recognised, heating paused on purpose
        I | valve | weekly descaling run, full stroke 0-100-0 ok
    """),
    reboot=lines("""
        I | main | reset reason: software, uptime was <9..60> d
        I | zigbee | rejoined in <1..3> s, same channel
    """),
)

AIR_SENSOR = Chatter(
    "air_sensor",
    pace=0.8,
    routine=lines("""
        I | sensair | co2 <480..890> ppm raw <11200..14800>
        I | sht | t=<20.1..22.8> rh=<36..49>
        I | voc | index <60..140>
        I | ble | adv interval <1000..1000> ms
        I | mqtt | puback mid=<100..9999> in <12..60> ms
        I | led | green
        I | power | usb <4.95..5.08> V
    """),
    scary=lines("""
        I | sensair | baseline correction done, offset <-4..4> ppm, error flags 0x00
        I | sps | fan cleaning burst 10 s, particle values invalid on purpose
    """),
    reboot=lines("""
        I | boot | esp32 rst:0x1 (poweron) partition ota_<0..1>
        I | sensair | warm-up 20 s, values held back
        I | mqtt | session resumed, <0..2> queued
    """),
)

GAS_SENSOR = Chatter(
    "gas_sensor",
    pace=0.6,
    routine=lines("""
        info | detector | CH4 <1..5> ppm CO <0..2> ppm, clean air
        info | detector | heater <5.0..5.1> V, sensor age <410..430> d
        info | relay | shut-off valve energised, position open
        info | bus | polled by controller, <18..24> ms
        info | detector | zero drift <0.1..0.4> %
    """),
    scary=lines("""
        info | detector | bump test with test gas: horn and valve answered, then back to normal
        info | detector | alarm thresholds 1000/4400 ppm loaded, latch cleared
    """),
    reboot=lines("""
        notice | detector | start, warm-up 120 s
        info | detector | warm-up over, fault 0 alarm 0
    """),
)

SMOKE_DETECTOR = Chatter(
    "smoke_detector",
    pace=0.5,
    routine=lines("""
        info | head | chamber <0.15..0.26> %/m, clean
        info | loop | polled, answer in <4..9> ms
        info | head | temperature <20..24> C
        info | head | contamination <4..9> %, service not needed
    """),
    scary=lines("""
        info | head | test button pressed, sounder <85..88> dB, no fire
        info | loop | detector enabled again, isolation lifted after dust work
    """),
    reboot=lines("""
        notice | loop | address <11..48> logged on
        info | head | ready, drift compensation loaded
    """),
)

LEAK_SENSOR = Chatter(
    "leak_sensor",
    pace=0.5,
    routine=lines("""
        info | probe | dry, <1.2..3.6> %
        info | radio | heartbeat, rssi <-71..-58> dBm
        info | battery | <2.94..3.04> V
        info | probe | rope <400..420> kOhm
    """),
    scary=lines("""
        info | probe | wiring check: open 0, short 0
        notice | probe | test with wet cloth confirmed by installer, dry again
    """),
    reboot=lines("""
        notice | main | battery inserted
        info | radio | joined, short address 0x<hex4>
    """),
)

WATER_METER = Chatter(
    "water_meter",
    pace=0.5,
    routine=lines("""
        info | wmbus | telegram sent, <41..47> bytes, volume <8120.10..8142.90> m3
        info | flow | <0.4..5.8> L/min forward
        info | valve | main valve open, motor idle
        info | battery | <91..94> % left
    """),
    scary=lines("""
        info | flow | burst detection armed, nothing seen
        info | flow | reverse flow 0.0 L, dry pipe no, tamper no
    """),
    reboot=lines("""
        notice | core | parameters reloaded
        info | wmbus | mode T1, key set
    """),
)

FAMILY = (
    HEAT_PUMP,
    BOILER,
    AIR_HANDLER,
    THERMOSTAT,
    AIR_SENSOR,
    GAS_SENSOR,
    SMOKE_DETECTOR,
    LEAK_SENSOR,
    WATER_METER,
)
