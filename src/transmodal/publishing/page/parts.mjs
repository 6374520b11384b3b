// Parts that the page's script stands on: its elements, its data, and the worker that it asks.

export const at = (id) => document.getElementById(id);
export const plan = JSON.parse(at("plan").textContent);
const WAYS = { cpu: ["wasm", "WebAssembly"], gpu: ["webgpu", "WebGPU"] };
const replies = new Map();
let worker = null;
let number = 0;

// Loads the network by the first way of the plan that this browser has and that computes what torch does.
export async function startNetwork() {
  let failure = null;
  for (const kind of plan.kinds) {
    if (kind === "gpu" && !(await hasGpu())) continue;
    const [provider, name] = WAYS[kind];
    startWorker(kind);
    const blocks = { wasm: bytesOf(`wasm-${kind}`), graph: bytesOf("graph"), probe: bytesOf("probe") };
    try {
      return { name, ...(await ask("start", { plan, provider, ...blocks })) };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

// Whether there is a graphics card to compute on, and the way for WebAssembly to wait for it.
async function hasGpu() {
  return typeof WebAssembly.Suspending === "function" && Boolean(await navigator.gpu?.requestAdapter());
}

// Starts a worker of a kind in the place of the one before.
function startWorker(kind) {
  worker?.terminate();
  replies.clear();
  const texts = [`ort-${kind}`, "worker"].map((id) => at(id).textContent);
  worker = new Worker(URL.createObjectURL(new Blob(texts, { type: "text/javascript" })));
  worker.onmessage = hear;
}

function hear({ data }) {
  const reply = replies.get(data.number);
  if (data.progress) return reply.tell(data.progress);
  replies.delete(data.number);
  return "error" in data ? reply.reject(new Error(data.error)) : reply.resolve(data.answer);
}

export function ask(order, content, transfer = [], tell = () => {}) {
  number += 1;
  worker.postMessage({ number, order, content }, transfer);
  return new Promise((resolve, reject) => replies.set(number, { resolve, reject, tell }));
}

// Returns the bytes of a block of the page.
export function bytesOf(id) {
  const letters = atob(at(id).textContent);
  const bytes = new Uint8Array(letters.length);
  for (let n = 0; n < bytes.length; n += 1) bytes[n] = letters.charCodeAt(n);
  return bytes;
}

// Returns the bytes of a source: of a file, or of the example.
export async function contentOf(file, n) {
  return file === "example" ? bytesOf(`example-${n}`) : new Uint8Array(await file.arrayBuffer());
}

// Returns what the worker is told of the region.
export async function regionContent(kind) {
  if (kind === "example") return { kind: "file", file: bytesOf("example-region") };
  if (kind === "file") return { kind, file: at("mask").files.length ? new Uint8Array(await at("mask").files[0].arrayBuffer()) : null };
  return { kind, file: null };
}

export function options(id, texts) {
  at(id).replaceChildren(...texts.map((text) => element("option", text)));
}

export function element(tag, text) {
  return Object.assign(document.createElement(tag), { textContent: text });
}
