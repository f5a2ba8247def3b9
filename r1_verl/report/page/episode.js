/* An episode, played back and forth: the board after each move, its reward, and what the model wrote in that turn.
   episode: [frames, the texts of the turns or none, outcome], a frame [turn, move, reward, board or 0 for the one
   before] (report/episodes.py). opened: the prompt had opened <think>. */

const BEAT = 700; // milliseconds of a move while it plays

function episodePlayer([frames, said, outcome], opened) {
  const last = frames.length - 1;
  let at = 0;
  let timer = 0;
  const button = (text, name, act) => {
    const made = make("button", { type: "button" }, text);
    made.setAttribute("aria-label", name);
    made.addEventListener("click", act);
    return made;
  };
  const board = make("pre", { className: "text board" });
  const told = make("output", { className: "told" });
  const wrote = make("pre", { className: "text wrote", hidden: true });
  const slider = make("input", { type: "range", min: 0, max: last, value: 0, disabled: !last });
  slider.setAttribute("aria-label", "Move of the episode");
  const first = button("«", "To the start", () => show(0));
  const back = button("‹", "One move back", () => show(at - 1));
  const play = button("Play", "Play", () => (timer ? stop() : begin()));
  const on = button("›", "One move on", () => show(at + 1));
  const end = button("»", "To the end", () => show(last));
  const reward = (number) => (number > 0 ? "+" : "") + digits(number);

  function draw(number) {
    at = Math.max(0, Math.min(last, number));
    const [turn, move] = frames[at];
    let shown = at;
    while (shown && frames[shown][3] === 0) shown--;
    board.textContent = frames[shown][3] || "";
    const total = frames.slice(0, at + 1).reduce((sum, frame) => sum + frame[2], 0);
    const parts = turn
      ? ["turn " + turn, "move " + at + " of " + last + ": " + (move === "?" ? "? (no action)" : move),
         "reward " + reward(frames[at][2]), "so far " + digits(total)]
      : ["start", last + (last === 1 ? " move" : " moves")];
    if (at === last) parts.push(outcome ? "ended: " + outcome : "not ended");
    told.textContent = parts.join(" · ");
    slider.value = at;
    slider.setAttribute("aria-valuetext", told.textContent);
    for (const [each, off] of [[first, !at], [back, !at], [on, at === last], [end, at === last]]) each.disabled = off;
    const text = turn && said[turn - 1];
    wrote.hidden = typeof text !== "string";
    if (!wrote.hidden) wrote.replaceChildren(...marked(text, opened));
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
    play.setAttribute("aria-label", "Play");
  }

  function show(number) {
    stop();
    draw(number);
  }

  function begin() {
    draw(at === last ? 0 : at);
    timer = setInterval(() => (at < last && player.isConnected ? draw(at + 1) : stop()), BEAT);
    play.textContent = "Pause";
    play.setAttribute("aria-label", "Pause");
  }

  slider.addEventListener("input", () => show(+slider.value));
  const controls = make("div", { className: "controls" }, first, back, play, on, end, slider);
  const player = make("section", { className: "episode" }, controls, told, board, wrote);
  player.tabIndex = 0;
  player.setAttribute("aria-label", "Episode");
  player.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // the page's arrows walk the steps of a question
    show(to);
  });
  draw(0);
  return player;
}
