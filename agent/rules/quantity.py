"""What rules look at: quantities of a facility, a line, an outlet, a factor, a device or the site; and how often.

A *quantity* has a name, which is also its key in ``[facility.points]`` and ``[outlet.points]`` of a site file; where a
site says nothing there, `agent.rules.places` looks for a point of that name, or of one of the HJ 212 `codes`, among
the devices of the object. A *read* is a quantity over a span: its value now, or of the minute, hour or day just
closed. A *fact* is a number that the site file states.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from config.site import Text

if TYPE_CHECKING:
    from collections.abc import Mapping


class Span(StrEnum):
    """Which value of a quantity is read.

    Of the closed period: MINUTE, HOUR and DAY are means that are valid (enough good readings: 75 % of a minute, 45
    minutes of an hour, 20 hours of a day), LEAST and MOST the extremes of the closed period of the rule's grain, TOTAL
    the amount in it (integral of a flow, increase of a counter, kWh of a power). A reading that comes every few minutes
    stands for the minutes until the next one; of what is read less than every five minutes there is no MINUTE.
    NOW is the last reading, ``None`` when it is not good or older than three polls; FLAG its quality letter as a code
    point (``ord``), also when there is no value; AGE seconds since the device last answered.
    Orders, marks and declarations (all read as NOW) are, in a rule over a closed period, as they stood just before its
    end: an order over a whole day is in force when that day is judged.
    """

    NOW = "now"
    FLAG = "flag"
    AGE = "age"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    LEAST = "least"
    MOST = "most"
    TOTAL = "total"
    COUNT = "count"
    EXPECTED = "expected"


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something rules look at. `unit` is what rules get it in ("" for states, bits and pure numbers)."""

    name: str
    label: Text
    unit: str = ""
    codes: tuple[str, ...] = ()
    is_many: bool = False
    """Whether a read gives a tuple: one number for each member (sub-meters, factors, facilities of a group)."""

    def over(self, span: Span, *, optional: bool = False) -> Read:
        """Return a read of this quantity."""
        return Read(self, span, optional)

    @property
    def now(self) -> Read:
        """The last reading."""
        return Read(self, Span.NOW)

    @property
    def minute(self) -> Read:
        """The mean of the minute just closed."""
        return Read(self, Span.MINUTE)

    @property
    def hour(self) -> Read:
        """The mean of the hour just closed."""
        return Read(self, Span.HOUR)

    @property
    def day(self) -> Read:
        """The mean of the day just closed."""
        return Read(self, Span.DAY)

    @property
    def total(self) -> Read:
        """The amount in the period just closed (the rule's grain)."""
        return Read(self, Span.TOTAL)


@dataclass(frozen=True, slots=True)
class Read:
    """One input of a rule. An `optional` one is given as ``None`` where the site has nothing for it."""

    quantity: Quantity
    span: Span
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """A number, text or list that the site file states of an object, by its key there."""

    name: str
    label: Text
    unit: str = ""


def _q(name: str, zh: str, en: str, unit: str = "", *codes: str, many: bool = False) -> Quantity:
    return Quantity(name, Text(zh, en), unit, codes, many)


# --- a facility ----------------------------------------------------------------------------------------------------

STATE: Final = _q("state", "运行状态", "running state")
"""Of the facility itself: OFF 0, IDLE 1, RUN 2 (`agent.plant.State`), ``None`` unknown."""
PRODUCTION: Final = _q("production", "生产设施状态", "state of the line's production")
"""RUN when any production facility of the object's line runs, OFF when all are off."""
TREATMENT: Final = _q("treatment", "治理设施状态", "state of the line's treatment")
"""RUN when all treatment facilities of the line run, OFF when any is off."""
MEMBERS: Final = _q("members", "同组设施状态", "states of the group's members", many=True)
"""Of a line: its co-run set (``co_run``), in the order of the file; of a line's ``chain`` likewise (`CHAIN`)."""
CHAIN: Final = _q("chain", "工序状态", "states along the process chain", many=True)
POWER: Final = _q("power", "功率", "power", "kW")
CURRENT: Final = _q("current", "电流", "current", "A")
ENERGY: Final = _q("energy", "电量", "energy counter", "kWh")
"""A counter where the meter has one, else the integral of power. TOTAL is what is usually wanted."""
VOLTAGE_A: Final = _q("voltage_a", "A相电压", "voltage A", "V", "d20105")
VOLTAGE_B: Final = _q("voltage_b", "B相电压", "voltage B", "V")
VOLTAGE_C: Final = _q("voltage_c", "C相电压", "voltage C", "V")
CURRENT_A: Final = _q("current_a", "A相电流", "current A", "A")
CURRENT_B: Final = _q("current_b", "B相电流", "current B", "A")
CURRENT_C: Final = _q("current_c", "C相电流", "current C", "A")
POWER_A: Final = _q("power_a", "A相功率", "power A", "kW")
POWER_B: Final = _q("power_b", "B相功率", "power B", "kW")
POWER_C: Final = _q("power_c", "C相功率", "power C", "kW")
POWER_FACTOR: Final = _q("power_factor", "功率因数", "power factor")
APPARENT: Final = _q("apparent_power", "视在功率", "apparent power", "kVA")
FREQUENCY: Final = _q("drive_frequency", "变频器频率", "drive frequency", "Hz")
LOAD: Final = _q("load", "负荷", "load", "%", "i33400")
OUTPUT: Final = _q("output", "产量", "production output", "t")
"""A counter or a flow of product; TOTAL is what is wanted."""
RUNNING: Final = _q("running", "运行信号", "running signal")
"""A bit by other means than the power meter (DCS, vibration): 0 or 1."""
FAULT: Final = _q("fault", "故障信号", "fault signal", "")
HOURS: Final = _q("run_hours", "运行时长", "hours run", "h")
"""Hours in state RUN since the last declared change of consumables; kept by the agent."""
RUNTIME: Final = _q("runtime", "当期运行时长", "time run in the period", "s")
"""Seconds in RUN within the closed period (TOTAL)."""
LINE_RUNTIME: Final = _q("line_runtime", "生产当期运行时长", "time production ran in the period", "s")
PUMP: Final = _q("pump", "循环泵/喷淋", "circulation or spray pump", "", "g103", "g109", "g117")
"""A bit, or a current/power above 5 % of its rated value read as 1."""
FAN: Final = _q("fan", "风机", "fan state of the line", "", "g101", "g302")
"""OFF or RUN by a signal, as `PUMP`; without one, the state of the line's treatment facilities of type fan."""
TEMPERATURE: Final = _q("temperature", "温度", "temperature", "Cel", "a01901")
PH: Final = _q("ph", "浆液pH", "slurry pH", "", "g111")
PRESSURE_DROP: Final = _q("pressure_drop", "压差", "pressure drop", "Pa")
FEED: Final = _q("feed", "药剂/氨投加", "reagent feed", "", "g301", "g305", "g202", "g211")
INLET: Final = _q("inlet", "入口浓度", "inlet concentration", "mg/m3", "g120", "g119")
SLIP: Final = _q("slip", "氨逃逸", "ammonia slip", "mg/m3", "a21001")
BYPASS: Final = _q("bypass", "旁路开度", "bypass opening", "deg", "g116", "g307")
BYPASS_OPEN: Final = _q("bypass_open", "旁路开启信号", "bypass open", "", "g306")
"""A bit of the damper: 1 open."""
FIELD_VOLTAGES: Final = _q("field_voltages", "电场二次电压", "field secondary voltages", "kV", many=True)
FIELD_CURRENTS: Final = _q("field_currents", "电场二次电流", "field secondary currents", "mA", many=True)
PRODUCTION_POWER: Final = _q("production_power", "产污设施功率", "power of the line's production", "kW")
PRODUCTION_ENERGY: Final = _q("production_energy", "产污设施电量", "energy of the line's production", "kWh")
PRODUCTION_VOLTAGE: Final = _q("production_voltage", "产污设施电压", "voltage at the line's production", "V")
SUB_ENERGY: Final = _q("sub_energy", "分表电量", "energies of the sub-meters", "kWh", many=True)
MAIN_ENERGY: Final = _q("main_energy", "总表电量", "energy of the main meter", "kWh")
METER_EVENTS: Final = _q("meter_events", "电表事件记录", "meter event counters", "", many=True)
"""Counts of clearing, programming, opening; meter number; ratios: whatever of these the meter tells."""
STATUS_WORD: Final = _q("status_word_1", "电表运行状态字1", "meter status word 1")

# --- an outlet and its factors ---------------------------------------------------------------------------------------

CONCENTRATION: Final = _q("concentration", "实测浓度", "measured concentration", "mg/m3")
CONVERTED: Final = _q("converted", "折算浓度", "converted concentration", "mg/m3")
"""As the instrument converts it, or by the standard's formula from concentration and oxygen, or the dry value."""
CONVERTED_TOLD: Final = _q("converted_told", "仪表折算浓度", "concentration as the instrument converts it", "mg/m3")
CONCENTRATIONS: Final = _q("concentrations", "各因子浓度", "concentrations of all factors", "mg/m3", many=True)
SECOND: Final = _q("second", "另一来源浓度", "concentration by a second source", "mg/m3")
INLET_CONCENTRATION: Final = _q("inlet_concentration", "入口浓度", "inlet concentration of the factor", "mg/m3")
MASS: Final = _q("mass", "排放量", "emitted mass", "kg")
"""Mass of the closed period (TOTAL): concentration times standard dry flow."""
O2: Final = _q("o2", "含氧量", "oxygen", "%", "a19001")
FLOW: Final = _q("flow", "流量", "flow", "m3/h", "a00000", "w00000")
VELOCITY: Final = _q("velocity", "流速", "velocity", "m/s", "a01011")
GAS_TEMPERATURE: Final = _q("gas_temperature", "烟温", "gas temperature", "Cel", "a01012")
GAS_PRESSURE: Final = _q("gas_pressure", "烟气压力", "gas pressure", "kPa", "a01013")
HUMIDITY: Final = _q("humidity", "湿度", "humidity", "%", "a01014")
SAMPLE_LINE: Final = _q("sample_line", "伴热管温度", "sample line temperature", "Cel", "i33001")
COOLER: Final = _q("cooler", "冷凝器温度", "cooler temperature", "Cel", "i33002")
INSTRUMENT_STATE: Final = _q("instrument_state", "分析仪状态", "analyzer state", "", "i12001")
BLOW_BACK: Final = _q("blow_back", "反吹", "blow back")
"""1 while the analyzer says it blows back (i12001 = 5)."""
SETTINGS: Final = _q("settings", "仪表参数", "instrument settings", "", "i13001", "i13007", "i13008", many=True)
FAN_POWER: Final = _q("fan_power", "风机功率", "power of the line's fan", "kW")
LINE_LOAD: Final = _q("line_load", "工况负荷", "load of the line", "%", "i33400")
"""From the DCS first, else power of production over its rated power."""

# --- a device, the box, the plan -------------------------------------------------------------------------------------

ANSWER: Final = _q("answer", "最近应答", "last answer")
"""AGE: seconds since the device last gave anything."""
READINGS: Final = _q("readings", "数据条数", "readings received")
"""COUNT and EXPECTED in the closed period."""
BROKEN: Final = _q("broken", "通讯故障时间占比", "share of readings without communication")
"""Of those expected in the closed period, 0 to 1; known also when there was not one reading."""
INSTRUMENT_CLOCK: Final = _q("instrument_clock", "仪表时钟偏差", "offsets of the instruments' clocks", "s", many=True)
"""Instrument's wall time minus ours, of every device of the site that tells a time; an empty tuple when none does."""
HOST_CLOCK: Final = _q("host_clock", "主机时钟偏差", "offset of the host's clock", "s")
"""By how much the host's clock departs from believed time; and every step of it."""
TIMESTAMP: Final = _q("timestamp", "数据时间", "time stamp of the readings", "s")
STARTS: Final = _q("starts", "启动次数", "starts of the agent")
ORDERLY: Final = _q("orderly", "上次正常停止", "the run before this one was stopped in order")
"""1 it was, 0 it broke off (power cut, crash), ``None`` not known: the first start."""
POWER_GOOD: Final = _q("power_good", "供电正常信号", "power good")
"""A bit of the box's own supply (UPS, power fail input): 0 while it runs on its reserve."""
MEANING: Final = _q("meaning", "配置指纹", "number of configuration changes")
CABINET: Final = _q("cabinet", "机柜/房门", "cabinet or room door", "", "i32001")
BACKLOG_AGE: Final = _q("backlog_age", "待传最早数据", "age of the oldest undelivered record", "s")
DISK_SHARE: Final = _q("disk_share", "存储占用", "share of the store in use")
COLUMNS: Final = _q("columns", "各数据列", "what the plant is measured by", "", many=True)
"""Of the site: power (else current) of each facility and concentration of each factor, in the order of the site file,
one for each *point*: two facilities told by the same point are one. Not counters, setpoints or derived values."""

MARK_STOPPED: Final = _q("mark_stopped", "停运标记", "marked as stopped")
"""1 while a mark or declaration of that kind is in force on the object or its line, else 0."""
MARK_START_STOP: Final = _q("mark_start_stop", "启停标记", "marked as starting or stopping")
MARK_FAULT: Final = _q("mark_fault", "故障标记", "marked as at fault")
MARK_MAINTENANCE: Final = _q("mark_maintenance", "维护标记", "marked as under maintenance")
MARK_PRODUCING: Final = _q("mark_producing", "申报生产", "declared as producing")
WORK_ORDER: Final = _q("work_order", "工单", "work order in force")
PERMIT_NIGHT: Final = _q("permit_night", "夜间生产许可", "permit for night work in force")
DECLARED_AT: Final = _q("declared_at", "申报时刻", "time to the nearest declaration of a start or stop", "s")
"""Signed: negative before it is due, positive after; ``None`` when there is none within a day."""
DECLARING: Final = _q("declaring", "已使用申报", "declarations are in use")
"""1 once a declaration, mark or order was ever entered for the line, else 0; ``None`` while time is not known."""
ORDER_STOP: Final = _q("order_stop", "停产指令", "a stop order is in force")
ORDER_REDUCTION: Final = _q("order_reduction", "限产比例", "reduction ordered, as a fraction")
"""0 when none is ordered."""
ORDER_ELAPSED: Final = _q("order_elapsed", "指令已执行时间", "time since the order began", "s")
"""0 while no order is in force."""
ORDER_REMAINING: Final = _q("order_remaining", "指令剩余时间", "time until the order ends", "s")
ORDER_ANY: Final = _q("order_any", "应急响应", "an order is in force")
ORDER_STAGGERED: Final = _q("order_staggered", "错峰停产", "a staggered-production stop is in force")
ORDER_MINIMUM: Final = _q("order_minimum", "保障负荷", "minimum load that the order leaves", "kW")
ORDER_ALLOWED: Final = _q("order_allowed", "允许生产时段", "within the hours that the order allows")
"""1 inside, 0 outside, ``None`` when no order says anything about hours."""
OVERDUE: Final = _q("overdue", "逾期任务", "overdue inspection tasks")

RATED: Final = Fact("rated", Text("额定功率", "rated power or current"), "kW")
LIMIT: Final = Fact("limit", Text("排放限值", "limit of the factor"))
RANGE: Final = Fact("range", Text("量程", "measuring range"))
REFERENCE_O2: Final = Fact("reference_o2", Text("基准含氧量", "reference oxygen"), "%")
UNIT: Final = Fact("unit", Text("单位", "unit"))
MEDIUM: Final = Fact("medium", Text("介质", "medium"))
TYPE: Final = Fact("type", Text("设施类型", "type of the facility"))
POLL: Final = Fact("poll", Text("采集周期", "poll period"), "s")
PERMIT_ENERGY: Final = Fact("permit_energy", Text("许可日电量", "permitted energy of a day"), "kWh")
PERMIT_MASS: Final = Fact("permit_mass", Text("许可排放量", "permitted mass of a year"), "kg")
DESIGN_REMOVAL: Final = Fact("design_removal", Text("设计去除率", "design removal rate"), "%")
DETECTION_LIMIT: Final = Fact("detection_limit", Text("检出限", "detection limit"))
LIFE_HOURS: Final = Fact("life_hours", Text("耗材寿命", "life of the consumable"), "h")
RATED_VOLTAGE: Final = Fact("rated_voltage", Text("额定电压", "rated phase voltage"), "V")
RATED_CURRENT: Final = Fact("rated_current", Text("额定电流", "rated current"), "A")


def quantities() -> Mapping[str, Quantity]:
    """Return every quantity by name."""
    return {one.name: one for one in globals().values() if isinstance(one, Quantity)}
