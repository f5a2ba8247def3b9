/* Tables and curves. */

// By Okabe and Ito: told apart by the colour-blind too, on a light and on a dark ground.
const COLOURS = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#3a9bd9", "#5b5b5b", "#7b3fbf"],
  dark: ["#56b4e9", "#ff9245", "#2fc99a", "#e59ac7", "#f0e442", "#9cd4ff", "#c9c9c9", "#b58cff"],
};
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3], [14, 5]];
const printing = matchMedia("print");
const darkness = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => darkness.matches && !printing.matches;
const runColour = (run) => COLOURS[isDark() ? "dark" : "light"][run % 8];
const hiddenRuns = new Set();
let drawn = []; // of each chart: the uPlot

function showTables() {
  for (const table of header.tables) {
    const head = make("tr", {}, ...table.head.map((name) => make("th", { scope: "col" }, name)));
    const best = new Set(table.best.map(String));
    const cell = (text, row, column) => {
      if (!column) return make("th", { scope: "row" }, text);
      return make("td", {}, best.has(row + "," + column) ? make("strong", {}, text) : text);
    };
    const body = make("tbody");
    table.rows.forEach((cells, row) => {
      const run = table.runs[row];
      if (run && run !== table.runs[row - 1])
        body.append(make("tr", { className: "run" }, make("th", { colSpan: cells.length, scope: "rowgroup" }, run)));
      body.append(make("tr", {}, ...cells.map((text, at) => cell(text, row, at))));
    });
    const whole = make("table", {}, make("caption", {}, table.caption), make("thead", {}, head), body);
    $("tables").append(make("div", { className: "wide", tabIndex: 0, role: "region", ariaLabel: table.caption }, whole));
    if (table.notes.length) $("tables").append(make("ul", {}, ...table.notes.map((note) => make("li", {}, note))));
  }
}

/* The exponential mean without the pull towards 0 at its beginning; a gap stays a gap. */
function smoothed(values, weight) {
  let mean = 0;
  let share = 1;
  return Array.from(values, (value) => {
    if (!Number.isFinite(value)) return null;
    mean = weight * mean + (1 - weight) * value;
    share *= weight;
    return mean / (1 - share);
  });
}

/* The picture of some lines ({run, metric, label, points}), under a title. */
function draw(place, title, lines, arrays) {
  const weight = +$("smoothing").value;
  const shown = lines.filter((line) => !hiddenRuns.has(line.run));
  const labels = [...new Set(lines.map((line) => line.label))];
  const curves = [];
  for (const line of shown) {
    const [steps, values] = header.metrics[line.run][line.metric].map((at) => arrays["#" + at]);
    const before = $("joined").checked ? header.before[line.run] : 0;
    const at = labels.indexOf(line.label);
    const colour = header.runs.length > 1 ? runColour(line.run) : runColour(at);
    const curve = { line, at: Array.from(steps, (step) => step + before), colour, dash: DASHES[at % DASHES.length] };
    const raw = Array.from(values, (value) => (Number.isFinite(value) ? value : null));
    if (weight && !line.points) curves.push({ ...curve, values: raw, faint: true });
    curves.push({ ...curve, values: line.points ? raw : smoothed(values, weight) });
  }
  const xs = [...new Set(curves.flatMap((curve) => curve.at))].sort((a, b) => a - b);
  const index = new Map(xs.map((x, at) => [x, at]));
  const data = [xs];
  for (const curve of curves) {
    const column = new Array(xs.length); // undefined is no point here, null is a gap
    curve.at.forEach((x, at) => (column[index.get(x)] = curve.values[at]));
    data.push(column);
  }
  const reading = make("p", { className: "reading" });
  const box = make("figure", {}, make("figcaption", {}, title));
  const inner = make("div", { className: "chart", role: "img" });
  const strong = curves.filter((curve) => !curve.faint);
  const name = ({ line }) =>
    [header.runs.length > 1 ? header.runs[line.run] : "", line.label].filter(Boolean).join(": ");
  inner.setAttribute(
    "aria-label",
    title + ". " + strong.map((curve) => name(curve) + " " + ends(curve.values)).join("; "),
  );
  box.append(inner, reading);
  place.append(box);
  const ink = isDark() ? "#c8ccd2" : "#444";
  const grid = { stroke: isDark() ? "#33383f" : "#e6e6e6", width: 1 };
  const axis = { stroke: ink, grid, ticks: grid, font: "11px system-ui, sans-serif" };
  const say = (at) => {
    reading.replaceChildren(
      ...strong.map((curve, number) => {
        const value = at === null ? curve.values.findLast((each) => each !== null) : data[curves.indexOf(curve) + 1][at];
        const key = make("i", { className: "key" });
        key.style.borderTopColor = curve.colour;
        key.style.borderTopStyle = curve.dash.length ? "dashed" : "solid";
        const text = name(curve) + (value === undefined || value === null ? "" : " " + digits(value));
        return make("span", { title: name(curve) }, key, text);
      }),
    );
    if (at !== null) reading.prepend(make("b", {}, "step " + xs[at]));
  };
  const plot = new uPlot(
    {
      width: Math.max(240, inner.clientWidth),
      height: 210,
      scales: { x: { time: false } },
      legend: { show: false },
      cursor: { sync: { key: "step" }, drag: { x: true, y: false } },
      axes: [{ ...axis, size: 32 }, { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : digits(tick))) }],
      series: [
        {},
        ...curves.map((curve) => ({
          stroke: curve.faint ? curve.colour + "50" : curve.colour,
          width: curve.faint ? 1 : 2,
          dash: curve.dash,
          spanGaps: false,
          points: { show: curve.line.points || curve.at.length < 3, size: 6, fill: curve.colour },
        })),
      ],
      hooks: { setCursor: [(self) => say(self.cursor.idx ?? null)] },
    },
    data,
    inner,
  );
  say(null);
  drawn.push([plot, inner]);
}

function ends(values) {
  const found = values.filter((value) => value !== null);
  return found.length ? digits(found[0]) + " to " + digits(found[found.length - 1]) : "no number";
}

function showCurves(arrays) {
  const smoothing = $("smoothing");
  const longest = Math.max(0, ...header.metrics.flatMap((named) =>
    Object.entries(named).filter(([name]) => !name.startsWith("val-")).map(([, [steps]]) => arrays["#" + steps].length)));
  smoothing.value = longest >= 30 ? 0.6 : 0;
  $("joined-label").hidden = !header.before.some(Boolean);
  $("joined").checked = header.before.some(Boolean);
  $("runs").hidden = header.runs.length < 2;
  header.runs.forEach((run, at) => {
    const box = make("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => (box.checked ? hiddenRuns.delete(at) : hiddenRuns.add(at), redraw()));
    const key = make("i", { className: "key" });
    key.dataset.run = at;
    $("runs").append(make("label", {}, box, key, run));
  });
  const names = [...new Set(header.metrics.flatMap((named) => Object.keys(named)))].sort();
  $("metric").append(make("option", { value: "" }, "none"), ...names.map((name) => make("option", { value: name }, name)));
  $("metric").parentElement.hidden = !names.length;
  const other = () =>
    header.metrics.flatMap((named, run) =>
      $("metric").value in named
        ? [{ run, metric: $("metric").value, label: "", points: $("metric").value.startsWith("val-") }]
        : [],
    );
  function redraw() {
    $("smoothing-value").textContent = smoothing.value;
    for (const [plot] of drawn) plot.destroy();
    drawn = [];
    $("charts").replaceChildren();
    $("other").replaceChildren();
    for (const key of document.querySelectorAll("#runs .key")) key.style.borderTopColor = runColour(+key.dataset.run);
    for (const [title, lines] of header.charts) draw($("charts"), title, lines, arrays);
    if ($("metric").value) draw($("other"), $("metric").value, other(), arrays);
    if (!header.charts.length) $("charts").append(make("p", {}, "No step has been trained yet."));
  }
  for (const id of ["smoothing", "joined", "metric"]) $(id).addEventListener("input", redraw);
  for (const query of [printing, darkness]) query.addEventListener("change", redraw);
  redraw();
  new ResizeObserver(() => {
    for (const [plot, inner] of drawn) {
      const width = Math.max(240, inner.clientWidth);
      if (width !== plot.width) plot.setSize({ width, height: 210 });
    }
  }).observe($("charts"));
}
