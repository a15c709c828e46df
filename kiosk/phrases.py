"""Chinese words in which no line ends: what is read at one glance stays together.

Chinese has no spaces, so a line may end after any character; an old resident stumbles over
离 at the end of one line and 开 at the beginning of the next. These are the words that screens,
papers and the catalogue use most. A word that is missing is broken as it always was.
"""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = """\
自助终端 派出所 公积金 工作日 不动产 残疾人 车管所 社保卡 养老金 市民卡 通行证 许可证 机动车
退役军人 市场监管 委托书 摄像头 身份证 户口簿 户口本 驾驶证 居住证 行驶证 读卡器 有效期 身份码
承诺书 银行卡 出入境 经营者 资格证 监护人 房产证 申请人 判决书 复印件 申请书 优待证 结婚证
离婚证 出生证 毕业证 营业执照 法定代表人 工作人员 辅导员 负责人 港澳 登记 窗口 没有 因为 户口
证明 身份 本人 单位 本市 孩子 自己 工作 申请 可以 管理 社保 不能 什么 银行 写明 姓名 备案 养老
条例 样本 个人 外地 确认 部门 许可 公司 医保 周岁 参保 签名 终端 信息 驾驶 居住 现在 一起 还没
经营 不用 注销 医院 贷款 已经 执照 房子 记录 一样 保险 哪里 日期 公章 父母 合同 同意 办法 过期
残疾 照片 退役 证件 证书 档案 居民 家人 号码 人员 重新 就业 打印 核对 不是 退休 多少 怎么 食品
名字 邮寄 老人 医疗 电话 承诺 职工 变更 合格 执业 学校 户主 护照 妈妈 爸爸 代表 去世 抵押 车主
街道 委托 机构 以后 服务 法定 劳动 安全 账户 地方 军人 年限 补贴 产权 号牌 失业 临时 时间 工伤
机器 注册 只能 中心 看病 报销 消防 手机 电子 国民 设备 别人 子女 内容 毕业 优待 读卡 低保 卫生
年龄 股东 收入 继承 情况 规定 查询 清楚 企业 培训 上班 诊所 意见 提交 检验 为什么 公证 结婚 认定
场所 道路 法院 医师 器械 方式 屏幕 个体 妻子 丈夫 自动 入境 办理 家属 声明 缴费 困难 还清 知道
社会 老板 员工 行驶 发票 鉴定 名称 服役 公安 家庭 监护 生育 体检 提取 城市 保障 编号 报告 余额
复印 原件 材料 离开 退出 清除 清掉 收到 接下来 审核 补交 补正 拍照 首页 凭条 回执 页面 扫码 查看
放平 拿开 灯光 帽子 口罩 比完 机器上 下一步 上一步 请先 请看 时候 应该 需要 或者 如果 不会 已交
全部 最多 分钟 个月 天内 大约 公里 平方米 网络 接通 部分 其他 身份证上 您的 我的 他的 她的
户籍 另行 公安局 受理 通知 领取 结果 联系 送达 凭证 人社局 医保局 街道办事处 补办 回执号
民政局 教育局 税务局 财政局 司法局 水利局 商务局 数据局 社保局 健康局 管理局 建设局 保障局 规划局
交通运输局 农业农村局 环境局 执法局 改革局 体育局 事务局 专卖局 技术局 联合会 总工会 档案馆 图书馆
公证处 大队 管理所
拿好 放在 往来 一份一份 送往 三个月 出境 身份证放在 写清 说明 手续 一致 电子证照 下一页
"""

INSIDE: Final = re.compile("|".join(sorted(set(_WORDS.split()), key=len, reverse=True)))
"""Finds the words, the longest where several begin."""

COUNTED: Final = re.compile("[0-9][0-9.]* ?[\u4e00-\u9fff]")
"""Finds what is counted together with its number: 11 位."""
