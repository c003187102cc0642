// Draws the charts of the trends page from /trends/data.json: a line and a band (least to most) for each point, a gap
// where nothing is known, bars at the foot where periods were not valid, dashed lines for limits.
"use strict";
(() => {
  const place = document.querySelector("[data-trend]");
  if (!place || typeof uPlot === "undefined") return;
  const words = place.dataset;
  const HEIGHT = 340, BAR = 5;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const stroke = (line) => colour(`--s${line.at}`) || "#0b5cad";

  function say(text, isWrong) {
    const line = document.createElement("p");
    line.className = isWrong ? "error" : "empty";
    line.textContent = text;
    place.replaceChildren(line);
  }

  const clear = (hex) => `${hex}24`;
  const shown = (value, decimals) =>
    value == null ? "—" : decimals == null ? String(Number(value.toPrecision(6))) : value.toFixed(decimals);

  // Each point has its own moments; uPlot.join lays them side by side and keeps gaps as gaps.
  function joined(lines) {
    const tables = lines.map((line) => [line.x, line.avg, line.min, line.max]);
    return uPlot.join(tables, tables.map(() => [0, 2, 2, 2]));
  }

  function series(lines) {
    const found = [{ label: words.time, value: (_, at) => (at == null ? "—" : stamp(at)) }];
    for (const line of lines) {
      const scale = `u:${line.unit}`, hex = stroke(line);
      const value = (_, reading) => (reading == null ? "—" : `${shown(reading, line.decimals)} ${line.unit}`);
      found.push({ label: line.label, scale, stroke: hex, width: 2, value, dash: line.at > 3 ? [8, 4] : undefined });
      found.push({ scale, stroke: "transparent", width: 0, points: { show: false } });
      found.push({ scale, stroke: "transparent", width: 0, points: { show: false } });
    }
    return found;
  }

  function bands(lines) {
    return lines.map((line, at) => ({ series: [3 * at + 3, 3 * at + 2], fill: clear(stroke(line)) }));
  }

  function axes(chart) {
    const ink = colour("--ink-2"), grid = { stroke: colour("--line"), width: 0.5 };
    const font = `12px ${colour("--font") || "sans-serif"}`;
    const across = { stroke: ink, grid, ticks: grid, font, values: clockwise };
    const up = chart.units.map((unit, at) => ({
      scale: `u:${unit}`, side: at ? 1 : 3, label: unit || " ", stroke: ink, font, labelFont: font, labelSize: 20, size: place.clientWidth < 500 ? 44 : 62,
      grid: at ? { show: false } : grid, ticks: grid,
    }));
    return [across, ...up];
  }

  let zone = "UTC";
  function parts(at) {
    const how = { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
    const found = {};
    for (const { type, value } of new Intl.DateTimeFormat("en", how).formatToParts(at * 1000)) found[type] = value;
    return found;
  }
  function stamp(at) {
    const { year, month, day, hour, minute } = parts(at);
    return `${year}-${month}-${day} ${hour}:${minute}`;
  }
  function clockwise(_, moments, __, ___, step) {
    let before = "";
    return moments.map((at) => {
      const { month, day, hour, minute } = parts(at), today = `${month}-${day}`, isNew = today !== before;
      before = today;
      return step >= 86400 ? today : `${hour}:${minute}${isNew ? `\n${today}` : ""}`;
    });
  }

  // Limits belong to a unit's axis, so that axis always reaches them.
  function range(chart, unit) {
    const edges = chart.limits.filter((limit) => chart.lines.some((line) => line.point === limit.point && line.unit === unit));
    return (_, least, most) => {
      const values = [least, most, ...edges.map((limit) => limit.value)].filter((value) => value != null);
      if (!values.length) return [0, 1];
      const low = Math.min(...values), high = Math.max(...values);
      return uPlot.rangeNum(low, high, 0.08, true);
    };
  }

  // Limits of one height are one line with all their names.
  function levels(chart) {
    const found = new Map();
    for (const limit of chart.limits) {
      const { unit } = chart.lines.find((line) => line.point === limit.point), key = `${unit} ${limit.value}`;
      if (!found.has(key)) found.set(key, { unit, value: limit.value, words: new Set() });
      found.get(key).words.add(limit.word);
    }
    return found.values();
  }

  function drawLimits(plot, chart) {
    const { ctx, bbox } = plot, ratio = uPlot.pxRatio, right = bbox.left + bbox.width;
    ctx.save();
    ctx.font = `${12 * ratio}px ${colour("--font")}`;
    ctx.textAlign = "right";
    ctx.lineJoin = "round";
    for (const { unit, value, words: names } of levels(chart)) {
      const y = plot.valToPos(value, `u:${unit}`, true), text = `${[...names].join(", ")} ${value} ${unit}`;
      ctx.strokeStyle = ctx.fillStyle = colour("--red");
      ctx.lineWidth = 1.5 * ratio;
      ctx.setLineDash([6 * ratio, 4 * ratio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(right, y);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.strokeStyle = colour("--surface");
      ctx.lineWidth = 4 * ratio;
      ctx.strokeText(text, right - 4 * ratio, y - 5 * ratio);
      ctx.fillText(text, right - 4 * ratio, y - 5 * ratio);
    }
    ctx.restore();
  }

  function drawBad(plot, chart) {
    const { ctx, bbox } = plot, height = BAR * uPlot.pxRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    chart.lines.forEach((line, at) => {
      ctx.fillStyle = stroke(line);
      const top = bbox.top + bbox.height - (chart.lines.length - at) * (height + 1);
      for (const [from, to] of line.bad) {
        const left = plot.valToPos(from, "x", true);
        ctx.fillRect(left, top, Math.max(2, plot.valToPos(to, "x", true) - left), height);
      }
    });
    ctx.restore();
  }

  const wide = () => Math.max(260, place.clientWidth);

  function draw(chart, told) {
    const scales = { x: { time: true, range: () => [told.from, told.to] } };
    for (const unit of chart.units) scales[`u:${unit}`] = { range: range(chart, unit) };
    const plot = new uPlot({
      width: wide(), height: HEIGHT, scales, axes: axes(chart), series: series(chart.lines), bands: bands(chart.lines),
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zone),
      legend: { show: true, live: true },
      cursor: { drag: { x: false, y: false }, sync: { key: "trend" } },
      hooks: { draw: [(one) => drawLimits(one, chart), (one) => drawBad(one, chart)] },
    }, joined(chart.lines), place);
    // The two edges of each band are no lines of their own: they need no row in the legend.
    plot.root.querySelectorAll(".u-legend .u-series").forEach((row, at) => { row.hidden = at > 0 && (at - 1) % 3 !== 0; });
    return plot;
  }

  function show(told) {
    if (told.error || !told.charts.some((chart) => chart.lines.some((line) => line.x.length))) {
      say(told.error || words.nothing, Boolean(told.error));
      return;
    }
    zone = told.timezone;
    place.replaceChildren();
    let plots = told.charts.map((chart) => draw(chart, told));
    if (told.charts.some((chart) => chart.lines.some((line) => line.bad.length))) {
      const note = document.createElement("p");
      note.className = "small muted";
      note.textContent = words.invalid;
      place.append(note);
    }
    new ResizeObserver(() => plots.forEach((plot) => {
      if (plot.width !== wide()) plot.setSize({ width: wide(), height: HEIGHT });
    })).observe(place);
    const again = () => { plots.forEach((plot) => plot.destroy()); plots = []; show(told); };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again, { once: true });
  }

  say(words.loading, false);
  fetch(words.trend, { headers: { Accept: "application/json" } })
    .then((answer) => answer.json())
    .then(show, () => say(words.failed, true));
})();
