"use strict";
/* What both halves of the page use: elements, the packed data, the texts. */

const $ = (id) => document.getElementById(id);

/* An element with properties and children. Children that are text go in as text. */
function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function fault(text) {
  $("fault").hidden = false;
  $("fault").textContent = text;
}

const header = JSON.parse($("header").textContent);
const ARRAYS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i4: Int32Array, f4: Float32Array };
const NOWHERE = 0xffffffff;

async function unpacked(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/* Every array of the page by its name; `#3` is a part of a curve, the others are columns of the responses. */
async function numbers() {
  const data = await unpacked($("numbers").textContent);
  const found = {};
  let at = 0;
  for (const [name, type, length] of header.layout) {
    found[name] = new ARRAYS[type](data, at, length);
    at += Math.ceil(found[name].byteLength / 4) * 4;
  }
  return found;
}

/* The blocks of texts: in the page, or in files beside it, which a script element reads (a page on disk may not
   fetch). Each file calls r1Texts(number of its first block, blocks). */
const texts = {
  kept: new Map(), // block -> promise of its items, the latest last
  loaded: new Map(), // block -> base64, of the files beside the page
  files: new Map(), // file -> promise

  blockOf(item) {
    let low = 0;
    let high = header.starts.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (header.starts[middle] <= item) low = middle;
      else high = middle;
    }
    return low;
  },

  inPage: (item) => item < header.starts[header.inside],

  block(number) {
    let found = this.kept.get(number);
    this.kept.delete(number);
    found = found || this.packed(number).then(unpacked).then((data) => JSON.parse(new TextDecoder().decode(data)));
    this.kept.set(number, found);
    found.catch(() => this.kept.delete(number));
    if (this.kept.size > 60) this.kept.delete(this.kept.keys().next().value);
    return found;
  },

  async packed(number) {
    if (number < header.inside) return $("block-" + number).textContent;
    const file = header.files.findLastIndex(([first]) => first <= number);
    if (!this.files.has(file)) this.files.set(file, this.load(header.files[file][1]));
    await this.files.get(file).catch((error) => {
      this.files.delete(file);
      throw error;
    });
    return this.loaded.get(number);
  },

  load(name) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = name.split("/").map(encodeURIComponent).join("/");
      script.onload = resolve;
      script.onerror = () => reject(new Error("This text is in " + name + ", which is not beside the page."));
      document.head.append(script);
    });
  },

  async item(number) {
    const block = this.blockOf(number);
    return (await this.block(block))[number - header.starts[block]];
  },
};

window.r1Texts = (first, blocks) => blocks.forEach((block, at) => texts.loaded.set(first + at, block));

function digits(number) {
  if (Number.isNaN(number)) return "none";
  if (!Number.isFinite(number)) return number > 0 ? "infinite" : "-infinite";
  const size = Math.abs(number);
  return size >= 1e5 || (size && size < 1e-3) ? number.toExponential(2) : String(+number.toFixed(size < 10 ? 3 : 1));
}
