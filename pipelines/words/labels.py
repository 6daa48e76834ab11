"""What models and rules answer, as people say it: labels are names, with underscores and in English alone."""

from __future__ import annotations

from typing import Final

LABELS: Final = {
    "device_fault": ("device fault", "设备故障"),
    "connectivity": ("connectivity", "连接"),
    "power_battery": ("power and battery", "电源与电池"),
    "safety_hazard": ("safety hazard", "安全隐患"),
    "account_access": ("account access", "账户访问"),
    "billing_order": ("billing and orders", "账单与订单"),
    "setup_howto": ("setup and how-to", "安装与使用"),
    "command": ("command", "指令"),
    "service_request": ("service request", "服务请求"),
    "feedback": ("feedback", "反馈"),
    "privacy_security": ("privacy and security", "隐私与安全"),
    "other": ("other", "其他"),
    "high": ("high", "高"),
    "normal": ("normal", "正常"),
    "low": ("low", "低"),
    "negative": ("negative", "负面"),
    "neutral": ("neutral", "中性"),
    "positive": ("positive", "正面"),
    "power": ("power", "供电"),
    "network": ("network", "网络"),
    "thermal": ("thermal", "温度"),
    "mechanical": ("mechanical", "机械"),
    "sensor": ("sensor", "传感器"),
    "storage": ("storage", "存储"),
    "software": ("software", "软件"),
    "security": ("security", "安防"),
    "safety": ("safety", "安全"),
    "true": ("abnormal", "异常"),
    "false": ("normal", "正常"),
    "spike": ("spike", "尖峰"),
    "level_shift": ("level shift", "水平突变"),
    "drift": ("drift", "漂移"),
    "stuck": ("stuck", "读数停滞"),
    "season": ("out of its daily or weekly pattern", "偏离每日或每周规律"),
    "noise": ("noise", "噪声"),
    "en": ("English", "英文"),
    "zh-CN": ("Chinese", "中文"),
    "und": ("undetermined", "不确定"),
}
ENGLISH: Final = {name: said for name, (said, _) in LABELS.items() if name != said}
CHINESE: Final = {name: said for name, (_, said) in LABELS.items()}
