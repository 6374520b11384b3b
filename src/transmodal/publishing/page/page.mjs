// The page: files in, slices as one scrolls, a volume to save. All numbers are made in the worker.

import { drawCross, drawPlane, extentOf, placeOf, PLANES, voxelsAt } from "./drawing.mjs";
import { ask, at, contentOf, element, options, plan, regionContent, startNetwork } from "./parts.mjs";
import { planeOf, putPlane } from "./windows.mjs";

const files = plan.sources.map(() => null);
let subject = null; // shape, spacing and the first source on the working grid, the synthetic volumes of it, and the crosshair
let wanted = null; // the slice that is translated as soon as the one before is
let isBusy = false;
let hasChosenRegion = false;

globalThis.published = { infer: (values, dims) => ask("infer", { values: Float32Array.from(values), dims }).then((out) => [...out]) };

async function begin() {
  build();
  listen();
  try {
    const { name, difference } = await startNetwork();
    at("about").append(element("dt", "checked here"), element("dd", `one window by ${name}, which differs from torch's by ${difference.toExponential(1)} at most`));
    say("ready", `Drop ${plan.sources.map((source) => source.label).join(" and ")} (.nii, .nii.gz) here${plan.example ? ", or take the example" : ""}. Nothing leaves this machine.`);
  } catch (error) {
    fail(error);
  }
}

function say(state, text) {
  document.body.dataset.state = state;
  at("state").textContent = text;
}

function fail(error) {
  say("failed", error.message);
}

function build() {
  plan.sources.forEach((source, n) => {
    const label = element("label", `${source.label} `);
    const input = Object.assign(document.createElement("input"), { type: "file", accept: ".nii,.gz", id: `file-${n}` });
    input.addEventListener("change", () => input.files.length && take([input.files[0]], n));
    label.append(input);
    at("files").append(label);
  });
  at("example").hidden = !plan.example;
  options("region", plan.regions.map((region) => region.label));
  at("region-label").hidden = plan.regions.length < 2;
  showMask();
  options("plane", PLANES);
  at("plane").selectedIndex = plan.axes[0];
  options("window", plan.target.windows.map((window) => `${window.name} ${+window.low.toPrecision(4)} to ${+window.high.toPrecision(4)}`));
  for (const [name, text] of plan.about) at("about").append(element("dt", name), element("dd", text));
}

function listen() {
  at("example").addEventListener("click", openExample);
  at("region").addEventListener("change", () => { hasChosenRegion = true; openFiles(); });
  at("mask").addEventListener("change", openFiles);
  at("plane").addEventListener("change", planeChanged);
  at("window").addEventListener("change", draw);
  at("slice").addEventListener("input", () => moveTo(at("slice").valueAsNumber));
  at("whole").addEventListener("click", translateWhole);
  at("stop").addEventListener("click", () => ask("stop"));
  // Whoever chooses by mouse goes on by key: the focus is the picture's again.
  let isByHand = false;
  document.addEventListener("pointerdown", () => { isByHand = true; }, true);
  document.addEventListener("keydown", () => { isByHand = false; }, true);
  at("controls").addEventListener("change", () => { if (isByHand) at("synthetic").focus({ preventScroll: true }); });
  at("help-button").addEventListener("click", () => at("help").showModal());
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", dropped);
  document.addEventListener("keydown", pressed);
  for (const id of ["source", "synthetic"]) {
    at(id).addEventListener("pointerdown", pointed);
    at(id).addEventListener("pointermove", (event) => event.buttons && pointed(event));
    at(id).addEventListener("wheel", (event) => { event.preventDefault(); step(event.deltaY > 0 ? -1 : 1); }, { passive: false });
  }
  for (const form of document.forms) if (form.method !== "dialog") form.addEventListener("submit", (event) => event.preventDefault());
}

function dropped(event) {
  event.preventDefault();
  take([...event.dataTransfer.files]);
}

// Takes files for the sources: those that a name says, the others in order.
function take(dropped, first = null) {
  dropped.forEach((file) => {
    const named = plan.sources.findIndex((source) => file.name.toLowerCase().split(/[^a-z0-9]+/).includes(source.name));
    const free = files.findIndex((content) => content === null);
    files[first ?? (named >= 0 ? named : Math.max(free, 0))] = file;
  });
  openFiles();
}

async function openExample() {
  files.fill("example");
  if (plan.example.region) at("region").selectedIndex = plan.regions.findIndex((region) => region.kind === "example");
  await openFiles();
}

function showMask() {
  at("mask-label").hidden = kindOfRegion().kind !== "file";
}

// An image is shown at once: until a mask is given, or something else is chosen, its body or what is not 0 counts.
function suggestRegion() {
  const { kind } = kindOfRegion();
  const isOfAnother = kind === "example" && files.some((file) => file !== "example");
  const isOpen = kind === "file" && !at("mask").files.length && !hasChosenRegion;
  if (isOfAnother || isOpen) at("region").selectedIndex = plan.regions.findIndex((region) => ["body", "nonzero"].includes(region.kind));
  showMask();
}

const kindOfRegion = () => plan.regions[at("region").selectedIndex];

async function openFiles() {
  showMask();
  at("save").hidden = true;
  const missing = plan.sources.filter((_, n) => files[n] === null);
  if (missing.length) return say("ready", `${missing.map((source) => source.label).join(" and ")} is missing`);
  suggestRegion();
  const { kind } = kindOfRegion();
  if (kind === "file" && !at("mask").files.length) return say("ready", "Choose a mask, an image on the same grid that is above 0 where it counts, or let something else count.");
  say("reading", "reading");
  try {
    const region = await regionContent(kind);
    const opened = await ask("open", { files: await Promise.all(files.map(contentOf)), region });
    show(opened);
  } catch (error) {
    clear();
    fail(error);
  }
}

// Takes the case before off the page: it is not that of the file that was refused.
function clear() {
  working(false);
  subject = null;
  at("whole").disabled = true;
  at("differences").replaceChildren();
  for (const id of ["source", "synthetic"]) at(id).getContext("2d").clearRect(0, 0, at(id).width, at(id).height);
  for (const id of ["source-name", "synthetic-name", "number", "value", "speed"]) at(id).textContent = "";
  for (const cross of document.querySelectorAll(".plane i")) cross.removeAttribute("style");
}

// Returns what is to be known of the images before one looks at what the network makes of them.
function doubts(lows) {
  const wrong = plan.sources.map(({ label, is_hounsfield: isHounsfield }, n) => {
    if (!isHounsfield && lows[n] < -200) return `${label} goes down to ${lows[n]}, as CT does: what is drawn from it means nothing.`;
    if (isHounsfield && lows[n] > -200) return `${label} has no value below ${lows[n]}, so it is not in Hounsfield units: what is drawn from it means nothing.`;
    return "";
  });
  return [...wrong, kindOfRegion().difference, files.includes("example") ? "" : plan.unchecked].filter(Boolean);
}

function show(opened) {
  const empty = () => new Float32Array(opened.working.length).fill(NaN);
  working(false);
  subject = { ...opened, place: opened.shape.map((n) => n >> 1), passes: new Map(plan.axes.map((axis) => [axis, empty()])), final: null };
  at("differences").replaceChildren(...doubts(opened.lows).map((text) => element("li", text)));
  at("whole").disabled = false;
  say("open", `${subject.native.shape.join(" x ")} voxels, translated on a grid of ${subject.shape.join(" x ")} at ${subject.spacing.map((mm) => +mm.toFixed(3)).join(" x ")} mm`);
  planeChanged();
}

const axisShown = () => at("plane").selectedIndex;

function planeChanged() {
  if (!subject) return;
  at("slice").max = subject.shape[axisShown()] - 1;
  moveTo(subject.place[axisShown()]);
}

function step(by) {
  if (subject) moveTo(subject.place[axisShown()] + by);
}

function moveTo(index) {
  if (!subject) return;
  const axis = axisShown();
  subject.place[axis] = Math.min(Math.max(index, 0), subject.shape[axis] - 1);
  draw();
  want();
}

// Translates the slice under the crosshair, along the first axis of the run that can show it.
function want() {
  const axis = plan.axes.includes(axisShown()) ? axisShown() : plan.axes[0];
  const isThere = subject.final || !Number.isNaN(valueOf(subject.passes.get(axis), subject.place));
  wanted = isThere ? null : { axis, index: subject.place[axis] };
  if (wanted && !isBusy) translateWanted();
}

async function translateWanted() {
  isBusy = true;
  while (wanted) {
    const { axis, index } = wanted;
    const current = subject;
    wanted = null;
    try {
      const { values, ms } = await ask("slice", { axis, index });
      if (current !== subject) continue;
      putPlane(values, subject.passes.get(axis), subject.shape, axis, index);
      at("speed").textContent = `${ms.toFixed(0)} ms a slice, ${(1000 / ms).toFixed(1)} slices/s`;
      draw();
    } catch (error) {
      fail(error);
    }
  }
  isBusy = false;
}

async function translateWhole() {
  const current = subject;
  working(true);
  const before = performance.now();
  try {
    const result = await ask("whole", {}, [], (progress) => advance(current, progress, (performance.now() - before) / 1000));
    if (result && current === subject) offer(result);
    if (!result && current === subject) say("open", "stopped");
  } catch (error) {
    if (current === subject) fail(error);
  }
  if (current === subject) working(false);
}

function working(isWorking) {
  at("whole").disabled = isWorking;
  at("stop").hidden = at("progress").hidden = !isWorking;
  if (isWorking) say("working", "translating the whole volume");
  if (!isWorking) at("remaining").textContent = "";
}

function advance(current, { n, total, axis, index, values }, seconds) {
  at("progress").value = n / total;
  at("remaining").textContent = `${n} of ${total} slices, ${(n / seconds).toFixed(1)} slices/s, ${((seconds * (total - n)) / n).toFixed(0)} s left`;
  if (current !== subject) return;
  putPlane(values, subject.passes.get(axis), subject.shape, axis, index);
  if (index === subject.place[axis] || axis !== axisShown()) draw();
}

function offer({ file, ending, shown, seconds, total }) {
  subject.final = shown;
  const save = at("save");
  if (save.href) URL.revokeObjectURL(save.href);
  save.href = URL.createObjectURL(new Blob([file], { type: "application/octet-stream" }));
  save.download = `synthetic_${plan.target.name}${ending}`;
  save.textContent = `save ${save.download}`;
  save.hidden = false;
  at("speed").textContent = `${(total / seconds).toFixed(1)} slices/s`;
  say("done", `${total} slices in ${seconds.toFixed(1)} s, on the grid of the source`);
  draw();
}

function draw() {
  if (!subject) return;
  const axis = axisShown();
  const window = plan.target.windows[at("window").selectedIndex];
  drawPlane(at("source"), subject.working, subject.shape, axis, subject.place[axis], [-1, 1]);
  drawPlane(at("synthetic"), volumeShown(), subject.shape, axis, subject.place[axis], [window.low, window.high]);
  const { width, height } = extentOf(subject.shape, subject.spacing, axis);
  for (const id of ["source", "synthetic"]) {
    at(id).style.setProperty("--ratio", width / height);
    drawCross(at(id), placeOf(subject.shape, axis, planeOf(subject.place, axis)));
  }
  at("slice").value = subject.place[axis];
  at("number").textContent = `${subject.place[axis] + 1} of ${subject.shape[axis]}`;
  label();
}

const volumeShown = () => subject.final ?? subject.passes.get(plan.axes.includes(axisShown()) ? axisShown() : plan.axes[0]);

function label() {
  const axis = axisShown();
  at("source-name").textContent = `${plan.sources[0].label}, as the network sees it`;
  const isPart = !subject.final && plan.axes.length > 1;
  at("synthetic-name").textContent = `synthetic ${plan.target.label}${isPart ? ", of this plane alone" : ""}`;
  for (const id of ["source", "synthetic"]) at(id).setAttribute("aria-label", `${id}, ${PLANES[axis]} slice ${subject.place[axis] + 1}`);
  const value = valueOf(volumeShown(), subject.place);
  at("value").textContent = Number.isNaN(value) ? "" : `${plan.target.label} ${value.toPrecision(4)} ${plan.target.unit === plan.target.label ? "" : plan.target.unit}`;
}

function valueOf(volume, [i, j, k]) {
  return volume[i + subject.shape[0] * (j + subject.shape[1] * k)];
}

function pointed(event) {
  if (!subject) return;
  const box = event.target.getBoundingClientRect();
  const axis = axisShown();
  const [a, b] = voxelsAt(subject.shape, axis, (event.clientX - box.x) / box.width, (event.clientY - box.y) / box.height);
  const [first, second] = [0, 1, 2].filter((side) => side !== axis);
  subject.place[first] = a;
  subject.place[second] = b;
  moveTo(subject.place[axis]);
}

function pressed(event) {
  if (at("help").open || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "?") return at("help").showModal();
  if (!subject || ["SELECT", "INPUT"].includes(event.target.tagName)) return;
  const [across, down] = [0, 1, 2].filter((side) => side !== axisShown());
  const moves = { ArrowLeft: [across, 1], ArrowRight: [across, -1], ArrowUp: [down, 1], ArrowDown: [down, -1], PageUp: [axisShown(), 1], PageDown: [axisShown(), -1] };
  if (event.key in moves) {
    event.preventDefault();
    const [axis, by] = moves[event.key];
    subject.place[axis] = Math.min(Math.max(subject.place[axis] + by, 0), subject.shape[axis] - 1);
    moveTo(subject.place[axisShown()]);
  }
  if (event.key === "p") next("plane", planeChanged);
  if (event.key === "w") next("window", draw);
}

function next(id, then) {
  at(id).selectedIndex = (at(id).selectedIndex + 1) % at(id).length;
  then();
}

begin();
