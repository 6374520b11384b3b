// The body in a volume: what is not air around it, found as transmodal.volumes.regions.masks finds it.

import { resample, sizeOf, workingGrid } from "./grids.mjs";
import { f32, percentile } from "./intensity.mjs";
import { ballOf, closeMask, fillHoles, largestComponent, openMask } from "./morphology.mjs";
import { convert, multiplyAxis, rangeOf } from "./sampling.mjs";

const WORK_MM = 2;
const [OPEN_MM, CLOSE_MM] = [3, 8]; // thinner things than the first (tables, straps) go, narrower gaps close
const AIR_HU = -200; // a background below it is air in Hounsfield units
const BINS = 256;
const SIGMA = 0.7; // of the Gaussian before the threshold, in voxels

// Returns the body, 0 and 1, in a volume on a canonical grid.
export function findBody(voxels, native) {
  const grid = workingGrid(native.shape, native.spacing, native.spacing.map((mm) => Math.max(mm, WORK_MM)));
  const work = resample(voxels, native, grid, 0);
  const smooth = [0, 1, 2].reduce((values, axis) => smoothAxis(values, grid.shape, axis), work);
  const threshold = thresholdOf(smooth);
  const bright = fillPlanes(convert(work, Uint8Array, (value) => value > threshold), grid.shape);
  const opened = openMask(bright, grid.shape, ballOf(OPEN_MM, grid.spacing));
  const solid = largestComponent(opened.includes(1) ? opened : bright, grid.shape);
  const closed = fillPlanes(closeMask(solid, grid.shape, ballOf(CLOSE_MM, grid.spacing)), grid.shape);
  return convert(resample(new Float32Array(closed), grid, native, 0), Uint8Array, (value) => value > 0.5);
}

function smoothAxis(values, shape, axis) {
  const reach = Math.floor(4 * SIGMA + 0.5);
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, n) => Math.exp(-0.5 * ((n - reach) / SIGMA) ** 2));
  const total = kernel.reduce((a, b) => a + b, 0);
  const n = shape[axis];
  const rows = Array.from({ length: n }, (_, row) => {
    const weights = new Float64Array(n);
    kernel.forEach((weight, m) => { weights[mirrored(row + m - reach, n)] += weight / total; });
    const first = Math.max(0, row - reach);
    return { first, weights: weights.slice(first, Math.min(n, row + reach + 1)) };
  });
  return multiplyAxis(rows, values, shape, axis);
}

// Returns the sample at a place beyond the ends, where the samples go on as in a mirror that stands beside the last.
function mirrored(at, n) {
  const folded = ((at % (2 * n)) + 2 * n) % (2 * n);
  return folded < n ? folded : 2 * n - 1 - folded;
}

// Fills the holes of each axial plane and of the whole: airways open at the volume's end.
function fillPlanes(mask, shape) {
  const plane = shape[0] * shape[1];
  const filled = new Uint8Array(sizeOf(shape));
  for (let k = 0; k < shape[2]; k += 1) filled.set(fillHoles(mask.subarray(k * plane, (k + 1) * plane), [shape[0], shape[1], 1], 2), k * plane);
  return fillHoles(filled, shape);
}

// Returns the threshold between body and air: Otsu's, in MR lowered towards the noise that is in the air.
function thresholdOf(values) {
  const sorted = values.slice().sort();
  const [low, high] = [percentile(sorted, 0.5), percentile(sorted, 99.5)];
  const otsu = high > low ? otsuOf(convert(values, Float64Array, (value) => Math.min(Math.max(value, low), high))) : sorted[0];
  const air = sorted.filter((value) => value <= f32(otsu));
  const middle = medianOf(air);
  if (middle < AIR_HU) return f32(otsu);
  const noise = 1.4826 * medianOf(air.map((value) => Math.abs(value - middle)).sort());
  return f32(Math.min(otsu, Math.max(middle + 4 * noise, middle + 0.2 * (otsu - middle))));
}

function medianOf(sorted) {
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : f32(f32(sorted[middle - 1] + sorted[middle]) / 2);
}

// Returns the threshold that parts the histogram with the greatest variance between its two sides.
function otsuOf(values) {
  const [first, last] = rangeOf(values);
  const step = (last - first) / BINS;
  const edges = Float64Array.from({ length: BINS + 1 }, (_, n) => n * step + first);
  edges[BINS] = last;
  const counts = countBins(values, edges);
  const sums = counts.map((count, n) => count * ((edges[n + 1] + edges[n]) / 2));
  const total = sums.reduce((a, b) => a + b, 0);
  let [best, threshold, below, sum] = [-1, edges[1], 0, 0];
  for (let n = 0; n < BINS - 1; n += 1) {
    below += counts[n];
    sum += sums[n];
    const above = values.length - below;
    const gap = sum / Math.max(below, 1) - (total - sum) / Math.max(above, 1);
    const variance = below * above * gap * gap;
    if (variance > best) [best, threshold] = [variance, edges[n + 1]];
  }
  return threshold;
}

function countBins(values, edges) {
  const counts = new Array(BINS).fill(0);
  for (let n = 0; n < values.length; n += 1) {
    const value = values[n];
    let bin = Math.min(Math.floor(((value - edges[0]) / (edges[BINS] - edges[0])) * BINS), BINS - 1);
    if (value < edges[bin]) bin -= 1;
    else if (bin < BINS - 1 && value >= edges[bin + 1]) bin += 1;
    counts[bin] += 1;
  }
  return counts;
}
