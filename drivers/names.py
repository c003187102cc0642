"""The names that points of every model share, and what people call them in Chinese and English.

A rule, a panel or a platform finds `power` or `so2` under the same name whoever made the meter. A model gives labels of
its own only to points that are not in this list.
"""

from __future__ import annotations

_PHASES = {"a": ("A相", "A"), "b": ("B相", "B"), "c": ("C相", "C")}

_BY_PHASE = {
    "current": ("电流", "Current"),
    "voltage": ("电压", "Voltage"),
    "power": ("有功功率", "Active power"),
    "reactive_power": ("无功功率", "Reactive power"),
    "apparent_power": ("视在功率", "Apparent power"),
    "power_factor": ("功率因数", "Power factor"),
    "energy_import": ("正向有功电能", "Imported active energy"),
    "energy_export": ("反向有功电能", "Exported active energy"),
    "energy_total": ("有功总电能", "Active energy, import and export added"),
}
"""Quantities that are also there for each phase: ``voltage_a`` is A相电压."""

_SINGLE = {
    "voltage": ("电压", "Voltage"),
    "voltage_avg": ("相电压平均值", "Average phase voltage"),
    "voltage_ll_avg": ("线电压平均值", "Average line voltage"),
    "voltage_ab": ("AB线电压", "Voltage AB"),
    "voltage_bc": ("BC线电压", "Voltage BC"),
    "voltage_ca": ("CA线电压", "Voltage CA"),
    "current_n": ("零线电流", "Neutral current"),
    "current_g": ("接地电流", "Ground current"),
    "current_avg": ("平均电流", "Average current"),
    "current_sum": ("三相电流之和", "Sum of phase currents"),
    "power_factor_4q": ("功率因数(四象限编码)", "Power factor, four-quadrant code"),
    "frequency": ("频率", "Frequency"),
    "energy_net": ("组合有功电能", "Combined active energy"),
    "reactive_energy_import": ("正向无功电能", "Imported reactive energy"),
    "reactive_energy_export": ("反向无功电能", "Exported reactive energy"),
    "reactive_energy_1": ("组合无功1电能", "Combined reactive energy 1"),
    "reactive_energy_2": ("组合无功2电能", "Combined reactive energy 2"),
    "apparent_energy_import": ("正向视在电能", "Imported apparent energy"),
    "apparent_energy_export": ("反向视在电能", "Exported apparent energy"),
    "energy_import_1": ("正向有功电能(尖)", "Imported active energy, tariff 1"),
    "energy_import_2": ("正向有功电能(峰)", "Imported active energy, tariff 2"),
    "energy_import_3": ("正向有功电能(平)", "Imported active energy, tariff 3"),
    "energy_import_4": ("正向有功电能(谷)", "Imported active energy, tariff 4"),
    "demand": ("当前有功需量", "Present active demand"),
    "ct": ("电流互感器变比", "Current transformer ratio"),
    "pt": ("电压互感器变比", "Voltage transformer ratio"),
    "so2": ("二氧化硫", "Sulphur dioxide"),
    "nox": ("氮氧化物", "Nitrogen oxides"),
    "no": ("一氧化氮", "Nitric oxide"),
    "no2": ("二氧化氮", "Nitrogen dioxide"),
    "co": ("一氧化碳", "Carbon monoxide"),
    "co2": ("二氧化碳", "Carbon dioxide"),
    "o2": ("氧含量", "Oxygen"),
    "nh3": ("氨", "Ammonia"),
    "ch4": ("甲烷", "Methane"),
    "h2": ("氢", "Hydrogen"),
    "h2o": ("水分", "Water vapour"),
    "voc": ("挥发性有机物", "Volatile organic compounds"),
    "dust": ("烟尘", "Dust"),
    "flow": ("流量", "Flow"),
    "velocity": ("流速", "Velocity"),
    "temperature": ("温度", "Temperature"),
    "pressure": ("压力", "Pressure"),
    "humidity": ("湿度", "Humidity"),
    "dew_point": ("露点", "Dew point"),
    "ph": ("酸碱度", "pH"),
    "conductivity": ("电导率", "Conductivity"),
    "turbidity": ("浊度", "Turbidity"),
    "solids": ("悬浮物", "Suspended solids"),
    "nitrate": ("硝酸盐", "Nitrate"),
    "cod": ("化学需氧量", "Chemical oxygen demand"),
    "ammonia_n": ("氨氮", "Ammonia nitrogen"),
    "volume_forward": ("正向累积量", "Forward volume"),
    "volume_reverse": ("反向累积量", "Reverse volume"),
    "status": ("状态", "Status"),
    "fault": ("故障", "Fault"),
    "maintenance": ("维护", "Maintenance"),
    "maintenance_request": ("维护请求", "Maintenance request"),
    "calibration": ("校准", "Calibration"),
    "sampling_point": ("采样点", "Sampling point"),
}


def label_of(name: str) -> tuple[str, str] | None:
    """Return the Chinese and the English name of a point that many models have, or ``None``."""
    if name in _SINGLE:
        return _SINGLE[name]
    quantity, _, phase = name.rpartition("_")
    if quantity in _BY_PHASE and phase in _PHASES:
        zh, en = _BY_PHASE[quantity]
        return _PHASES[phase][0] + zh, f"{en} {_PHASES[phase][1]}"
    if name in _BY_PHASE:
        zh, en = _BY_PHASE[name]
        return (f"总{zh}" if name.startswith(("power", "reactive", "apparent")) else zh), en
    return None
