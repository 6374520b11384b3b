for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const x = value(a), y = value(b), empty = (x === "") - (y === "");
      if (empty) return empty;
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y, undefined, {numeric: true}) : x - y;
      return down ? -order : order;
    });
    table.tBodies[0].append(...rows);
  }));
}

// Wide tables say that they go on, and a keyboard reaches them.
for (const box of document.querySelectorAll(".scroll")) {
  const more = document.createElement("p");
  more.className = "more";
  more.textContent = "the table goes on to the right \u2192";
  box.before(more);
  const look = () => {
    const wide = box.scrollWidth > box.clientWidth + 1;
    box.classList.toggle("wide", wide);
    more.hidden = !wide || box.scrollLeft + box.clientWidth >= box.scrollWidth - 1;
    if (wide || box.scrollHeight > box.clientHeight + 1) box.tabIndex = 0;
  };
  box.addEventListener("scroll", look);
  new ResizeObserver(look).observe(box);
}
// All pictures of a case are enlarged at one place, so that the same anatomy is compared.
for (const card of document.querySelectorAll(".case")) {
  const frames = [...card.querySelectorAll(".frame")];
  let zoom = 1, x = 50, y = 50;
  const show = () => {
    for (const [name, value] of [["--zoom", zoom], ["--x", `${x}%`], ["--y", `${y}%`]]) card.style.setProperty(name, value);
    card.classList.toggle("enlarged", zoom > 1);
  };
  const aim = (frame, event) => {
    const box = frame.getBoundingClientRect();
    [x, y] = [100 * (event.clientX - box.left) / box.width, 100 * (event.clientY - box.top) / box.height];
  };
  card.classList.add("zooms");
  for (const frame of frames) {
    frame.tabIndex = 0;
    frame.setAttribute("role", "button");
    frame.setAttribute("aria-label", "enlarge all pictures of this case");
    frame.addEventListener("click", event => { if (event.detail) aim(frame, event); zoom = zoom > 1 ? 1 : 4; show(); });
    frame.addEventListener("pointermove", event => { if (zoom > 1) { aim(frame, event); show(); } });
    frame.addEventListener("keydown", event => {
      const step = { ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, -5], ArrowDown: [0, 5] }[event.key];
      if (event.key === "Enter" || event.key === " ") zoom = zoom > 1 ? 1 : 4;
      else if (event.key === "Escape") zoom = 1;
      else if (event.key === "+") zoom = Math.min(16, zoom * 1.5);
      else if (event.key === "-") zoom = Math.max(1, zoom / 1.5);
      else if (step && zoom > 1) [x, y] = [x + step[0], y + step[1]].map(n => Math.min(100, Math.max(0, n)));
      else return;
      event.preventDefault();
      show();
    });
  }
}
