"""What the doctor says, for technicians, in Chinese and in English.

Codes of devices are those of `devices.errors`; a code that is not in this table is told by
its meaning there, with advice by who can mend it. DR codes are the doctor's own.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from devices.errors import Fault, Recovery
from kiosk.doctor.report import Said, Verdict


class _Words(NamedTuple):
    what_zh: str
    mend_zh: str
    what_en: str
    mend_en: str


_FAULTS: Final[dict[str, tuple[str, str, str]]] = {
    # code: what (zh), what to do (zh), what to do (en); what (en) is the fault's meaning
    "RD-01": (
        "找不到身份证阅读器的端口",
        "检查阅读器的数据线和供电；核对设置 [reader] port；确认没有别的程序占用该端口",
        "check cable and power; compare [reader] port; see that no other program has the port",
    ),
    "RD-02": (
        "身份证阅读器没有应答",
        "拔下阅读器，等 10 秒再插上；仍不应答请更换",
        "unplug the reader for 10 s; replace it if it stays silent",
    ),
    "RD-03": (
        "身份证阅读器的数据有误",
        "检查数据线和接地；核对设置 [reader] baud",
        "check the cable and the earth; compare [reader] baud",
    ),
    "RD-04": (
        "安全模块（SAM）自检失败",
        "更换阅读器，旧阅读器送修；安全模块不能现场修理",
        "replace the reader and send it in; a SAM cannot be mended on site",
    ),
    "RD-12": (
        "身份证阅读器拒绝执行命令",
        "拔下阅读器，等 10 秒再插上",
        "unplug the reader for 10 s",
    ),
    "RD-20": (
        "智能卡服务（pcscd）没有应答",
        "检查 pcscd 服务是否运行，读卡器是否插好",
        "see that pcscd runs and the reader is plugged in",
    ),
    "CM-01": (
        "找不到摄像头",
        "检查摄像头的数据线；核对设置中的 device（建议用 /dev/v4l/by-id/ 下的路径）",
        "check the cable; compare the device in the settings (/dev/v4l/by-id/ is best)",
    ),
    "CM-02": (
        "摄像头没有画面",
        "重新插拔摄像头；换一个 USB 口；仍无画面请更换",
        "replug the camera, try another USB port, else replace it",
    ),
    "CM-03": (
        "摄像头画面太慢",
        "不要与其他摄像头共用一个 USB 集线器；增加光线；核对分辨率设置",
        "give it a USB port without another camera; more light; compare the resolution",
    ),
    "FC-01": (
        "人脸比对程序没有应答",
        "等一分钟再检测；仍失败请检查内存并重启终端",
        "test again in a minute; if it stays, look at the memory and restart the terminal",
    ),
    "PR-01": (
        "连接不到打印机",
        "检查打印机的电源和数据线；核对设置 [printer] queue 或 address；用 CUPS 时查看其服务",
        "check power and cable; compare [printer] queue or address; with CUPS, see that it runs",
    ),
    "PR-02": ("打印机没有纸", "装纸", "put paper in"),
    "PR-03": (
        "打印失败，或打印队列已停止",
        "查看 CUPS 队列（lpstat -p），排除原因后启用（cupsenable）",
        "look at the queue (lpstat -p), mend the reason, then cupsenable it",
    ),
    "PR-04": (
        "无法确认是否已打印",
        "看出纸口有没有纸；再打印一张测试页",
        "look whether paper came out; print a test page again",
    ),
    "PR-05": (
        "只打印了一部分",
        "取走残页；检查纸卷后再打印一张测试页",
        "take the part away; look at the roll and print a test page again",
    ),
    "PR-06": ("打印机盖子没有关好", "关好盖子", "close the cover"),
    "PR-07": ("卡纸或切刀卡住", "清除卡纸，检查切刀", "remove stuck paper, look at the cutter"),
    "SC-01": (
        "找不到扫码器",
        "检查扫码器的数据线",
        "check the scanner's cable",
    ),
    "VO-01": (
        "放不出声音：没有声卡，或没有播放程序",
        "接好声卡和音箱（aplay -l 应能列出）；安装 alsa-utils；核对设置 [voice] player",
        "plug in a sound card and a loudspeaker (aplay -l lists it); install alsa-utils; compare "
        "[voice] player",
    ),
    "VO-02": (
        "语音程序不能说话，或录音文件不能用",
        "安装 espeak-ng；核对设置 [voice] program、voice_zh、voice_en 和 recordings",
        "install espeak-ng; compare [voice] program, voice_zh, voice_en and recordings",
    ),
    "VO-03": (
        "播放程序崩溃，或没有按时结束",
        "看是否有别的程序占用声卡；重新插拔 USB 声卡",
        "see that no other program has the sound card; replug one on USB",
    ),
    "DV-02": (
        "检测没有在规定时间内完成",
        "再检测一次；仍如此请重新插拔该设备",
        "test again; if it stays, replug the device",
    ),
}

_MEND_BY: Final[dict[Recovery, tuple[str, str]]] = {
    Recovery.RESIDENT: ("居民自己可以解决，无需处理", "residents mend it themselves"),
    Recovery.ITSELF: (
        "终端会自动重试；若反复出现请检查设备",
        "it is tried again by itself; if it comes often, look at the device",
    ),
    Recovery.RESET: ("重新插拔该设备", "replug the device"),
    Recovery.STAFF: ("请维护人员检查该设备", "a technician has to look at the device"),
}

_OWN: Final[dict[str, _Words]] = {
    "DR-01": _Words(
        "数据目录不能写入",
        "检查设置 [data] directory 的权限和磁盘",
        "the data directory cannot be written",
        "look at the rights of [data] directory and at the disk",
    ),
    "DR-02": _Words(
        "磁盘空间不足，无法再保存申请",
        "立即清理磁盘；已保存的申请不要删除",
        "the disk is full: no application can be saved",
        "free space now; never delete saved applications",
    ),
    "DR-03": _Words(
        "磁盘空间偏少",
        "请尽快清理磁盘",
        "the disk is getting full",
        "free space soon",
    ),
    "DR-04": _Words(
        "时钟不可信",
        "校准系统时间（NTP）；检查主板电池；时间正确时运行 kiosk clock --today 当天日期",
        "the clock cannot be trusted",
        "set the time (NTP); look at the board's battery; when right: kiosk clock --today DAY",
    ),
    "DR-05": _Words(
        "缺少打印字体",
        "安装 fonts-wqy-microhei",
        "the font for paper is missing",
        "install fonts-wqy-microhei",
    ),
    "DR-06": _Words(
        "缺少生僻字字体，生僻字将印成编码",
        "安装 fonts-hanazono",
        "fonts for rare characters are missing: these print as codes",
        "install fonts-hanazono",
    ),
    "DR-07": _Words(
        "缺少拼音库，屏幕上不能打拼音",
        "安装 libgooglepinyin0",
        "no pinyin on the screen's keyboard: the library is missing",
        "install libgooglepinyin0",
    ),
    "DR-08": _Words(
        "连接不到中心后台；申请会先保存，证明和查询暂不可用",
        "检查网络；核对设置 [backend] 中的 url 和 certificate",
        "the backend cannot be reached: applications wait, certificates and records do not work",
        "look at the network; compare url and certificate of [backend]",
    ),
    "DR-09": _Words(
        "中心后台的应答不对",
        "核对设置 [backend] url；是否被认证网页拦截？",
        "what answers is not a healthy backend",
        "compare [backend] url; is a login page in between?",
    ),
    "DR-10": _Words(
        "事项目录有错误",
        "运行 kiosk catalogue check 查看并改正",
        "the catalogue has errors",
        "see `kiosk catalogue check`",
    ),
    "DR-11": _Words(
        "事项目录里有未经部门确认的样例",
        "换用已确认的事项目录（[catalogue] directory）",
        "the catalogue holds samples that no authority has confirmed",
        "use a confirmed catalogue ([catalogue] directory)",
    ),
    "DR-12": _Words(
        "设置里没有启用必需的设备",
        "在设置中启用阅读器、摄像头和打印机",
        "the settings leave out a device that a terminal needs",
        "name a reader, a camera and a printer in the settings",
    ),
    "DR-13": _Words(
        "申请箱打不开",
        "保留该目录不动，联系技术支持",
        "the outbox cannot be opened",
        "leave its directory as it is and call support",
    ),
    "DR-14": _Words(
        "申请箱已停止接收",
        "检查磁盘后重启终端",
        "the outbox takes nothing more",
        "look at the disk, then restart the terminal",
    ),
    "DR-15": _Words(
        "有申请被后台拒收，等待人工处理",
        "运行 kiosk queue status 并联系后台管理员",
        "the backend refused applications: they wait for a person",
        "see `kiosk queue status` and call the backend's administrator",
    ),
    "DR-16": _Words(
        "设置里没有指定由谁签发后台密钥，不能接收申请",
        "在设置 [sealing] authority_keys 中填入后台给出的公钥",
        "the settings pin nobody who signs the backend's keys: no application can be taken in",
        "put the authority's public key into [sealing] authority_keys",
    ),
    "DR-17": _Words(
        "后台密钥集超过一年没有更新",
        "确认终端能连上后台；请后台管理员查看密钥集版本",
        "the backend's key set has not been renewed for more than a year",
        "see that the terminal reaches its backend; ask its administrator for the version",
    ),
    "DR-18": _Words(
        "证书或私钥文件读不出来",
        "核对设置 [backend] 中的文件路径和权限",
        "a certificate or key file cannot be read",
        "compare the paths in [backend], and the rights of the files",
    ),
    "DR-19": _Words(
        "本机的证书快到期，或已经到期",
        "向后台管理员申请新证书，换上后重启终端",
        "the terminal's own certificate ends soon, or has ended",
        "get a new one from the backend's administrator, then restart the terminal",
    ),
    "SE-03": _Words(
        "不支持所设的加密算法套件",
        "核对设置 [sealing] suite",
        "the suite of algorithms is not available here",
        "compare [sealing] suite",
    ),
    "SE-04": _Words(
        "密钥格式不对",
        "核对设置 [sealing] authority_keys；重新拷入密钥集",
        "what should be a key is none",
        "compare [sealing] authority_keys; bring the key set again",
    ),
    "SE-05": _Words(
        "密钥集的签名不对",
        "不要使用这份密钥集；查明它从哪里来",
        "the signature of the key set is wrong",
        "do not use this key set; find out where it came from",
    ),
    "SE-06": _Words(
        "密钥集不是设置中指定的机构签发的",
        "核对设置 [sealing] authority_keys 和 [backend] url",
        "the key set is not signed by an authority that the settings pin",
        "compare [sealing] authority_keys and [backend] url",
    ),
    "SE-08": _Words(
        "没有后台的公钥，不能接收申请",
        "让终端连上后台一次，或用设置 [sealing] key_set 放入密钥集",
        "there is no key to seal to: no application can be taken in",
        "let the terminal reach its backend once, or name a key set in [sealing] key_set",
    ),
    "SE-09": _Words(
        "本机的签名密钥读不出来",
        "检查数据目录下 keys 的权限；换新密钥后要在后台重新登记",
        "the terminal's own signing key cannot be read",
        "look at the rights of `keys` in the data directory; a new key has to be enrolled",
    ),
    "DR-20": _Words(
        "正在使用，未检测",
        "等居民离开后再检测",
        "in use, not tested",
        "test again when nobody is there",
    ),
    "DR-21": _Words(
        "没有得到结论",
        "再检测一次",
        "no result",
        "test again",
    ),
    "DR-22": _Words(
        "画面全黑",
        "检查镜头盖和光线",
        "the picture is black",
        "look for a cover on the lens, and at the light",
    ),
}

_LABELS: Final[dict[str, tuple[str, str]]] = {
    "reader": ("身份证阅读器", "ID card reader"),
    "face": ("人脸摄像头", "face camera"),
    "infrared": ("红外摄像头", "infrared camera"),
    "document-camera": ("高拍仪", "document camera"),
    "receipt-printer": ("回执打印机", "receipt printer"),
    "a4-printer": ("A4 打印机", "A4 printer"),
    "card-reader": ("读卡器（社保卡、护照）", "chip card reader"),
    "scanner": ("扫码器", "code scanner"),
    "voice": ("语音", "voice"),
    "settings": ("设置", "settings"),
    "outbox": ("申请箱", "outbox"),
    "disk": ("磁盘", "disk"),
    "clock": ("时钟", "clock"),
    "fonts": ("字体", "fonts"),
    "pinyin": ("拼音", "pinyin"),
    "sealing": ("密封密钥", "sealing keys"),
    "backend": ("中心后台", "central backend"),
    "catalogue": ("事项目录", "catalogue"),
}

VERDICTS: Final[dict[Verdict, Said]] = {
    Verdict.SERVES: Said(zh="可以服务", en="serves"),
    Verdict.LIMITED: Said(zh="可以服务，但有限制", en="serves, with limits"),
    Verdict.CANNOT_SERVE: Said(zh="不能服务", en="cannot serve"),
    Verdict.UNKNOWN: Said(zh="无法判断", en="could not be found out"),
}

_BY_CODE: Final = {fault.code: fault for fault in Fault}


def label(name: str) -> Said:
    """What an entry is called; a device of another name is called so."""
    zh, en = _LABELS.get(name, (name, name))
    return Said(zh=zh, en=en)


def what(code: str) -> Said:
    """What a code means."""
    if code in _OWN:
        return Said(zh=_OWN[code].what_zh, en=_OWN[code].what_en)
    fault = _BY_CODE.get(code)
    if fault is None:
        return Said(zh=code, en=code)
    zh = _FAULTS[code][0] if code in _FAULTS else fault.meaning
    return Said(zh=zh, en=fault.meaning)


def mend(code: str) -> Said:
    """What to do about it."""
    if code in _OWN:
        return Said(zh=_OWN[code].mend_zh, en=_OWN[code].mend_en)
    fault = _BY_CODE.get(code)
    if fault is None:
        return Said(zh="", en="")
    if code in _FAULTS:
        return Said(zh=_FAULTS[code][1], en=_FAULTS[code][2])
    zh, en = _MEND_BY[fault.recovery]
    return Said(zh=zh, en=en)
