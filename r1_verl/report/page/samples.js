/* The responses: filters, search, one response with its question, its steps, and another run's beside it. */

const PAGE = 50; // responses of a page of the list

function showSamples(columns) {
  const total = columns.run.length;
  const view = { rows: new Int32Array(0), page: 0, row: -1, beside: "", hits: null, search: 0 };

  // The rows of each question, one after another: of question q those from first[q] on.
  const first = new Uint32Array(columns.question_text.length + 1);
  for (const question of columns.question) first[question + 1]++;
  for (let at = 1; at < first.length; at++) first[at] += first[at - 1];
  const ofQuestion = new Uint32Array(total);
  const next = first.slice();
  for (let row = 0; row < total; row++) ofQuestion[next[columns.question[row]]++] = row;
  const rowsOf = (question) => ofQuestion.subarray(first[question], first[question + 1]);
  const ofRun = (row, run) => [...rowsOf(columns.question[row])].filter((each) => columns.run[each] === run);
  const stepsOf = (rows) => [...new Set(rows.map((row) => columns.step[row]))].sort((a, b) => a - b);

  const stepName = (row) => "step " + columns.step[row];
  const outcomeOf = (row) => header.outcomes[columns.outcome[row]] || "not judged";
  const grade = (row) => {
    const name = header.outcomes[columns.outcome[row]];
    if (name === "correct" || name === "success" || (!name && columns.acc[row] === 1)) return "right";
    return columns.format[row] === 0 || ["bad_format", "no_answer", "empty"].includes(name) ? "odd" : "wrong";
  };
  const badge = (row) => make("span", { className: "badge " + grade(row) }, outcomeOf(row));

  /* ---- filters ---- */

  const choices = (id, all, list) => {
    $(id).append(make("option", { value: "" }, all), ...list.map(([value, name]) => make("option", { value }, name)));
    $(id).parentElement.hidden = list.length < 2;
  };
  const present = (column) => [...new Set(column)].sort((a, b) => a - b);
  choices("run", "all", present(columns.run).map((at) => [at, header.runs[at]]));
  choices("kind", "all", present(columns.kind).map((at) => [at, header.kinds[at]]));
  choices("step", "all", present(columns.step).map((at) => [at, at]));
  choices("source", "all", present(columns.source).map((at) => [at, header.sources[at] || "not named"]));
  const ORDERS = {
    "by step": null,
    "longest first": (row) => -columns.characters[row],
    "shortest first": (row) => columns.characters[row],
    "lowest score first": (row) => columns.score[row],
    "highest score first": (row) => -columns.score[row],
  };
  $("order").append(...Object.keys(ORDERS).map((name) => make("option", { value: name }, name)));
  $("everywhere-label").hidden = !header.files.length;
  const chips = present(columns.outcome).map((at) => {
    const box = make("input", { type: "checkbox", checked: true, value: String(at) });
    const count = make("b");
    $("outcomes").append(make("label", {}, box, (header.outcomes[at] || "not judged") + " ", count));
    return { at, box, count };
  });
  const facts = [["truncated", "cut off"], ["masked", "masked"], ["left_out", "left out of training"]].map(([id, name]) => {
    const box = make("input", { type: "checkbox", id });
    const count = make("b");
    const label = make("label", {}, box, "only " + name + " ", count);
    label.hidden = !columns[id].includes(1);
    $("outcomes").append(label);
    return { id, name, box, count };
  });

  function filter() {
    const wanted = {};
    for (const name of ["run", "kind", "step", "source"]) if ($(name).value !== "") wanted[name] = +$(name).value;
    const outcomes = new Set(chips.filter(({ box }) => box.checked).map(({ at }) => at));
    const counts = new Map();
    const met = facts.map(() => 0);
    const rows = [];
    for (let row = 0; row < total; row++) {
      if (view.hits && !view.hits[row]) continue;
      if (Object.entries(wanted).some(([name, value]) => columns[name][row] !== value)) continue;
      if (facts.some(({ id, box }) => box.checked && columns[id][row] !== 1)) continue;
      const outcome = columns.outcome[row];
      counts.set(outcome, (counts.get(outcome) || 0) + 1);
      if (!outcomes.has(outcome)) continue;
      facts.forEach(({ id }, at) => (met[at] += columns[id][row] === 1));
      rows.push(row);
    }
    for (const { at, count } of chips) count.textContent = (counts.get(at) || 0).toLocaleString("en");
    facts.forEach(({ count }, at) => (count.textContent = met[at].toLocaleString("en")));
    const by = ORDERS[$("order").value];
    if (by) rows.sort((a, b) => by(a) - by(b) || a - b);
    view.rows = rows;
    view.page = 0;
    list();
  }

  /* ---- search ---- */

  async function search() {
    const mine = ++view.search;
    const query = $("query").value.trim().toLowerCase();
    if (!query) {
      view.hits = null;
      filter();
      return;
    }
    const hits = new Uint8Array(total);
    const rowOf = new Map();
    const questionOf = new Map();
    columns.text.forEach((item, row) => rowOf.set(item, row));
    columns.question_text.forEach((item, question) => questionOf.set(item, question));
    const last = $("everywhere").checked ? header.starts.length - 1 : header.inside;
    view.hits = hits;
    let failed = "";
    for (let block = 0; block < last; block++) {
      const items = await texts.block(block).catch((error) => ((failed = error.message), []));
      if (mine !== view.search) return; // another search has begun
      items.forEach((parts, at) => {
        const item = header.starts[block] + at;
        if (!parts.some((part) => typeof part === "string" && part.toLowerCase().includes(query))) return;
        if (rowOf.has(item)) hits[rowOf.get(item)] = 1;
        else for (const row of rowsOf(questionOf.get(item))) hits[row] = 1;
      });
      if (block % 8 === 0) $("found").textContent = "Searching, " + Math.round((100 * block) / last) + " %";
    }
    filter();
    const unread = header.starts.length - 1 - last;
    if (unread) $("found").append(" The texts beside the page were not searched.");
    if (failed) $("found").append(" " + failed);
  }

  /* ---- the list ---- */

  function list() {
    const pages = Math.max(1, Math.ceil(view.rows.length / PAGE));
    view.page = Math.min(view.page, pages - 1);
    const shown = view.rows.slice(view.page * PAGE, (view.page + 1) * PAGE);
    $("found").textContent =
      view.rows.length.toLocaleString("en") + " of " + total.toLocaleString("en") + " responses";
    $("pages").textContent = view.page + 1 + " of " + pages.toLocaleString("en");
    $("back").disabled = view.page === 0;
    $("forward").disabled = view.page === pages - 1;
    $("list").replaceChildren(
      ...shown.map((row) => {
        const what = make("span", { className: "snippet" }, "…");
        const told = [stepName(row), header.sources[columns.source[row]], "score " + digits(columns.score[row])];
        if (header.runs.length > 1) told.unshift(header.runs[columns.run[row]]);
        const top = make("span", { className: "facts" }, badge(row), told.filter(Boolean).join(" · "));
        const button = make("button", { type: "button" }, top, what);
        button.dataset.row = row;
        button.addEventListener("click", () => choose(row, true));
        if (!texts.inPage(columns.text[row])) what.textContent = "text beside the page";
        else
          texts.item(columns.text[row]).then(([response, pred]) => {
            what.textContent = (pred || response).slice(0, 120) || "nothing";
          }, () => {});
        return make("li", {}, button);
      }),
    );
    mark();
  }

  function mark() {
    for (const button of $("list").querySelectorAll("button"))
      button.setAttribute("aria-current", String(+button.dataset.row === view.row));
  }

  function turn(pages) {
    view.page += pages;
    list();
  }

  /* The next or previous response of the list. */
  function walk(by) {
    const at = view.rows.indexOf(view.row);
    const row = view.rows[at < 0 ? 0 : at + by];
    if (row === undefined) return;
    const inList = $("list").contains(document.activeElement);
    const page = Math.floor((at < 0 ? 0 : at + by) / PAGE);
    if (page !== view.page) turn(page - view.page);
    choose(row, false);
    const button = $("list").querySelector('[aria-current="true"]');
    button.scrollIntoView({ block: "nearest" });
    if (inList) button.focus({ preventScroll: true });
  }

  /* ---- one response ---- */

  async function choose(row, scroll) {
    view.row = row;
    mark();
    const detail = $("detail");
    const run = columns.run[row];
    const mine = ofRun(row, run);
    const steps = stepsOf(mine);
    const here = mine.filter((each) => columns.step[each] === columns.step[row]);
    const head = make("div", { className: "walk" });
    const slider = make("input", {
      type: "range", id: "slider", min: 0, max: steps.length - 1, value: steps.indexOf(columns.step[row]),
      disabled: steps.length < 2,
    });
    const told = steps.length > 1 ? " (" + (steps.indexOf(columns.step[row]) + 1) + " of " + steps.length + ")" : "";
    slider.setAttribute("aria-valuetext", stepName(row));
    slider.addEventListener("input", () => toStep(+slider.value));
    head.append(make("label", {}, "This question at ", make("output", { id: "at-step" }, stepName(row) + told), slider));
    if (here.length > 1) {
      const at = here.indexOf(row);
      const samples = make("select", { id: "sample" });
      samples.append(...here.map((each, number) =>
        make("option", { value: each, selected: number === at }, number + 1 + " of " + here.length + ", " + outcomeOf(each))));
      samples.addEventListener("change", () => choose(+samples.value, false));
      head.append(make("label", { className: "choice" }, "Sample ", samples));
    }
    const others = header.runs.map((name, at) => [String(at), name]).filter(([at]) => +at !== run);
    const beside = make("select", { id: "beside" });
    beside.append(make("option", { value: "" }, "nothing"), make("option", { value: "first" }, "the first step of this run"));
    beside.append(...others.map(([value, name]) => make("option", { value }, name)));
    beside.value = [...beside.options].some((option) => option.value === view.beside) ? view.beside : "";
    beside.addEventListener("change", () => ((view.beside = beside.value), choose(view.row, false)));
    head.append(make("label", { className: "choice" }, "Beside it ", beside));
    const question = make("div", { className: "question" });
    const panels = make("div", { className: "panels" });
    panels.append(panel(row));
    if (beside.value !== "") {
      const other = counterpart(row, beside.value);
      panels.append(other === null
        ? make("section", { className: "panel" }, make("p", { className: "notice" }, "This question was not kept there."))
        : panel(other));
    }
    const focused = document.activeElement && detail.contains(document.activeElement) ? document.activeElement.id : "";
    detail.replaceChildren(head, question, panels);
    if (focused && $(focused)) $(focused).focus();
    if (scroll && innerWidth < 800) detail.scrollIntoView();
    texts.item(columns.question_text[columns.question[row]]).then(
      ([prompt, truth]) => {
        question.append(make("h3", {}, "Question"), make("pre", { className: "text" }, prompt || "not kept"));
        if (truth) question.append(make("p", {}, "ground truth ", make("code", {}, truth)));
      },
      (error) => question.append(make("p", { className: "notice" }, error.message)),
    );
  }

  function toStep(at) {
    const mine = ofRun(view.row, columns.run[view.row]);
    const steps = stepsOf(mine);
    if (at < 0 || at >= steps.length) return;
    const here = mine.filter((each) => columns.step[each] === steps[at]);
    choose(here.find((each) => columns.sample[each] === columns.sample[view.row]) ?? here[0], false);
  }

  /* The response to the same question in another run, at the same step or the last one before it; or at the run's
     first step. Null if there is none. */
  function counterpart(row, where) {
    const there = ofRun(row, where === "first" ? columns.run[row] : +where);
    if (!there.length) return null;
    const steps = stepsOf(there);
    const before = where === "first" ? [] : steps.filter((step) => step <= columns.step[row]);
    const step = before.length ? before[before.length - 1] : steps[0];
    const same = there.filter((each) => columns.step[each] === step);
    return same.find((each) => columns.sample[each] === columns.sample[row]) ?? same[0];
  }

  function panel(row) {
    const list = make("dl");
    const fact = (name, ...values) => list.append(make("div", {}, make("dt", {}, name), make("dd", {}, ...values)));
    const place = make("pre", { className: "text response" }, "…");
    const title = [header.runs[columns.run[row]], stepName(row), header.kinds[columns.kind[row]]];
    if (header.sources[columns.source[row]]) title.push(header.sources[columns.source[row]]);
    fact("outcome", badge(row));
    fact("score", digits(columns.score[row]));
    if (!Number.isNaN(columns.before[row])) fact("score before parts of groups and tokens", digits(columns.before[row]));
    fact("strict accuracy", digits(columns.acc[row]));
    fact("format", digits(columns.format[row]));
    fact("length", columns.tokens[row] >= 0 ? columns.tokens[row] + " tokens" : columns.characters[row] + " characters");
    for (const { id, name } of facts) if (columns[id][row] < 2) fact(name, columns[id][row] ? "yes" : "no");
    const whole = make("section", { className: "panel" }, make("h3", {}, title.join(" · ")), list, place);
    Promise.all([texts.item(columns.text[row]), texts.item(columns.question_text[columns.question[row]])]).then(
      ([[response, pred, parts, episode, moves], [, , opened]]) => {
        if (pred) fact("answer read", make("code", {}, pred));
        if (moves && moves !== pred) fact("moves", make("code", {}, moves));
        if (episode) place.before(episodePlayer(episode, opened));
        for (const [name, value] of Object.entries(parts)) fact(name, typeof value === "number" ? digits(value) : value);
        place.replaceChildren(...marked(response, opened));
        if (!response) place.append(make("em", {}, "nothing"));
      },
      (error) => place.replaceChildren(make("span", { className: "notice" }, error.message)),
    );
    return whole;
  }

  for (const id of ["run", "kind", "step", "source", "order", "outcomes"]) $(id).addEventListener("change", filter);
  let wait;
  $("query").addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(search, 200);
  });
  $("everywhere").addEventListener("change", search);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("back").addEventListener("click", () => turn(-1));
  $("forward").addEventListener("click", () => turn(1));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const writing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
    if (event.key === "/" && !writing) {
      event.preventDefault();
      $("query").focus();
    }
    const inside = $("samples").contains(event.target) && !writing;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (inside && by && view.rows.length) {
      event.preventDefault();
      walk(by);
    }
    const steps = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (inside && steps && view.row >= 0) {
      event.preventDefault();
      toStep(+$("slider").value + steps);
    }
  });

  $("filters").hidden = !total;
  document.querySelector(".split").hidden = !total;
  if (!total) $("found").textContent = "The runs kept no responses.";
  else {
    filter();
    if (view.rows.length) choose(view.rows[0], false);
  }
}

async function start() {
  $("about").textContent =
    "Made by r1-verl on " + header.made + ". This page asks no network for anything: it can be copied and sent.";
  header.notes.forEach((notes, run) => {
    const list = make("ul", {}, ...notes.map((note) => make("li", {}, note)));
    if (notes.length) $("notes").append(make("div", { className: "notice" }, make("b", {}, header.runs[run]), list));
  });
  $("missing").append(...header.leftOut.map((line) => make("li", {}, line)));
  if (typeof DecompressionStream === "undefined") return fault("This browser is too old for the page: take one of 2023 or later.");
  showTables();
  const arrays = await numbers();
  showCurves(arrays);
  showSamples(arrays);
  document.documentElement.dataset.ready = Math.round(performance.now());
}

start().catch((error) => fault("The page can't be shown: " + error.message));
