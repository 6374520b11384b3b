// Masks of 0 and 1, first index fastest: opened and closed by a ball, their largest part, their holes.

import { convert } from "./sampling.mjs";

// Returns the offsets of a ball of a radius in mm, in voxels.
export function ballOf(radius, spacing) {
  const [i, j, k] = spacing.map((mm) => Math.trunc(radius / mm));
  const offsets = [];
  for (let z = -k; z <= k; z += 1) {
    for (let y = -j; y <= j; y += 1) {
      for (let x = -i; x <= i; x += 1) {
        if ((x * spacing[0]) ** 2 + (y * spacing[1]) ** 2 + (z * spacing[2]) ** 2 <= radius ** 2) offsets.push([x, y, z]);
      }
    }
  }
  return { offsets, reach: [i, j, k] };
}

export const openMask = (mask, shape, ball) => onPadded(mask, shape, ball, (padded, sides) => spread(spread(padded, sides, ball, 0), sides, ball, 1));
export const closeMask = (mask, shape, ball) => onPadded(mask, shape, ball, (padded, sides) => spread(spread(padded, sides, ball, 1), sides, ball, 0));

// Works on a mask that goes on beyond its edges as far as the ball reaches.
function onPadded(mask, shape, { reach }, work) {
  const sides = shape.map((n, axis) => n + 2 * reach[axis]);
  const clip = (n, axis) => Math.min(Math.max(n - reach[axis], 0), shape[axis] - 1);
  const padded = new Uint8Array(sides[0] * sides[1] * sides[2]);
  each(sides, (i, j, k, n) => { padded[n] = mask[clip(i, 0) + shape[0] * (clip(j, 1) + shape[1] * clip(k, 2))]; });
  const changed = work(padded, sides);
  const out = new Uint8Array(mask.length);
  each(shape, (i, j, k, n) => { out[n] = changed[i + reach[0] + sides[0] * (j + reach[1] + sides[1] * (k + reach[2]))]; });
  return out;
}

// Spreads what is `value` by a ball: 1 dilates, 0 erodes, and beyond the edges all is 0.
function spread(mask, shape, { offsets, reach }, value) {
  const out = mask.slice();
  const steps = Int32Array.from(offsets, ([x, y, z]) => x + shape[0] * (y + shape[1] * z));
  each(shape, (i, j, k, n) => {
    const isNear = i < reach[0] || j < reach[1] || k < reach[2] || i >= shape[0] - reach[0] || j >= shape[1] - reach[1] || k >= shape[2] - reach[2];
    if (mask[n] === value) {
      if (isInner(mask, shape, n, i, j, k, value)) return;
      if (!isNear) for (let m = 0; m < steps.length; m += 1) out[n + steps[m]] = value;
      else offsets.forEach(([x, y, z], m) => { if (within(i + x, j + y, k + z, shape)) out[n + steps[m]] = value; });
    } else if (value === 0 && isNear && !offsets.every(([x, y, z]) => within(i + x, j + y, k + z, shape))) {
      out[n] = 0;
    }
  });
  return out;
}

// Whether all six neighbours are alike: what such a voxel would spread, they spread or hold.
function isInner(mask, shape, n, i, j, k, value) {
  if (i === 0 || j === 0 || k === 0 || i === shape[0] - 1 || j === shape[1] - 1 || k === shape[2] - 1) return false;
  const row = shape[0];
  const plane = row * shape[1];
  return mask[n - 1] === value && mask[n + 1] === value && mask[n - row] === value && mask[n + row] === value
    && mask[n - plane] === value && mask[n + plane] === value;
}

const within = (i, j, k, shape) => i >= 0 && j >= 0 && k >= 0 && i < shape[0] && j < shape[1] && k < shape[2];

function each(shape, visit) {
  for (let k = 0, n = 0; k < shape[2]; k += 1) {
    for (let j = 0; j < shape[1]; j += 1) {
      for (let i = 0; i < shape[0]; i += 1, n += 1) visit(i, j, k, n);
    }
  }
}

// Returns the largest of the parts that faces connect; the first of equals.
export function largestComponent(mask, shape) {
  const part = new Int32Array(mask.length);
  let [best, size, parts] = [0, 0, 0];
  for (let n = 0; n < mask.length; n += 1) {
    if (!mask[n] || part[n]) continue;
    parts += 1;
    const count = flood(n, shape, part, parts, (at) => mask[at] === 1);
    if (count > size) [best, size] = [parts, count];
  }
  return convert(part, Uint8Array, (number) => best > 0 && number === best);
}

// Returns the mask without holes: without what no way over faces leads to from beyond the edges of its first axes.
export function fillHoles(mask, shape, axes = 3) {
  const outside = new Int32Array(mask.length);
  each(shape, (i, j, k, n) => {
    if (mask[n] || outside[n]) return;
    const isEdge = i === 0 || j === 0 || i === shape[0] - 1 || j === shape[1] - 1 || (axes === 3 && (k === 0 || k === shape[2] - 1));
    if (isEdge) flood(n, shape, outside, 1, (at) => mask[at] === 0);
  });
  return convert(outside, Uint8Array, (number) => number === 0);
}

// Marks what is connected with a voxel; returns how many voxels that are.
function flood(start, shape, marks, mark, belongs) {
  const stack = [start];
  const [row, plane] = [shape[0], shape[0] * shape[1]];
  let count = 0;
  marks[start] = mark;
  const visit = (at) => { if (!marks[at] && belongs(at)) { marks[at] = mark; stack.push(at); } };
  while (stack.length) {
    const n = stack.pop();
    count += 1;
    const i = n % row;
    const j = Math.floor(n / row) % shape[1];
    if (i > 0) visit(n - 1);
    if (i < shape[0] - 1) visit(n + 1);
    if (j > 0) visit(n - row);
    if (j < shape[1] - 1) visit(n + row);
    if (n >= plane) visit(n - plane);
    if (n < marks.length - plane) visit(n + plane);
  }
  return count;
}
