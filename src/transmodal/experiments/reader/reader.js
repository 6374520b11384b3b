"use strict";
// One item at a time: what the server sends is all that the page knows of it.
const find = (id) => document.getElementById(id);
const NAMES = { ArrowLeft: "\u2190", ArrowRight: "\u2192", ArrowDown: "\u2193" };
let shown = null;
let start = 0;
let busy = false;

async function send(name, content) {
  const answer = await fetch(name, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
  const record = await answer.json();
  if (!answer.ok) throw new Error(record.error);
  return record;
}

function complain(text) {
  find("error").textContent = text;
  find("error").hidden = !text;
}

function offer(choice, earlier) {
  const button = document.createElement("button");
  const key = document.createElement("kbd");
  button.type = "button";
  key.textContent = NAMES[choice.key] || choice.key.toUpperCase();
  button.append(key, choice.label);
  button.setAttribute("aria-pressed", String(choice.word === earlier));
  button.setAttribute("aria-keyshortcuts", choice.key);
  button.addEventListener("click", () => give(choice.word));
  return button;
}

async function draw(encoded, n, total) {
  const picture = new Image(Number(document.body.dataset.columns), Number(document.body.dataset.rows));
  picture.alt = total === 1 ? "the picture" : n ? "the right picture" : "the left picture";
  picture.src = `data:image/png;base64,${encoded}`;
  await picture.decode();
  return picture;
}

async function show(record) {
  const isDone = record.place === record.total;
  const pictures = isDone ? [] : await Promise.all(record.pictures.map((part, n) => draw(part, n, record.pictures.length)));
  shown = record;
  find("count").textContent = isDone ? `${record.reader}: ${record.total} of ${record.total}` : `${record.reader}: ${record.place + 1} of ${record.total}`;
  find("progress").value = record.total ? record.place / record.total : 1;
  find("question").textContent = isDone ? "That was the last one. Every answer is stored; this page can be closed." : record.question;
  find("pictures").replaceChildren(...pictures);
  find("choices").replaceChildren(...(isDone ? [] : record.choices.map((choice) => offer(choice, record.earlier))));
  find("hint").textContent = record.place ? "Backspace: the one before. Every answer is stored at once; close the page at any time and go on later." : "One key for each answer. Every answer is stored at once; close the page at any time and go on later.";
  document.body.dataset.place = String(record.place);
  start = performance.now();
}

async function act(work) {
  if (busy) return;
  busy = true;
  find("choices").querySelectorAll("button").forEach((button) => { button.disabled = true; });
  try {
    await show(await work());
    complain("");
  } catch (error) {
    complain(error instanceof TypeError ? "The server is gone: start it again, this page's last answer is not stored." : `Not stored: ${error.message}`);
    find("choices").querySelectorAll("button").forEach((button) => { button.disabled = false; });
  }
  busy = false;
}

function give(word) {
  return act(() => send("answer", { place: shown.place, answer: word, seconds: (performance.now() - start) / 1000 }));
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || !shown) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const choice = (shown.choices || []).find((one) => one.key === key);
  if (choice) {
    event.preventDefault();
    give(choice.word);
  } else if (key === "Backspace" && shown.place) {
    event.preventDefault();
    act(() => send("item", { place: shown.place - 1 }));
  }
});

act(() => send("item", {}));
