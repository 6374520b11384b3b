// The worker: holds the network and the case, and answers orders of the page. `ort` is ONNX Runtime Web, which stands before it.

import { deflate, inflate, readNifti } from "./nifti.mjs";
import { emptyPass, finish, isBlank, prepareCase, putSlice, realSlice, sliceOf, windowOf, zeros } from "./translation.mjs";

let session;
let plan;
let subject;
let run = 0; // of the whole volume: one that another order has ended is no longer this one
let last = Promise.resolve();

const ORDERS = { start, open, infer, slice, whole, stop };

onmessage = async ({ data: { number, order, content } }) => {
  const tell = (progress) => postMessage({ number, progress });
  try {
    postMessage({ number, answer: await ORDERS[order](content, tell) });
  } catch (error) {
    postMessage({ number, error: String(error?.message ?? error) });
  }
};

async function start(content) {
  plan = content.plan;
  ort.env.wasm.numThreads = 1; // a file has no threads: they need headers that a server alone can send
  ort.env.wasm.wasmBinary = (await inflate(content.wasm)).buffer;
  ort.env.logLevel = "error";
  session = await ort.InferenceSession.create(await inflate(content.graph), { executionProviders: [content.provider], logSeverityLevel: 3 });
  return { difference: await checkedDifference(new Float32Array(content.probe.buffer)) };
}

// Returns how far this browser lies from torch in one window; nothing is translated where that is too far.
async function checkedDifference(probe) {
  const { dims, tolerance } = plan.probe;
  const size = dims.reduce((a, b) => a * b);
  const output = await infer({ values: probe.slice(0, size), dims });
  const difference = output.reduce((most, value, n) => Math.max(most, Math.abs(value - probe[size + n])), 0);
  if (!(difference <= tolerance)) throw new Error(`this browser computes the network otherwise than torch, by ${difference}: nothing is translated`);
  return difference;
}

async function open({ files, region }) {
  const images = [];
  for (const file of files) images.push(await readNifti(file));
  const image = region.file && (await readNifti(region.file));
  run += 1;
  subject = prepareCase(plan, images, { kind: region.kind, image });
  return { shape: subject.grid.shape, spacing: subject.grid.spacing, working: subject.working[0], native: subject.native, lows: images.map(lowest) };
}

// Returns what the network makes of a window; one window is computed at a time.
function infer({ values, dims }) {
  const run = async () => (await session.run({ source: new ort.Tensor("float32", values, dims) })).synthetic.data;
  last = last.then(run, run);
  return last;
}

async function slice({ axis, index }) {
  const current = subject;
  const before = performance.now();
  const mapped = await mappedSlice(current, axis, index);
  return { values: realSlice(plan, current, axis, index, mapped), ms: performance.now() - before };
}

async function mappedSlice(current, axis, index) {
  return sliceOf(plan, current, axis, await infer(windowOf(plan, current, axis, index)));
}

async function whole(_, tell) {
  const current = subject;
  const before = performance.now();
  const total = plan.axes.reduce((sum, axis) => sum + current.grid.shape[axis], 0);
  let n = 0;
  run += 1;
  const own = run;
  const passes = [];
  for (const axis of plan.axes) {
    const pass = emptyPass(current);
    for (let index = 0; index < current.grid.shape[axis]; index += 1) {
      const mapped = isBlank(current, axis, index) ? zeros(current, axis) : await mappedSlice(current, axis, index);
      putSlice(pass, current, axis, index, mapped);
      n += 1;
      tell({ n, total, axis, index, values: realSlice(plan, current, axis, index, mapped) });
      await pause();
      if (own !== run) return null;
    }
    passes.push(pass);
  }
  const { file, shown } = finish(plan, current, passes);
  const content = current.isGzipped ? await deflate(file) : file;
  return { file: content, ending: current.isGzipped ? ".nii.gz" : ".nii", shown, seconds: (performance.now() - before) / 1000, total };
}

async function stop() {
  run += 1;
}

function lowest({ voxels }) {
  return voxels.reduce((low, value) => Math.min(low, value), Infinity);
}

// Lets orders that came meanwhile be taken.
function pause() {
  return new Promise((resume) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { channel.port1.close(); resume(); };
    channel.port2.postMessage(0);
  });
}
