// One case from its files to windows, and from the network's windows to a file: what transmodal.inference does, in its order.

import { fromCanonical, findTurn, resample, resampleNearest, sizeOf, spacingOf, toCanonical, workingGrid } from "./grids.mjs";
import { applyMap, f32, fitMap, invertMap } from "./intensity.mjs";
import { FileError, writeNifti } from "./nifti.mjs";
import { findBody } from "./regions.mjs";
import { convert, rangeOf } from "./sampling.mjs";
import { cutWindow, planeOf, putPlane, restorePlane, sidesOf, takePlane } from "./windows.mjs";

const GRID_TOLERANCE_MM = 1e-3;

// Brings images, in the order of the plan's sources, to the working grid. `region` says what counts: a kind, and its image.
export function prepareCase(plan, images, region) {
  const [first] = images;
  images.forEach((image, n) => checkGrid(image, first, plan.sources[n].label));
  const turn = findTurn(first.affine);
  const shape = turn.axes.map((axis) => first.shape[axis]);
  const spacing = spacingOf(first.affine);
  const native = { shape, spacing: turn.axes.map((axis) => spacing[axis]) };
  const grid = workingGrid(shape, native.spacing, plan.spacing_mm && Array(3).fill(plan.spacing_mm));
  const voxels = images.map((image) => toCanonical(image.voxels, image.shape, turn));
  const mask = findRegion(region, voxels[0], native, first, turn);
  const inside = mask && resampleNearest(mask, native, grid, 0);
  const working = voxels.map((values, n) => {
    const map = fitMap(plan.sources[n].intensity, values, mask);
    const mapped = applyMap(map, resample(values, native, grid, 0));
    return inside ? mapped.map((value, at) => (inside[at] ? value : -1)) : mapped;
  });
  return { header: first.header, isGzipped: first.isGzipped, source: first.shape, turn, native, grid, mask, inside, working };
}

// Returns the window of a slice: values of every source and shape `(1, C, H, W)`.
export function windowOf(plan, subject, axis, index) {
  const sides = sidesOf(subject.grid.shape, axis, plan.cutting);
  const size = sides.map((side) => side.out);
  if (plan.sides && plan.sides.some((side, n) => side !== size[n])) {
    throw new FileError(`its slices need windows of ${size.join(" x ")}, and this network takes ${plan.sides.join(" x ")} alone`);
  }
  const parts = subject.working.map((values) => cutWindow(values, subject.grid.shape, axis, index, plan.cutting, sides));
  const values = new Float32Array(parts.length * parts[0].length);
  parts.forEach((part, n) => values.set(part, n * part.length));
  return { values, dims: [1, parts.length * plan.cutting.depth, ...size] };
}

// Returns the slice of a window's translation, still in the range of the network.
export function sliceOf(plan, subject, axis, output) {
  return restorePlane(output, sidesOf(subject.grid.shape, axis, plan.cutting));
}

// Returns a slice of the working grid in real units, as it is shown while one goes through the volume.
export function realSlice(plan, subject, axis, index, mapped) {
  const values = clip(invertMap(plan.target.map, mapped), plan.target.bounds);
  if (!subject.inside) return values;
  const inside = takePlane(subject.inside, subject.grid.shape, axis, index);
  return values.map((value, n) => (inside[n] ? value : plan.target.fill));
}

// Whether a slice has nothing in it that the volume depends on.
export function isBlank(subject, axis, index) {
  if (!subject.mask || !subject.grid.isSource || !subject.mask.includes(1)) return false;
  return !takePlane(subject.mask, subject.grid.shape, axis, index).includes(1);
}

export const emptyPass = (subject) => new Float32Array(sizeOf(subject.grid.shape));
export const putSlice = (pass, subject, axis, index, mapped) => putPlane(mapped, pass, subject.grid.shape, axis, index);
export const zeros = (subject, axis) => new Float32Array(planeOf(subject.grid.shape, axis).reduce((a, b) => a * b));

// Makes one volume of the passes: on the working grid to be looked at, and as a file on the source's grid.
export function finish(plan, subject, passes) {
  const values = invertMap(plan.target.map, fuse(passes, plan.fuse));
  const [low, high] = rangeOf(values);
  let native = resample(values, subject.grid, subject.native, plan.target.fill).map((value) => Math.min(Math.max(value, low), high));
  if (subject.mask) native = native.map((value, n) => (subject.mask[n] ? value : f32(plan.target.fill)));
  native = clip(native, plan.target.bounds);
  const file = writeNifti(fromCanonical(native, subject.source, subject.turn), subject.header, subject.source, plan.target.storage, plan.description);
  const shown = clip(values, plan.target.bounds);
  return { file, shown: subject.inside ? shown.map((value, n) => (subject.inside[n] ? value : plan.target.fill)) : shown };
}

function fuse(passes, how) {
  if (passes.length === 1) return passes[0];
  const out = new Float32Array(passes[0].length);
  for (let n = 0; n < out.length; n += 1) {
    const values = passes.map((pass) => pass[n]);
    out[n] = how === "mean" ? values.reduce((sum, x) => f32(sum + x), 0) / values.length : median(values);
  }
  return out;
}

function median(values) {
  const sorted = values.sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : f32(sorted[middle - 1] + sorted[middle]) / 2;
}

function clip(values, [low, high]) {
  const [least, most] = [low ?? -Infinity, high ?? Infinity];
  return values.map((value) => Math.min(Math.max(value, least), most));
}

// Returns the mask on the canonical grid, 0 and 1; null where the whole volume counts.
function findRegion(region, voxels, native, first, turn) {
  if (region.kind === "whole") return null;
  const finders = {
    body: () => findBody(voxels, native),
    file: () => maskOf(region.image, first, turn),
    nonzero: () => convert(voxels, Uint8Array, (value) => value !== 0),
  };
  const mask = finders[region.kind]();
  if (!mask.includes(1)) throw new FileError("the region is empty");
  return mask;
}

function maskOf(image, first, turn) {
  const own = findTurn(image.affine);
  checkGrid(canonical(image, own), canonical(first, turn), "the mask");
  return toCanonical(convert(image.voxels, Uint8Array, (value) => value > 0), image.shape, own);
}

function canonical({ shape, affine }, { axes, flips }) {
  const corner = axes.map((axis, target) => (flips[target] ? shape[axis] - 1 : 0));
  const origin = (row) => axes.reduce((sum, axis, target) => sum + row[axis] * corner[target], row[3]);
  const turned = (row) => axes.map((axis, target) => (flips[target] ? -row[axis] : row[axis]));
  return { shape: axes.map((axis) => shape[axis]), affine: affine.map((row) => [...turned(row), origin(row)]) };
}

function checkGrid(image, first, name) {
  const isOne = image.shape.every((n, axis) => n === first.shape[axis]);
  const ends = Array.from({ length: 8 }, (_, n) => first.shape.map((side, axis) => ((n >> axis) & 1 ? side - 1 : 0)));
  const at = (affine, corner) => affine.map((row) => row[3] + row[0] * corner[0] + row[1] * corner[1] + row[2] * corner[2]);
  const apart = (corner) => Math.max(...at(image.affine, corner).map((x, n) => Math.abs(x - at(first.affine, corner)[n])));
  if (!isOne || Math.max(...ends.map(apart)) > GRID_TOLERANCE_MM) throw new FileError(`${name} lies on another grid: resample it first`);
}
