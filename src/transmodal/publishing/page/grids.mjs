// Grids: closest RAS, the working grid of a spacing, and voxels moved between them, as transmodal.volumes.geometry does it.

import { multiplyAxis, nearestIndex, readBands, roundHalfToEven } from "./sampling.mjs";

const REACH = 0.75 + 1e-3; // voxels to which a volume goes on beyond its outermost centres
const TOLERANCE_MM = 1e-3;

export const sizeOf = (shape) => shape[0] * shape[1] * shape[2];

export function spacingOf(affine) {
  return [0, 1, 2].map((axis) => Math.sqrt(affine.reduce((sum, row) => sum + row[axis] * row[axis], 0)));
}

// Returns for each target axis which source axis runs along it, and whether it runs the other way.
export function findTurn(affine) {
  const spacing = spacingOf(affine);
  let rotation = affine.map((row) => row.slice(0, 3).map((x, axis) => x / spacing[axis]));
  if (!(Math.abs(determinant(rotation)) > 1e-9)) throw new Error("its affine is singular");
  for (let n = 0; n < 40; n += 1) rotation = average(rotation, inverseTransposed(rotation)); // the closest without shear
  const strength = [0, 1, 2].map((axis) => Math.max(...rotation.map((row) => row[axis] ** 2)));
  const order = [0, 1, 2].sort((a, b) => strength[b] - strength[a] || a - b);
  const axes = [-1, -1, -1];
  const flips = [false, false, false];
  for (const axis of order) {
    const column = rotation.map((row, r) => (axes[r] < 0 ? Math.abs(row[axis]) : -1));
    const target = column.indexOf(Math.max(...column));
    axes[target] = axis;
    flips[target] = rotation[target][axis] < 0;
  }
  return { axes, flips };
}

// Copies voxels to the closest RAS grid; exact.
export function toCanonical(voxels, shape, { axes, flips }) {
  const out = new voxels.constructor(voxels.length);
  const { to, strides, start } = steps(shape, { axes, flips });
  let n = 0;
  for (let k = 0; k < to[2]; k += 1) {
    for (let j = 0; j < to[1]; j += 1) {
      let from = start + k * strides[2] + j * strides[1];
      for (let i = 0; i < to[0]; i += 1, from += strides[0]) out[n++] = voxels[from];
    }
  }
  return out;
}

// The way back of toCanonical; `shape` is the source's.
export function fromCanonical(voxels, shape, turn) {
  const out = new voxels.constructor(voxels.length);
  const { to, strides, start } = steps(shape, turn);
  let n = 0;
  for (let k = 0; k < to[2]; k += 1) {
    for (let j = 0; j < to[1]; j += 1) {
      let at = start + k * strides[2] + j * strides[1];
      for (let i = 0; i < to[0]; i += 1, at += strides[0]) out[at] = voxels[n++];
    }
  }
  return out;
}

function steps(shape, { axes, flips }) {
  const own = [1, shape[0], shape[0] * shape[1]];
  const strides = axes.map((axis, target) => (flips[target] ? -own[axis] : own[axis]));
  const start = axes.reduce((sum, axis, target) => sum + (flips[target] ? (shape[axis] - 1) * own[axis] : 0), 0);
  return { to: axes.map((axis) => shape[axis]), strides, start };
}

// Returns shape and spacing of the working grid over the same field of view; `wanted` is a spacing for each axis, null keeps the grid.
export function workingGrid(shape, spacing, wanted) {
  const isKept = !wanted || spacing.every((mm, axis) => Math.abs(mm - wanted[axis]) <= 1e-6 * wanted[axis]);
  if (isKept) return { shape, spacing, isSource: true };
  const sides = shape.map((n, axis) => Math.max(1, roundHalfToEven((n * spacing[axis]) / wanted[axis])));
  return { shape: sides, spacing: [...wanted], isSource: false };
}

// Moves values between two grids of one centre and parallel axes.
export function resample(values, from, to, fill) {
  const steps3 = [0, 1, 2].map((axis) => stepOf(from, to, axis));
  if (coincide(from, to, steps3)) return values.slice();
  const bands = steps3.map(({ positions, factor }, axis) => readBands(from.shape[axis], positions, factor));
  const order = [0, 1, 2].sort((a, b) => to.shape[a] / from.shape[a] - to.shape[b] / from.shape[b] || a - b);
  let out = values;
  const shape = [...from.shape];
  for (const axis of order) {
    out = multiplyAxis(bands[axis], out, shape, axis);
    shape[axis] = to.shape[axis];
  }
  return fillBeyond(out, from, to, steps3, fill);
}

export function resampleNearest(values, from, to, fill) {
  const steps3 = [0, 1, 2].map((axis) => stepOf(from, to, axis));
  if (coincide(from, to, steps3)) return values.slice();
  const index = steps3.map(({ positions }, axis) => nearestIndex(from.shape[axis], positions));
  const out = new values.constructor(sizeOf(to.shape));
  let n = 0;
  for (const k of index[2]) {
    for (const j of index[1]) {
      const row = from.shape[0] * (j + from.shape[1] * k);
      for (const i of index[0]) out[n++] = values[row + i];
    }
  }
  return fillBeyond(out, from, to, steps3, fill);
}

function stepOf(from, to, axis) {
  const factor = to.spacing[axis] / from.spacing[axis];
  const start = (from.shape[axis] - 1) / 2 - (factor * (to.shape[axis] - 1)) / 2;
  return { factor, start, positions: Float64Array.from({ length: to.shape[axis] }, (_, n) => factor * n + start) };
}

function coincide(from, to, steps3) {
  if (from.shape.some((n, axis) => n !== to.shape[axis])) return false;
  const apart = steps3.map(({ factor, start }, axis) => from.spacing[axis] * Math.max(Math.abs(start), Math.abs((factor - 1) * (to.shape[axis] - 1) + start)));
  return Math.hypot(...apart) <= TOLERANCE_MM;
}

function fillBeyond(values, from, to, steps3, fill) {
  const beyond = steps3.map(({ positions }, axis) => positions.map((at) => Number(at < -REACH || at > from.shape[axis] - 1 + REACH)));
  if (!beyond.some((flags) => flags.includes(1))) return values;
  let n = 0;
  for (let k = 0; k < to.shape[2]; k += 1) {
    for (let j = 0; j < to.shape[1]; j += 1) {
      for (let i = 0; i < to.shape[0]; i += 1, n += 1) {
        if (beyond[0][i] || beyond[1][j] || beyond[2][k]) values[n] = fill;
      }
    }
  }
  return values;
}

function determinant([a, b, c]) {
  return a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
}

function inverseTransposed(m) {
  const size = determinant(m);
  const minor = (r, c) => {
    const [p, q] = [0, 1, 2].filter((n) => n !== r);
    const [s, t] = [0, 1, 2].filter((n) => n !== c);
    return ((r + c) % 2 ? -1 : 1) * (m[p][s] * m[q][t] - m[p][t] * m[q][s]);
  };
  return [0, 1, 2].map((r) => [0, 1, 2].map((c) => minor(r, c) / size));
}

function average(a, b) {
  return a.map((row, r) => row.map((x, c) => (x + b[r][c]) / 2));
}
