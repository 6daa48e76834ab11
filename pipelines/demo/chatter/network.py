"""Router, switch and access points."""

from __future__ import annotations

from pipelines.demo.chatter.chatter import Chatter, lines

ROUTER = Chatter(
    "router",
    pace=2.0,
    routine=lines("""
        info | dnsmasq-dhcp | DHCPACK(br-lan) 10.20.<0..3>.<20..240> <hex2>:<hex2>:<hex2>:<hex2>:<hex2>:<hex2>
        info | dnsmasq-dhcp | DHCPREQUEST(br-lan) 10.20.<0..3>.<20..240>
        info | dnsmasq | cached answers <88..97> %, upstream <9..21> ms
        info | wan | keepalive to gateway <9..17> ms
        info | ntpd | offset <-0.004..0.004> s, stratum 2
        info | firewall | <120..410> connections tracked
        info | odhcpd | prefix 2001:db8:<hex4>::/56 renewed
        info | cron | job rotate-logs finished
        info | qos | shaping <82..97>/<34..39> Mbit/s
        info | wan | line synchronised for <11..28> d
    """),
    scary=lines("""
        info | firewall | DROP policy loaded, <210..236> rules, 0 errors
        notice | wan | failover test to LTE and back finished, no packet lost
        info | kernel | panic timeout set to 10, kexec crash kernel not loaded
        info | firewall | blocked <3..19> probes from outside, usual background noise
    """),
    reboot=lines("""
        notice | procd | shutting down for firmware 23.05.<2..5>
        notice | kernel | Booting on <2..4> cores
        info | netifd | wan up, address by DHCP
        info | dnsmasq | started, cache 1500
    """),
)

SWITCH = Chatter(
    "switch",
    pace=1.2,
    routine=lines("""
        INFO | PORT | ge-0/0/<1..22> up, 1000 full
        INFO | POE | port <1..22> class <3..4>, <4.1..12.8> W
        INFO | LLDP | neighbour on port <1..22>: ap-<0..3>
        INFO | STP | topology stable since <3..40> d
        INFO | ENV | fan <3100..3600> rpm, board <38..46> C
        INFO | SNMP | get from 10.20.0.5, <12..40> values
        INFO | MAC | table <61..77> of 8192
        INFO | SYS | config saved by admin
    """),
    scary=lines("""
        INFO | PORT | err-disable recovery timer 300 s, ports err-disabled: 0
        INFO | STP | bpduguard active on access ports, violations 0
        NOTICE | PORT | ge-0/0/<15..22> down, laptop unplugged by user
    """),
    reboot=lines("""
        NOTICE | SYS | warm reload by schedule
        INFO | SYS | image 12.4.<1..4> verified, <24..24> ports
        INFO | POE | budget 370 W, all ports powered in <3..6> s
    """),
)

ACCESS_POINT = Chatter(
    "access_point",
    pace=1.6,
    routine=lines("""
        info | hostapd | wlan<0..1>: STA <hex2>:<hex2>:<hex2>:<hex2>:<hex2>:<hex2> associated
        info | hostapd | wlan<0..1>: STA <hex2>:<hex2>:<hex2>:<hex2>:<hex2>:<hex2> disassociated, left by itself
        info | radio | channel <1|6|11|36|44|100>, busy <8..31> %, noise <-96..-91> dBm
        info | roam | client moved to ap-<0..3>, <18..44> ms
        info | mesh | uplink wired, <1..1> hop
        info | hostapd | WPA key handshake completed (RSN)
        info | airtime | <12..41> clients, fair share on
        info | cloud | telemetry batch <40..60> kB
    """),
    scary=lines("""
        info | radio | DFS check on channel 100: no radar, <60..60> s
        info | wids | neighbour network seen, known and harmless
        notice | hostapd | deauthenticated idle client after 300 s
    """),
    reboot=lines("""
        notice | upgrade | image written, restarting now
        notice | kernel | Linux 5.15.<120..150> starting, last reset by software
        info | radio | calibration data ok, both radios up
        info | cloud | back after <48..75> s, version 6.6.<40..60>
    """),
)

FAMILY = (ROUTER, SWITCH, ACCESS_POINT)
