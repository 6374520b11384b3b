"use strict";
// The page of the service: a volume is uploaded, its job is watched, its results are saved. Nothing is kept in the browser.
const find = (id) => document.getElementById(id);
const state = { token: "", models: [] };
const PAUSE_MS = 700;

async function call(method, path, body, kind) {
  const headers = state.token ? { Authorization: `Bearer ${state.token}` } : {};
  if (kind) headers["Content-Type"] = kind;
  let answer;
  try {
    answer = await fetch(path, { method, headers, body });
  } catch {
    throw new Error("The service does not answer. Look whether it runs, and whether the file is larger than it takes.");
  }
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({}));
  const text = error ? `${error.got}; expected ${error.expected}. ${error.remedy} (${error.code})` : `status ${answer.status}`;
  throw Object.assign(new Error(text), { status: answer.status });
}

const ask = async (path) => (await call("GET", path)).json();

function make(name, text, parent, kind) {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  if (kind) element.className = kind;
  parent.append(element);
  return element;
}

function show(message) {
  find("state").textContent = message;
}

async function open() {
  try {
    state.models = (await ask("models")).models;
  } catch (error) {
    find("access").hidden = false;
    find("token").value = "";
    show(error.status === 401 && !state.token ? "" : error.message);
    return;
  }
  show("");
  find("access").hidden = true;
  find("work").hidden = false;
  for (const { name, sources, target } of state.models) {
    make("option", `${name}: ${sources.join(" and ")} to ${target}`, find("model")).value = name;
  }
  choose();
}

const chosen = () => state.models.find(({ name }) => name === find("model").value);

function choose() {
  const { recipe, best, sources, unit, accepts_missing: canMiss } = chosen();
  const figure = best.value === null ? "" : `, best ${best.metric} ${best.value.toPrecision(3)}`;
  find("about").textContent = `${recipe}, in ${unit || "units of its own"}${figure}`;
  find("sources").replaceChildren();
  for (const source of sources) {
    const label = make("label", `${source.toUpperCase()}${canMiss ? ", may be missing" : ""}`, find("sources"));
    const input = make("input", "", label);
    Object.assign(input, { type: "file", name: source, required: !canMiss, accept: ".nii,.gz,.mha,.dcm,.ima,.zip,*/*" });
  }
}

async function translate() {
  const model = chosen();
  const files = [...find("sources").querySelectorAll("input")].filter((input) => input.files.length);
  if (!files.length) throw new Error("Choose a file.");
  const order = JSON.stringify({ model: model.name, gate: find("gate").value });
  const job = await (await call("POST", "jobs", order, "application/json")).json();
  try {
    for (const input of files) {
      show(`Uploading ${input.name.toUpperCase()} …`);
      await call("PUT", `jobs/${job.id}/sources/${input.name}`, input.files[0], "application/octet-stream");
    }
    await call("POST", `jobs/${job.id}/start`);
  } catch (error) {
    await call("DELETE", `jobs/${job.id}`).catch(() => {});
    throw error;
  }
  show("");
  watch(job.id, `${model.name}, ${new Date().toLocaleTimeString()}`);
}

async function watch(id, title) {
  const item = document.createElement("li");
  find("jobs").prepend(item);
  make("strong", title, item);
  const words = make("p", "waits for its turn", item);
  const bar = make("progress", "", item);
  const acts = make("div", "", item, "acts");
  const end = act(acts, "Delete", async () => {
    await call("DELETE", `jobs/${id}`);
    item.remove();
  });
  while (item.isConnected) {
    let job;
    try {
      job = await ask(`jobs/${id}`);
    } catch (error) {
      words.textContent = error.message;
      words.className = "fault";
      if (error.status) break; // gone; else the service may come back
    }
    if (job && report(job, words, bar, acts)) break;
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
  bar.remove();
  acts.append(end);
}

function report(job, words, bar, acts) {
  words.className = job.error ? "fault" : "";
  if (job.state === "done") {
    words.textContent = "done";
    if (job.viewer) Object.assign(make("a", "Look", acts, "act"), { href: job.viewer.slice(1), target: "_blank", rel: "noopener" });
    act(acts, "Save the volume", () => save(job.result, `${job.model}.nii.gz`));
    act(acts, "Save its record", () => save(job.sidecar, `${job.model}.json`));
    return true;
  }
  if (job.error) {
    words.textContent = `${job.error.got}; expected ${job.error.expected}. ${job.error.remedy} (${job.error.code})`;
    return true;
  }
  if (job.total) Object.assign(bar, { max: job.total, value: job.completed });
  words.textContent = job.total ? `${job.completed} of ${job.total} windows` : job.state === "running" ? "is read" : "waits for its turn";
  return false;
}

function act(parent, text, work) {
  const button = make("button", text, parent);
  button.addEventListener("click", () => work().catch((error) => show(error.message)));
  return button;
}

async function save(path, name) {
  const address = URL.createObjectURL(await (await call("GET", path.slice(1))).blob());
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

find("model").addEventListener("change", choose);
find("access").addEventListener("submit", (event) => {
  event.preventDefault();
  state.token = find("token").value.trim();
  open();
});
find("work").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter;
  button.disabled = true;
  try {
    await translate();
  } catch (error) {
    show(error.message);
  }
  button.disabled = false;
});
open();
