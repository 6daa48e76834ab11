"""What many pages say, in Chinese: the frame."""

from __future__ import annotations

from typing import Final

CHINESE: Final = {
    "Skip to the content": "跳到正文",
    "Pages": "页面",
    "now": "刚刚",
    "d h min s": "天 小时 分钟 秒",
    "{n} ago": "{n}前",
    "The page has been brought up to date.": "页面已更新。",
    "Log in": "登录",
    "Log out": "退出登录",
    "Language": "语言",
    "Colours": "配色",
    "auto": "随系统",
    "light": "浅色",
    "dark": "深色",
    "Use": "应用",
    "Settings of this browser": "本浏览器的设置",
    "You are {name}": "当前用户：{name}",
    "live": "实时",
    "connecting": "连接中",
    "paused": "已暂停",
    "Pause": "暂停",
    "Go on": "继续",
    "Not found": "未找到",
    "That cannot be done": "无法完成",
    "Nobody answers": "没有应答",
    "Earlier": "上一页",
    "Next": "下一页",
    "Back to the alerts": "返回告警列表",
    "the broker cannot be reached or written just now; try again in a moment": "消息代理暂时无法访问或写入，请稍后再试",
    "Something broke": "出错了",
    "this is a bug of the console; its log says more": "这是控制台的缺陷，详情见其日志",
}
