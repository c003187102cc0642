"""agent.rules.catalogue: a hundred rules, complete, and documented."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from agent.rules.binding import FINDERS
from agent.rules.catalogue import BY_ID, OF_GROUP, RULES
from agent.rules.document import document
from agent.rules.parameters import params_of
from agent.rules.quantity import quantities
from agent.rules.rule import SHARED, Group, Rule, Scope
from config.quantities import FACILITY, OUTLET

ROOT = Path(__file__).parents[3]
COUNTS = {"P": 14, "T": 24, "E": 28, "W": 12, "Q": 12, "R": 10}
each = pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])

NAMED = """
P1 PAIR 夜间生产
P2 RATIO 峰谷电量比异常
P3 BASE 昼夜负荷突变
P4 ORDER 标停未停
P5 LAG 未申报停产/开工
P6 LIM 超负荷生产
P7 PROJ 日产能/电量超许可
P8 LIM 空载运行
P9 PAIR 上下工序不匹配
P10 SEQ 频繁启停
P11 BASE 单位产品电耗异常
P12 DIFF DCS负荷与电耗不符
P13 RATIO 未联网设备用电
P14 EVENT 生产设施长期停用后启动
T1 PAIR 产污开治污未开
T2 LAG 治污滞后开启
T3 LAG 治污提前关闭
T4 BASE 治污低负荷
T5 PAIR 治污空转
T6 BASE 降频运行
T7 PAIR 治污停电
T8 RATIO 治污/生产电量比低
T9 FLAT 治污功率恒定
T10 PAIR 循环泵/喷淋未开
T11 LIM 旁路开启
T12 LIM 浆液pH异常
T13 BASE 药剂/氨投加异常
T14 LIM 布袋压差异常
T15 LIM 电除尘电场异常
T16 LIM RTO/RCO温度不足
T17 LIM 焚烧炉温不足
T18 PAIR SCR温度不足喷氨
T19 LIM 氨逃逸
T20 RATIO 去除率异常
T21 PAIR 治污故障未停产
T22 PAIR 同开同停不一致
T23 LIM 耗材超期
T24 RATIO 运行时长不足
E1 LIM 小时超标
E2 LIM 分钟预警
E3 PROJ 小时预测超标
E4 PROJ 日均预警/超标
E5 PROJ 总量超许可
E6 SHAPE 贴限排放
E7 JUMP 分钟值突变
E8 FLAT 时均值稳定低值
E9 FLAT 长期恒值
E10 LIM 极小值
E11 LIM 零值
E12 LIM 负值
E13 SHAPE 超量程/设限值
E14 SHAPE 周期性变化
E15 BASE 小幅波动
E16 JUMP 陡升陡降
E17 JUMP 满屏跳
E18 BASE 含氧量偏高
E19 BASE 关联度异常
E20 DIFF 流量与风机不符
E21 PAIR 排放与工况矛盾
E22 SHAPE 标记/标志滥用
E23 BASE 维护后骤降
E24 DIFF 折算公式不一致
E25 DIFF 分析仪-数采仪-DCS不一致
E26 EVENT 参数修改
E27 LIM 湿度/温度/流速不合理
E28 LIM 伴热/冷凝温度异常
W1 RATIO 分表之和大于总表
W2 LIM 失压/缺相
W3 LIM 电压越限
W4 DIFF 失流/CT短接
W5 LIM 三相不平衡
W6 LIM 反向功率/接反
W7 SEQ 电量倒走/跳变
W8 DIFF 功率-电量不符
W9 DIFF 功率因数异常
W10 PAIR 有电压无电流但设备运行
W11 EVENT 电表清零/编程/开盖
W12 LIM 超短期负荷异常 CT过载
Q1 COV 设备离线
Q2 COV 长期脱机
Q3 COV 数据缺失
Q4 SHAPE 分析仪通讯故障
Q5 DIFF 时钟偏差
Q6 SEQ 时间倒退/重复
Q7 EVENT 断电/重启
Q8 EVENT 参数/程序被改
Q9 EVENT 门禁/箱体打开
Q10 LIM 补传积压
Q11 SHAPE 整点全部相同
Q12 SHAPE 多点同源
R1 ORDER 停产指令未响应
R2 ORDER 限产未达标
R3 LAG 响应滞后
R4 ORDER 提前恢复
R5 PAIR 错峰生产违规
R6 PAIR 轮停/限时段违规
R7 PAIR 响应期治污停运
R8 LIM 响应期保障负荷超量
R9 COV 响应期数据中断
R10 ORDER 响应期电量未降
"""
"""Id, kind and name of every rule, as in the catalogue that the products of this field share."""

STATED = {"power", "current", "running", "o2", "concentration", "converted_told", "inlet_concentration", "second"}
OF_SITE = {"power_good", "instrument_clock"}


def test_there_are_a_hundred_and_each_has_its_place() -> None:
    """Ids are those of the catalogue, in its order, each once."""
    assert [rule.id for rule in RULES] == [f"{letter}{n + 1}" for letter, count in COUNTS.items() for n in range(count)]
    assert len(BY_ID) == 100


def test_each_has_its_name_and_kind() -> None:
    """They are those people know from other platforms, to the letter."""
    assert [f"{rule.id} {rule.kind} {rule.name.zh}" for rule in RULES] == NAMED.split("\n")[1:-1]


@pytest.mark.parametrize("group", Group)
def test_a_group_holds_its_own(group: Group) -> None:
    """The letter of an id is that of its group."""
    assert {(rule.group, rule.id[0]) for rule in OF_GROUP[group]} == {(group, group.letter)}


def test_no_two_rules_say_the_same() -> None:
    """Names, meanings and advice are each rule's own, in both languages."""
    for texts in (
        [rule.name.zh for rule in RULES],
        [rule.name.en for rule in RULES],
        [rule.means.zh for rule in RULES],
        [rule.means.en for rule in RULES],
        [rule.check.zh for rule in RULES],
        [rule.check.en for rule in RULES],
    ):
        assert [text for text, count in Counter(texts).items() if count > 1 or len(text) < 2] == []


@each
def test_every_parameter_says_what_it_is_and_where_it_comes_from(rule: Rule) -> None:
    """A number without a source would pass for a requirement."""
    for name, param in rule.params.items():
        assert param.says or name in SHARED, name
        assert param.source in "CKIRP"
        assert param.unit != "s" or isinstance(param.default, float | int), name


@each
def test_everything_it_reads_can_be_had_somewhere(rule: Rule) -> None:
    """A read is reckoned by the agent, stated in the site file, or a point that devices are known to have."""
    known = set(FINDERS) | set(FACILITY) | set(OUTLET) | STATED | OF_SITE

    assert {read.quantity.name for read in rule.reads} <= known & set(quantities())


@each
def test_its_words_are_worth_reading(rule: Rule) -> None:
    """A person at the plant gets a sentence on what it means and one on what to do, and no claim of falsification."""
    for text in (rule.means, rule.check):
        assert len(text.zh) >= 10
        assert len(text.en) >= 20
        assert text.en[0].isupper()
    assert "falsif" not in (rule.means.en + rule.check.en).lower()


@each
def test_what_mutes_it_is_in_the_catalogue(rule: Rule) -> None:
    """A stronger rule is another one, and there are no circles of two."""
    for stronger in rule.muted.rules:
        assert stronger in BY_ID
        assert stronger != rule.id
        assert rule.id not in BY_ID[stronger].muted.rules


@each
def test_the_shared_parameters_are_all_there(rule: Rule) -> None:
    """Whatever a rule declares, it can be held, cleared, escalated, reminded of and given a priority."""
    assert set(params_of(rule)) >= set(SHARED)
    assert isinstance(rule.over, Scope)


def test_the_page_is_that_of_the_declarations() -> None:
    """docs/rules.md is generated: ``python -m agent.rules.document docs/rules.md``."""
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == document()
