"use strict";
(async () => {
  const { Niivue, NVImage } = globalThis.niivue ?? {};
  const scene = JSON.parse(document.getElementById("scene").textContent);
  const at = id => document.getElementById(id);
  const state = at("state");
  const fail = text => { state.hidden = false; state.textContent = text; document.body.dataset.state = "failed"; };
  if (!Niivue) return fail("The script of the viewer, niivue.js, is not where this page looks for it.");
  if (!document.createElement("canvas").getContext("webgl2")) return fail("This browser shows no WebGL 2, which the viewer needs.");

  const colours = { difference: "transmodal-difference", spread: "warm", volume: "gray" };
  const LAYOUTS = [["planes and 3D", 3], ["axial", 0], ["coronal", 1], ["sagittal", 2], ["3D", 4]];
  // Keys of NiiVue's own are no key's name; "" is that of every key of a phone's keyboard.
  const OPTIONS = {
    logLevel: "warn", isRadiologicalConvention: true, show3Dcrosshair: true, multiplanarShowRender: 1, multiplanarForceRender: true,
    crosshairColor: [0.31, 0.82, 0.76, 0.9], crosshairWidth: 0.8, crosshairWidthUnit: "percent", dragAndDropEnabled: false, loadingText: "",
    isForceMouseClickToVoxelCenters: true, clipPlaneHotKey: "none", cycleClipPlaneHotKey: "none", viewModeHotKey: "none", isAntiAlias: true, backColor: [0, 0, 0, 1],
  };
  const viewer = new Niivue(OPTIONS);
  // Blue where the second volume is lower, black at 0, orange where it is higher: as the report's error maps.
  const DIFFERENCE = {
    R: [214, 86, 24, 8, 146, 240, 255], G: [240, 170, 78, 8, 56, 138, 240], B: [255, 235, 140, 10, 14, 44, 200],
    A: [255, 255, 255, 255, 255, 255, 255], I: [0, 40, 88, 128, 168, 216, 255],
  };
  // Alone, what does not differ is clear, so that the rendering is no black box.
  const ALONE = { ...DIFFERENCE, A: [255, 255, 128, 0, 128, 255, 255] };
  const addColours = shower => { shower.addColormap(colours.difference, DIFFERENCE); shower.addColormap(`${colours.difference}-alone`, ALONE); };
  addColours(viewer);
  await viewer.attachToCanvas(at("canvas"));

  const images = new Map();
  const bytesOf = async place => {
    if (!place.startsWith("#")) return (await fetch(place)).arrayBuffer();
    const packed = Uint8Array.from(atob(at(place.slice(1)).textContent), letter => letter.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  };
  const imageOf = async layer => {
    if (!images.has(layer)) {
      const image = await NVImage.loadFromUrl({ url: await bytesOf(layer.place), name: "volume.nii", colorbarVisible: false });
      images.set(layer, image);
      if (layer.windows.length) use(layer, layer.windows[0]);
    }
    return images.get(layer);
  };
  const use = (layer, window) => images.has(layer) && Object.assign(images.get(layer), { cal_min: window.low, cal_max: window.high });

  let base = scene.layers[0], over = null, zoom = 1;
  const options = (select, names) => select.replaceChildren(...names.map((name, n) => new Option(name, n)));
  const windowed = () => (over && over.role !== "volume" ? over : base);
  const showWindow = () => {
    const layer = windowed(), image = images.get(layer);
    const custom = layer.windows.findIndex(w => w.low === image.cal_min && w.high === image.cal_max);
    options(at("window"), layer.windows.map(w => w.name).concat(custom < 0 ? ["own"] : []));
    at("window").value = custom < 0 ? layer.windows.length : custom;
    for (const id of ["window-label", "ends"]) at(id).hidden = layer.colour;
    at("low").value = +image.cal_min.toPrecision(5);
    at("high").value = +image.cal_max.toPrecision(5);
    at("unit").textContent = layer.unit;
  };
  const about = () => {
    const shown = over ? [base, over] : [base];
    at("marks").hidden = !shown.some(layer => layer.synthetic);
    at("about").textContent = shown.map(layer =>
      `${layer.name}: ${layer.shape.join(" x ")} voxels of ${layer.spacing} mm` +
      (layer.stored ? `, a working resolution (stored at ${layer.stored} mm)` : "") +
      (layer.synthetic ? "; SYNTHETIC, no scanner measured it" : "")).join(". ") + ".";
  };
  const paint = (image, colormap) => {
    const { cal_min, cal_max } = image;
    image.colormap = colormap; // which chooses a window of its own
    Object.assign(image, { cal_min, cal_max });
  };
  // Of two volumes side by side the second has a canvas of its own, whose crosshair, zoom and turn are the first one's.
  let twin = null, is_mirroring = false, besideValue = null;
  const isBeside = () => at("beside").checked && over !== null;
  // In the patient's millimetres; without the last word NiiVue takes those of the volume's own axes, which no oblique grid shares.
  const placeOf = shower => shower.frac2mm(shower.scene.crosshairPos, 0, true);
  const goTo = (shower, mm) => { shower.scene.crosshairPos = shower.mm2frac(mm, 0, true).map(part => Math.min(1, Math.max(0, part))); };
  const mirror = (from, to) => {
    if (is_mirroring || !twin || !isBeside()) return;
    is_mirroring = true;
    goTo(to, placeOf(from));
    to.scene.pan2Dxyzmm = [...from.scene.pan2Dxyzmm];
    Object.assign(to.scene, { renderAzimuth: from.scene.renderAzimuth, renderElevation: from.scene.renderElevation });
    to.drawScene();
    to.createOnLocationChange();
    is_mirroring = false;
  };
  const openTwin = async () => {
    if (twin) return;
    twin = new Niivue(OPTIONS);
    addColours(twin);
    await twin.attachToCanvas(at("twin"));
    twin.onLocationChange = place => { besideValue = place.values[0]; mirror(twin, viewer); };
    viewer.onAzimuthElevationChange = () => mirror(viewer, twin);
    twin.onAzimuthElevationChange = () => mirror(twin, viewer);
  };
  const fill = (shower, shown) => {
    for (const image of [...shower.volumes]) shower.setVolume(image, -1);
    for (const image of shown) shower.addVolume(image);
  };
  let busy = Promise.resolve();
  // One after the other: keys come faster than volumes are unpacked.
  const arrange = () => (busy = busy.then(place));
  const place = async () => {
    const wanted = [await imageOf(base)];
    if (over) wanted.push(await imageOf(over));
    wanted[0].opacity = 1;
    if (over) wanted[1].opacity = isBeside() ? 1 : +at("opacity").value;
    const alone = layer => colours[layer.role] + (layer.role === "difference" ? "-alone" : "");
    if (!base.colour) paint(wanted[0], alone(base));
    // Grey over grey fades one into the other, which is for images of one kind.
    const is_other = over && !isBeside() && over.role === "volume" && over.modality !== base.modality;
    if (over && !over.colour) paint(wanted[1], is_other ? "inferno" : isBeside() ? alone(over) : colours[over.role]);
    viewer.opts.renderOverlayBlend = over && over.role === "difference" ? 0 : 1; // a rendering of it would be a black box
    const has_changed = at("twin").hidden === isBeside();
    at("twin").hidden = !isBeside();
    at("stage").classList.toggle("beside", isBeside());
    if (isBeside()) await openTwin();
    if (has_changed) for (const shower of [viewer, twin]) shower.resizeListener();
    // Grids differ: the crosshair stays at its place in the patient.
    const mm = viewer.volumes.length ? placeOf(viewer) : null;
    fill(viewer, isBeside() ? [wanted[0]] : wanted);
    if (mm) goTo(viewer, mm);
    if (isBeside()) {
      fill(twin, [wanted[1]]);
      twin.setSliceType(LAYOUTS[+at("layout").value][1]);
      mirror(viewer, twin);
    }
    at("opacity").disabled = !over || isBeside();
    showWindow(); about(); viewer.createOnLocationChange();
  };
  const redraw = () => { viewer.updateGLVolume(); if (isBeside()) twin.updateGLVolume(); showWindow(); };

  // NiiVue tells the brightness of a colour alone.
  const colourAt = (layer, [x, y, z]) => {
    const [i, j, k] = layer.to_voxel.map(row => Math.round(row[0] * x + row[1] * y + row[2] * z + row[3]));
    const [I, J, K] = layer.shape, { img } = images.get(layer), n = img.length / (I * J * K);
    const isInside = [[i, I], [j, J], [k, K]].every(([at, size]) => at >= 0 && at < size);
    return isInside ? Array.from(img.slice(n * (i + I * (j + J * k)), n * (i + I * (j + J * k)) + 3)).join(", ") : "outside";
  };
  viewer.onLocationChange = place => {
    mirror(viewer, twin);
    const [x, y, z] = place.mm;
    const side = (value, up, down) => `${Math.abs(value).toFixed(1)} ${+value.toFixed(1) < 0 ? down : up}`;
    const spans = [["", `${side(x, "R", "L")}  ${side(y, "A", "P")}  ${side(z, "S", "I")} mm`]];
    (over ? [base, over] : [base]).forEach((layer, n) => {
      const value = n && isBeside() ? besideValue : place.values[n];
      if (!value) return;
      const text = layer.colour ? colourAt(layer, place.mm) : +value.value.toPrecision(5);
      spans.push([layer.name, `${text} ${layer.unit}`]);
    });
    at("place").replaceChildren(...spans.map(([name, text]) => {
      const span = document.createElement("span"), strong = document.createElement("b");
      strong.textContent = name; span.append(strong, name ? " " : "", text);
      return span;
    }));
  };
  viewer.onIntensityChange = showWindow;

  const pick = (select, n) => { select.value = n; select.dispatchEvent(new Event("change")); };
  const next = select => pick(select, (select.selectedIndex + 1) % select.options.length);
  // A volume over itself shows nothing new.
  const nextOver = () => {
    const n = scene.layers.length + 1, following = (at("over").selectedIndex + 1) % n;
    pick(at("over"), following && scene.layers[following - 1] === base ? (following + 1) % n : following);
  };
  options(at("base"), scene.layers.map(layer => layer.name));
  options(at("over"), ["nothing", ...scene.layers.map(layer => layer.name)]);
  options(at("layout"), LAYOUTS.map(([name]) => name));
  // Whoever chooses by mouse goes on by key: the focus is the picture's again.
  let isByHand = false;
  document.addEventListener("pointerdown", () => { isByHand = true; }, true);
  document.addEventListener("keydown", () => { isByHand = false; }, true);
  at("bar").addEventListener("change", () => { if (isByHand) at("canvas").focus({ preventScroll: true }); });
  at("base").addEventListener("change", () => {
    const chosen = scene.layers[+at("base").value];
    if (chosen === over) { over = base; at("over").value = scene.layers.indexOf(over) + 1; } // the two change places
    base = chosen;
    arrange();
  });
  at("over").addEventListener("change", () => {
    over = scene.layers[+at("over").value - 1] ?? null;
    if (over === base) { over = null; at("over").value = 0; }
    arrange();
  });
  at("layout").addEventListener("change", () => {
    for (const shower of isBeside() ? [viewer, twin] : [viewer]) shower.setSliceType(LAYOUTS[+at("layout").value][1]);
  });
  at("beside-label").hidden = scene.layers.length < 2;
  at("beside").addEventListener("change", () => {
    if (at("beside").checked && !over) pick(at("over"), (scene.layers.indexOf(base) + 1) % scene.layers.length + 1);
    else arrange();
  });
  at("opacity").addEventListener("input", () => { if (over) viewer.setOpacity(1, +at("opacity").value); });
  at("window").addEventListener("change", () => { const window = windowed().windows[+at("window").value]; if (window) { use(windowed(), window); redraw(); } });
  for (const id of ["low", "high"]) at(id).addEventListener("change", () => {
    const [low, high] = [+at("low").value, +at("high").value];
    if (high > low) { use(windowed(), { low, high }); redraw(); }
  });
  at("bar").addEventListener("submit", event => event.preventDefault());
  at("help-button").addEventListener("click", () => at("help").showModal());

  const scale = factor => {
    zoom = factor ? Math.min(16, Math.max(1, zoom * factor)) : 1;
    viewer.setCrosshairWidth(0.8 / zoom);
    const [x, y, z] = viewer.frac2mm(viewer.scene.crosshairPos);
    viewer.setPan2Dxyzmm(zoom === 1 ? [0, 0, 0, 1] : [...middle().map((m, n) => m - [x, y, z][n]), zoom]);
    if (twin) twin.setCrosshairWidth(0.8 / zoom);
    mirror(viewer, twin);
  };
  const beside = () => { if (scene.layers.length > 1) at("beside").click(); };
  const middle = () => Array.from(viewer.frac2mm([0.5, 0.5, 0.5])).slice(0, 3);
  const fade = step => { const slider = at("opacity"); slider.value = +slider.value + step; slider.dispatchEvent(new Event("input")); };
  const KEYS = {
    // The patient's right is on the left: the left arrow goes towards it.
    ArrowLeft: () => viewer.moveCrosshairInVox(1, 0, 0), ArrowRight: () => viewer.moveCrosshairInVox(-1, 0, 0),
    ArrowUp: () => viewer.moveCrosshairInVox(0, 1, 0), ArrowDown: () => viewer.moveCrosshairInVox(0, -1, 0),
    PageUp: () => viewer.moveCrosshairInVox(0, 0, 1), PageDown: () => viewer.moveCrosshairInVox(0, 0, -1),
    "+": () => scale(1.25), "=": () => scale(1.25), "-": () => scale(0.8), 0: () => scale(0),
    "[": () => fade(-0.1), "]": () => fade(0.1), o: nextOver, b: beside, w: () => next(at("window")), v: () => next(at("layout")),
    "?": () => at("help").showModal(),
  };
  document.addEventListener("keydown", event => {
    const writes = ["INPUT", "SELECT"].includes(event.target.tagName), digit = /^[1-9]$/.test(event.key);
    if (event.ctrlKey || event.metaKey || event.altKey || at("help").open || writes) return;
    if (digit && scene.layers[event.key - 1]) pick(at("base"), event.key - 1);
    else if (Object.hasOwn(KEYS, event.key)) KEYS[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  try {
    if (scene.over !== null) { over = scene.layers[scene.over]; at("over").value = scene.over + 1; }
    await arrange();
    viewer.moveCrosshairInVox(0, 0, 0); // onto the centre of a voxel, whose value is shown
    state.hidden = true;
    document.body.dataset.state = "ready";
  } catch (error) {
    fail(`The volumes could not be shown: ${error.message}`);
  }
})();
