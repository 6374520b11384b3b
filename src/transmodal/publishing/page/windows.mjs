// Windows: slices and slabs out of a volume and back, as transmodal.volumes.windows cuts and places them.

import { multiplyAxis, readBands } from "./sampling.mjs";

const roundUp = (n, multiple) => Math.ceil(n / multiple) * multiple;
export const planeOf = (shape, axis) => shape.filter((_, side) => side !== axis);

// Returns how the two sides of the slices of an axis come to a window that holds whole slices.
export function sidesOf(shape, axis, cutting) {
  const plane = planeOf(shape, axis);
  const own = cutting.size ?? plane.map((n) => roundUp(n, cutting.multiple));
  const size = cutting.fit === "pad" ? own.map((side, n) => Math.max(roundUp(plane[n], cutting.multiple), side)) : own;
  if (cutting.fit === "pad") return plane.map((n, side) => sideOf(n, size[side], 1));
  if (cutting.fit === "ignore") return plane.map((n, side) => sideOf(n, size[side], n / size[side]));
  const scale = Math.max(plane[0] / size[0], plane[1] / size[1]);
  return plane.map((n, side) => sideOf(n, size[side], scale));
}

function sideOf(n, out, scale) {
  if (scale === 1) return { n, out, scale, first: Math.max(0, Math.floor((out - n) / 2)), count: n };
  const filled = centres(n, out, scale).map((at) => Math.abs(at - (n - 1) / 2) <= Math.max(n, scale) / 2 + 1e-9);
  const first = filled.indexOf(true);
  return { n, out, scale, first, count: filled.lastIndexOf(true) + 1 - first };
}

// Returns where the centres of a window's pixels lie, in voxels.
function centres(n, out, scale) {
  return Array.from({ length: out }, (_, pixel) => (pixel + 0.5 - out / 2) * scale + n / 2 - 0.5);
}

// Cuts slice `index` of an axis with its neighbours: `depth` channels, rows by the first side of the plane.
export function cutWindow(volume, shape, axis, index, cutting, sides) {
  const [rows, columns] = sides.map((side) => side.out);
  const out = new Float32Array(cutting.depth * rows * columns).fill(-1);
  for (let channel = 0; channel < cutting.depth; channel += 1) {
    const at = Math.min(Math.max(index + channel - (cutting.depth - 1) / 2, 0), shape[axis] - 1);
    const plane = fit(takePlane(volume, shape, axis, at), sides);
    place(plane, sides, out.subarray(channel * rows * columns, (channel + 1) * rows * columns));
  }
  return out;
}

// Returns a slice, the plane's second side the fastest.
export function takePlane(volume, shape, axis, index) {
  const strides = [1, shape[0], shape[0] * shape[1]];
  const [row, column] = planeOf(strides, axis);
  const [rows, columns] = planeOf(shape, axis);
  const out = new volume.constructor(rows * columns);
  for (let r = 0, n = 0; r < rows; r += 1) {
    for (let c = 0, from = index * strides[axis] + r * row; c < columns; c += 1, from += column) out[n++] = volume[from];
  }
  return out;
}

export function putPlane(plane, volume, shape, axis, index) {
  const strides = [1, shape[0], shape[0] * shape[1]];
  const [row, column] = planeOf(strides, axis);
  const [rows, columns] = planeOf(shape, axis);
  for (let r = 0, n = 0; r < rows; r += 1) {
    for (let c = 0, at = index * strides[axis] + r * row; c < columns; c += 1, at += column) volume[at] = plane[n++];
  }
}

// Returns the voxels' values of a window's translation: padding and resizing undone.
export function restorePlane(window, sides) {
  const [rows, columns] = sides;
  const held = new Float32Array(rows.count * columns.count);
  for (let r = 0; r < rows.count; r += 1) {
    const from = (r + rows.first) * columns.out + columns.first;
    held.set(window.subarray(from, from + columns.count), r * columns.count);
  }
  return throughSides(held, sides, (side) => side.count, (side) => {
    const voxels = Array.from({ length: side.n }, (_, n) => (n + 0.5 - side.n / 2) / side.scale + side.out / 2 - 0.5);
    return readBands(side.count, voxels.map((at) => at - side.first), 1 / side.scale);
  });
}

function fit(plane, sides) {
  return throughSides(plane, sides, (side) => side.n, (side) => {
    const pixels = centres(side.n, side.out, side.scale).slice(side.first, side.first + side.count);
    return readBands(side.n, pixels, side.scale);
  });
}

function throughSides(plane, sides, lengthOf, bandsOf) {
  const shape = [lengthOf(sides[1]), lengthOf(sides[0])]; // the second side is the fastest
  let values = plane;
  [1, 0].forEach((axis, n) => {
    if (sides[n].scale === 1) return;
    const bands = bandsOf(sides[n]);
    values = multiplyAxis(bands, values, shape, axis);
    shape[axis] = bands.length;
  });
  return values;
}

function place(plane, [rows, columns], out) {
  for (let r = 0; r < rows.count; r += 1) {
    out.set(plane.subarray(r * columns.count, (r + 1) * columns.count), (r + rows.first) * columns.out + columns.first);
  }
}
