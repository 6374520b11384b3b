// NIfTI-1 and -2 in one file: read strictly, written on the grid of the file that was read.
// Voxels travel as Float32Array with the first index the fastest; affines as 3 rows of 4 numbers, in mm.

import { roundHalfToEven } from "./sampling.mjs";

const UNITS_MM = { 0: 1, 1: 1000, 2: 1, 3: 0.001 };
const TYPES = {
  2: ["getUint8", 1], 4: ["getInt16", 2], 8: ["getInt32", 4], 16: ["getFloat32", 4], 64: ["getFloat64", 8],
  256: ["getInt8", 1], 512: ["getUint16", 2], 768: ["getUint32", 4],
};
const FORMS_TOLERANCE_MM = 0.05;
const LAST_FORM_CODE = 5;
const HEADER_BYTES = 352;
const CODES = { float32: [16, 4], int16: [4, 2], uint8: [2, 1] };

export class FileError extends Error {}

export async function readNifti(bytes) {
  const isGzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const content = isGzipped ? await inflate(bytes) : bytes;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const header = readHeader(view);
  const shape = shapeOf(header);
  const affine = affineOf(header, shape);
  const voxels = readVoxels(view, header, shape);
  return { shape, affine, voxels, header, isGzipped };
}

export async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw new FileError("the file is cut or damaged: it does not unpack");
  }
}

export async function deflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Returns a file of values on the grid of a header that was read; `kind` is one of CODES.
export function writeNifti(values, header, shape, kind, description) {
  const [code, size] = CODES[kind];
  const bytes = new Uint8Array(HEADER_BYTES + values.length * size);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, 348, true);
  [3, ...shape, 1, 1, 1, 1].forEach((side, n) => view.setInt16(40 + 2 * n, side, true));
  view.setInt16(70, code, true);
  view.setInt16(72, 8 * size, true);
  header.pixdim.forEach((spacing, n) => view.setFloat32(76 + 4 * n, n < 4 ? spacing : 0, true));
  view.setFloat32(108, HEADER_BYTES, true);
  view.setFloat32(112, 1, true);
  bytes[123] = header.units & 7;
  [...description.slice(0, 79)].forEach((letter, n) => { bytes[148 + n] = letter.charCodeAt(0) & 127; });
  view.setInt16(252, header.qformCode, true);
  view.setInt16(254, header.sformCode, true);
  [...header.quaternion, ...header.offset, ...header.sform].forEach((x, n) => view.setFloat32(256 + 4 * n, x, true));
  bytes.set([0x6e, 0x2b, 0x31, 0], 344);
  const voxels = kind === "float32" ? Float32Array.from(values) : whole(values, kind);
  bytes.set(new Uint8Array(voxels.buffer), HEADER_BYTES);
  return bytes;
}

// Rounds as numpy does, halves to even, and clips to what the type holds.
function whole(values, kind) {
  const [low, high] = kind === "uint8" ? [0, 255] : [-32768, 32767];
  const out = kind === "uint8" ? new Uint8Array(values.length) : new Int16Array(values.length);
  for (let n = 0; n < values.length; n += 1) out[n] = Math.min(high, Math.max(low, roundHalfToEven(values[n])));
  return out;
}

function readHeader(view) {
  const ends = [true, false].find((little) => view.byteLength >= 4 && [348, 540].includes(view.getInt32(0, little)));
  if (ends === undefined) throw new FileError("this is no NIfTI file");
  const isSecond = view.getInt32(0, ends) === 540;
  if (view.byteLength < (isSecond ? 540 : 348)) throw new FileError("the file ends within its header");
  if (view.getUint8(isSecond ? 5 : 345) !== 0x2b) throw new FileError("header and voxels have to be in one file (.nii)");
  return isSecond ? secondHeader(view, ends) : firstHeader(view, ends);
}

function firstHeader(view, little) {
  const floats = (at, n) => Array.from({ length: n }, (_, i) => view.getFloat32(at + 4 * i, little));
  return {
    little, dim: Array.from({ length: 8 }, (_, i) => view.getInt16(40 + 2 * i, little)),
    datatype: view.getInt16(70, little), pixdim: floats(76, 8), voxOffset: view.getFloat32(108, little),
    slope: view.getFloat32(112, little), intercept: view.getFloat32(116, little), units: view.getUint8(123),
    qformCode: view.getInt16(252, little), sformCode: view.getInt16(254, little),
    quaternion: floats(256, 3), offset: floats(268, 3), sform: floats(280, 12),
  };
}

function secondHeader(view, little) {
  const doubles = (at, n) => Array.from({ length: n }, (_, i) => view.getFloat64(at + 8 * i, little));
  const long = (at) => Number(view.getBigInt64(at, little));
  return {
    little, dim: Array.from({ length: 8 }, (_, i) => long(16 + 8 * i)),
    datatype: view.getInt16(12, little), pixdim: doubles(104, 8), voxOffset: long(168),
    slope: view.getFloat64(176, little), intercept: view.getFloat64(184, little), units: view.getInt32(500, little),
    qformCode: view.getInt32(344, little), sformCode: view.getInt32(348, little),
    quaternion: doubles(352, 3), offset: doubles(376, 3), sform: doubles(400, 12),
  };
}

function shapeOf({ dim }) {
  const n = dim[0];
  const sides = n >= 1 && n <= 7 ? dim.slice(1, n + 1) : [];
  if (!sides.length || sides.some((side) => side < 1 || side > 32767)) throw new FileError("its header declares no volume");
  if (sides.slice(3).some((side) => side > 1)) throw new FileError(`it is a series of ${sides.slice(3).join(" x ")} volumes: give one volume`);
  return [0, 1, 2].map((axis) => sides[axis] ?? 1);
}

function affineOf(header, shape) {
  const unit = UNITS_MM[header.units & 7];
  if (unit === undefined) throw new FileError("its header has an unknown unit of length");
  if ([header.qformCode, header.sformCode].some((code) => code > LAST_FORM_CODE)) throw new FileError("its header has a form of an undefined code");
  const spacing = [1, 2, 3].map((n) => (n > header.dim[0] && header.pixdim[n] === 0 ? 1 : header.pixdim[n]));
  if (!spacing.every((mm) => Number.isFinite(mm) && mm > 0)) throw new FileError("its header has spacings that are not positive");
  const scaled = (rows) => rows.map((row) => row.map((x) => x * unit));
  const sform = header.sformCode > 0 ? scaled([0, 4, 8].map((n) => header.sform.slice(n, n + 4))) : null;
  const qform = header.qformCode > 0 ? scaled(qformOf(header, spacing)) : null;
  if (!sform && !qform) throw new FileError("it does not say how it lies (neither sform nor qform is coded)");
  const affine = sform ?? qform;
  if (!affine.flat().every(Number.isFinite)) throw new FileError("its place in space is not finite");
  const looseness = qform ? roundingOf(header, spacing.map((mm, axis) => mm * unit * (shape[axis] - 1))) : 0;
  checkForms(sform, qform, spacing.map((mm) => mm * unit), shape, looseness);
  return affine;
}

function checkForms(sform, qform, spacing, shape, looseness) {
  if (sform && qform && cornerDistance(sform, qform, shape) > FORMS_TOLERANCE_MM + looseness) {
    throw new FileError("sform and qform say two different places: correct the header first");
  }
  if (!sform || qform) return;
  const apart = [0, 1, 2].map((axis) => Math.abs(Math.hypot(...sform.map((row) => row[axis])) - spacing[axis]) * Math.max(shape[axis] - 1, 1));
  if (Math.max(...apart) > FORMS_TOLERANCE_MM) throw new FileError("sform and pixdim say two different spacings: correct the header first");
}

function cornerDistance(first, second, shape) {
  const corners = Array.from({ length: 8 }, (_, n) => shape.map((side, axis) => ((n >> axis) & 1 ? side - 1 : 0)));
  const apart = (corner) => Math.hypot(...first.map((row, r) => row.reduce((sum, x, c) => sum + (x - second[r][c]) * (c < 3 ? corner[c] : 1), 0)));
  return Math.max(...corners.map(apart));
}

// Returns how far a corner moves by what float32 leaves open in the quaternion, in mm.
function roundingOf({ quaternion: [b, c, d] }, extents) {
  const square = Math.max(1 - (b * b + c * c + d * d), 0);
  const angle = 2 * (Math.sqrt(square + 2e-7) - Math.sqrt(Math.max(square - 2e-7, 0)));
  return angle * Math.hypot(...extents);
}

function qformOf(header, spacing) {
  const [b, c, d] = header.quaternion;
  const square = 1 - (b * b + c * c + d * d);
  if (!(square >= -1e-5)) throw new FileError("its quaternion is longer than 1");
  const length = square < 1e-7 ? Math.hypot(b, c, d) : 1;
  const [w, x, y, z] = [square < 1e-7 ? 0 : Math.sqrt(square), b / length, c / length, d / length];
  const turn = [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
  const signs = [1, 1, header.pixdim[0] < 0 ? -1 : 1];
  return turn.map((row, r) => [...row.map((value, axis) => value * spacing[axis] * signs[axis]), header.offset[r]]);
}

function readVoxels(view, header, shape) {
  const type = TYPES[header.datatype];
  if (!type) throw new FileError("its voxels are of a type that is not read here (colour, complex or 64-bit integers)");
  const [get, size] = type;
  const n = shape[0] * shape[1] * shape[2];
  if (view.byteLength < header.voxOffset + n * size) throw new FileError("the file ends before its last voxel");
  const hasScale = header.slope !== 0 && !Number.isNaN(header.slope);
  const [slope, intercept] = hasScale ? [header.slope, header.intercept] : [1, 0];
  const voxels = new Float32Array(n);
  for (let i = 0; i < n; i += 1) voxels[i] = view[get](header.voxOffset + i * size, header.little) * slope + intercept;
  if (!voxels.every(Number.isFinite)) throw new FileError("it has voxels that are not finite: repair it first");
  return voxels;
}
