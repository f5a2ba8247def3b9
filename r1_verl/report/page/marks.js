/* A response as nodes: its thinking, its answer and its boxes marked, every character of it as text.
   opened: the prompt had opened <think> already. */
function marked(text, opened) {
  const nodes = [];
  let thinking = Boolean(opened);
  let answer = false;
  const put = (piece, tag) => {
    if (!piece) return;
    const kind = tag ? "tag" : answer ? "answer" : thinking ? "think" : "";
    nodes.push(kind ? make("span", { className: kind + (tag && thinking ? " think" : "") }, piece) : piece);
  };
  for (const piece of text.split(/(<\/?(?:think|answer)>)/)) {
    if (piece === "<think>") thinking = true;
    if (piece === "<answer>") answer = true;
    if (/^<\/?(think|answer)>$/.test(piece)) put(piece, true);
    else boxes(piece).forEach(([part, box]) => (box ? nodes.push(make("span", { className: "box" }, part)) : put(part)));
    if (piece === "</think>") thinking = false;
    if (piece === "</answer>") answer = false;
  }
  return nodes;
}

/* A text cut at its boxes: [piece, whether it is a \boxed{...}]. A box that never closes is no box. */
function boxes(text) {
  const found = [];
  let from = 0;
  for (let start = text.indexOf("\\boxed{"); start >= 0; start = text.indexOf("\\boxed{", from)) {
    let depth = 0;
    let at = start + 6;
    for (; at < text.length; at++) {
      if (text[at] === "\\") at++;
      else if (text[at] === "{") depth++;
      else if (text[at] === "}" && --depth === 0) break;
    }
    if (at >= text.length) break;
    found.push([text.slice(from, start), false], [text.slice(start, at + 1), true]);
    from = at + 1;
  }
  found.push([text.slice(from), false]);
  return found;
}
