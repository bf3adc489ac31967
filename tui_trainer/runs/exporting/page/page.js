"use strict";
// Draws the charts again from their buckets: a zoom that all of them share, and a cursor that reads values.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const NS = "http://www.w3.org/2000/svg";
  const W = 860, H = 300, LEFT = 64, RIGHT = 36, TOP = 14, BOTTOM = 34;
  const whole = [data.first, Math.max(data.last, data.first + 1)];
  let view = whole.slice(), cursor = null;

  const element = (name, attributes, text) => {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const shown = (value) => {
    if (value === null || value === undefined) return "";
    if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en-US");
    const size = Math.abs(value);
    return size !== 0 && (size < 1e-4 || size >= 1e7) ? value.toExponential(4) : String(Number(value.toPrecision(6)));
  };
  const ticks = (low, high, most) => {
    const raw = (high - low) / most, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw);
    const found = [];
    for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index++) found.push(index * step);
    return found;
  };

  // Position of the bucket that holds a step, else of the nearest one.
  const at = (curve, step) => {
    let low = 0, high = curve.a.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (curve.a[middle] <= step) low = middle; else high = middle - 1;
    }
    const next = low + 1;
    if (next < curve.a.length && step > curve.b[low] && curve.a[next] - step < step - curve.b[low]) return next;
    return low;
  };

  const charts = Array.from(document.querySelectorAll("figure.chart-box"), (figure, index) => {
    const chart = data.charts[index];
    for (const curve of chart.curves) {
      curve.b = curve.b || curve.a;
      curve.low = curve.low || curve.mid;
      curve.high = curve.high || curve.mid;
      curve.n = curve.n || curve.a.map(() => 1);
    }
    return {
      figure, chart, logarithm: false,
      plot: figure.querySelector(".plot"), body: figure.querySelector("tbody"), said: figure.querySelector("output"),
    };
  });

  const across = (step) => LEFT + (step - view[0]) / (view[1] - view[0]) * (W - LEFT - RIGHT);
  const stepAt = (x) => view[0] + (x - LEFT) / (W - LEFT - RIGHT) * (view[1] - view[0]);

  const range = ({chart, logarithm}) => {
    let low = Infinity, high = -Infinity;
    for (const curve of chart.curves) {
      for (let index = 0; index < curve.a.length; index++) {
        if (curve.b[index] < view[0] || curve.a[index] > view[1]) continue;
        if (!logarithm || curve.low[index] > 0) low = Math.min(low, curve.low[index]);
        high = Math.max(high, curve.high[index]);
      }
    }
    if (logarithm) {
      if (!(low < Infinity) || !(high > 0)) return null;
      low = Math.log10(low);
      high = Math.log10(high);
    } else if (!(low < Infinity)) {
      return [0, 1];
    }
    const space = high > low ? (high - low) * 0.04 : Math.abs(low) * 0.1 || 1;
    return [low - space, high + space];
  };

  const draw = (one) => {
    let limits = range(one);
    if (limits === null) {
      one.logarithm = false;
      limits = range(one);
    }
    const [low, high] = limits, {chart, plot} = one;
    const height = (value) => {
      const level = one.logarithm ? (value > 0 ? Math.log10(value) : low) : value;
      return TOP + (high - level) / (high - low) * (H - TOP - BOTTOM);
    };
    one.height = height;
    const svg = element("svg", {class: "chart", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": chart.title});
    const clip = `clip${charts.indexOf(one)}`;
    const defs = element("defs", {});
    const path = element("clipPath", {id: clip});
    path.append(element("rect", {x: LEFT, y: 0, width: W - LEFT - RIGHT, height: H - BOTTOM}));
    defs.append(path);
    svg.append(defs);
    for (const level of ticks(low, high, 5)) {
      const y = TOP + (high - level) / (high - low) * (H - TOP - BOTTOM);
      svg.append(element("path", {class: "grid", d: `M${LEFT} ${y.toFixed(1)}H${W - RIGHT}`}));
      const value = one.logarithm ? 10 ** level : level;
      const label = Math.abs(value) < 1e-12 * Math.max(Math.abs(low), Math.abs(high)) ? "0" : String(Number(value.toPrecision(4)));
      svg.append(element("text", {x: LEFT - 6, y: (y + 4).toFixed(1), "text-anchor": "end"}, label));
    }
    for (const step of ticks(view[0], view[1], 8)) {
      const label = Number(step.toPrecision(9)).toLocaleString("en-US");
      svg.append(element("text", {x: across(step).toFixed(1), y: H - BOTTOM + 18, "text-anchor": "middle"}, label));
    }
    svg.append(element("path", {class: "axis", d: `M${LEFT} ${H - BOTTOM}H${W - RIGHT}`}));
    svg.append(element("text", {x: W - 4, y: H - 3, "text-anchor": "end"}, "step"));
    const inside = element("g", {"clip-path": `url(#${clip})`});
    for (const mark of data.marks) {
      if (mark.step < view[0] || mark.step > view[1]) continue;
      const x = across(mark.step).toFixed(1);
      const line = element("path", {class: "mark", d: `M${x} ${TOP}V${H - BOTTOM}`});
      line.append(element("title", {}, mark.text));
      inside.append(line);
      svg.append(element("text", {x, y: TOP - 3, "text-anchor": "middle"}, mark.letter));
    }
    for (const curve of chart.curves) {
      const from = Math.max(at(curve, view[0]) - 1, 0), to = Math.min(at(curve, view[1]) + 2, curve.a.length);
      let line = "", upper = "", lower = "", bands = false;
      for (let index = from; index < to; index++) {
        const x = across((curve.a[index] + curve.b[index]) / 2).toFixed(1);
        line += `${line ? "L" : "M"}${x} ${height(curve.mid[index]).toFixed(1)}`;
        bands = bands || curve.n[index] > 1;
        upper += `${upper ? "L" : "M"}${x} ${height(curve.high[index]).toFixed(1)}`;
        lower = `L${x} ${height(curve.low[index]).toFixed(1)}${lower}`;
      }
      if (bands) inside.append(element("path", {class: `band f${curve.color}`, d: `${upper}${lower}Z`}));
      if (line) inside.append(element("path", {class: `line c${curve.color}${curve.dashed ? " dashed" : ""}`, d: line}));
      if (to - from === 1) {
        inside.append(element("circle", {
          class: `f${curve.color}`, r: 3, cx: across(curve.a[from]).toFixed(1), cy: height(curve.mid[from]).toFixed(1),
        }));
      }
      for (const [step, kind] of curve.gaps || []) {
        inside.append(element("text", {class: `f${curve.color}`, x: across(step).toFixed(1), y: TOP + 10}, kind));
      }
    }
    svg.append(inside);
    one.cursor = element("path", {class: "cursor", d: ""});
    one.zoom = element("rect", {class: "zoom", y: TOP, height: H - TOP - BOTTOM, width: 0, x: 0});
    svg.append(one.zoom, one.cursor);
    plot.replaceChildren(svg);
    one.svg = svg;
    const button = one.figure.querySelector("[data-do=log]");
    button.setAttribute("aria-pressed", String(one.logarithm));
    read(one);
  };

  // Write the values at the cursor into the table of a chart.
  const read = (one) => {
    const step = cursor;
    one.cursor.setAttribute("d", step === null ? "" : `M${across(step).toFixed(1)} ${TOP}V${H - BOTTOM}`);
    one.chart.curves.forEach((curve, row) => {
      const cells = one.body.rows[row].cells;
      if (!curve.a.length) return;
      const index = step === null ? curve.a.length - 1 : at(curve, step);
      const a = curve.a[index], b = curve.b[index];
      cells[1].textContent = a === b ? shown(a) : `${shown(a)} to ${shown(b)}`;
      cells[2].textContent = shown(curve.mid[index]);
      cells[3].textContent = curve.n[index] > 1 ? shown(curve.low[index]) : "";
      cells[4].textContent = curve.n[index] > 1 ? shown(curve.high[index]) : "";
      cells[5].textContent = shown(curve.n[index]);
    });
  };

  const say = (one) => {
    if (cursor === null) return;
    const parts = one.chart.curves.slice(0, 6).filter((curve) => curve.a.length).map((curve) => {
      const index = at(curve, cursor), many = curve.n[index] > 1;
      const band = many ? `, from ${shown(curve.low[index])} to ${shown(curve.high[index])} over ${shown(curve.n[index])} steps` : "";
      return `${curve.label} ${shown(curve.mid[index])}${band}`;
    });
    one.said.textContent = `step ${shown(Math.round(cursor))}: ${parts.join("; ")}`;
  };

  const move = (step, one) => {
    cursor = Math.min(Math.max(step, whole[0]), whole[1]);
    charts.forEach(read);
    if (one) say(one);
  };
  const show = (first, last) => {
    const width = Math.min(Math.max(last - first, 2), whole[1] - whole[0]);
    first = Math.min(Math.max(first, whole[0]), whole[1] - width);
    view = [first, first + width];
    charts.forEach(draw);
  };
  const zoom = (factor) => {
    const middle = cursor !== null && cursor >= view[0] && cursor <= view[1] ? cursor : (view[0] + view[1]) / 2;
    show(middle - (middle - view[0]) * factor, middle + (view[1] - middle) * factor);
  };
  const follow = () => {
    if (cursor < view[0] || cursor > view[1]) {
      const half = (view[1] - view[0]) / 2;
      show(cursor - half, cursor + half);
    }
  };
  // Move the cursor by buckets of the curve with the most of them.
  const stride = (one, count) => {
    const curve = one.chart.curves.reduce((most, each) => each.a.length > most.a.length ? each : most);
    if (!curve.a.length) return;
    const now = cursor === null ? curve.a.length - 1 : at(curve, cursor);
    const next = Math.min(Math.max(now + count, 0), curve.a.length - 1);
    move(curve.a[next], one);
    follow();
  };

  const acts = {
    in: () => zoom(0.5), out: () => zoom(2), all: () => show(...whole),
    log: (one) => { one.logarithm = !one.logarithm; draw(one); },
  };
  for (const one of charts) {
    one.figure.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-do]");
      if (button) acts[button.dataset.do](one);
    });
    one.figure.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.target.tagName === "BUTTON") return;
      const keys = {
        ArrowLeft: () => stride(one, event.shiftKey ? -10 : -1), ArrowRight: () => stride(one, event.shiftKey ? 10 : 1),
        Home: () => { move(whole[0], one); follow(); }, End: () => { move(whole[1], one); follow(); },
        "+": acts.in, "=": acts.in, "-": acts.out, "0": acts.all, Escape: acts.all, l: acts.log, L: acts.log,
      };
      const act = keys[event.key];
      if (!act) return;
      event.preventDefault();
      act(one);
    });
    const step = (event) => {
      const box = one.svg.getBoundingClientRect();
      return Math.min(Math.max(stepAt((event.clientX - box.left) / box.width * W), view[0]), view[1]);
    };
    let from = null;
    one.plot.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      from = step(event);
      one.plot.setPointerCapture(event.pointerId);
    });
    one.plot.addEventListener("pointermove", (event) => {
      const here = step(event);
      move(here);
      if (from === null) return;
      const [a, b] = [across(Math.min(from, here)), across(Math.max(from, here))];
      one.zoom.setAttribute("x", a);
      one.zoom.setAttribute("width", b - a);
    });
    one.plot.addEventListener("pointerup", (event) => {
      const here = step(event), start = from;
      from = null;
      one.zoom.setAttribute("width", 0);
      if (start !== null && Math.abs(across(here) - across(start)) > 6) show(Math.min(start, here), Math.max(start, here));
      else move(here, one);
    });
    one.plot.addEventListener("pointercancel", () => { from = null; one.zoom.setAttribute("width", 0); });
    one.plot.addEventListener("dblclick", acts.all);
    draw(one);
  }
  document.documentElement.dataset.ready = "yes";
})();
