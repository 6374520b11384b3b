// Intensity maps to the range of the network and back, in float32 step by step as transmodal.volumes.intensity has them.

export const f32 = Math.fround;

// Fits a map to the voxels where `mask` is set; null looks at all.
export function fitMap(spec, voxels, mask) {
  if (spec.method === "window") return linearMap(spec.low, spec.high);
  const inside = mask ? voxels.filter((_, n) => mask[n]) : voxels.slice();
  if (!inside.length) throw new Error("the region is empty");
  if (spec.method === "zscore") return zscoreMap(inside);
  inside.sort();
  if (spec.method === "minmax") return linearMap(inside[0], inside[inside.length - 1]);
  return linearMap(percentile(inside, spec.low), percentile(inside, spec.high));
}

export function percentile(sorted, perCent) {
  const last = sorted.length - 1;
  const place = (perCent / 100) * last;
  const below = Math.floor(place);
  const [low, high, share] = [sorted[below], sorted[Math.min(below + 1, last)], place - below];
  return share < 0.5 ? low + (high - low) * share : high - (high - low) * (1 - share);
}

export function applyMap(map, values) {
  const hasEnds = map.low !== null;
  const anchor = hasEnds ? map.low : -map.offset / map.scale;
  const [shift, scale, offset] = [f32(anchor), f32(map.scale), f32(map.offset + anchor * map.scale)];
  const [low, high] = hasEnds ? [f32(map.low), f32(map.high)] : [-Infinity, Infinity];
  const out = new Float32Array(values.length);
  for (let n = 0; n < values.length; n += 1) {
    const clipped = Math.min(Math.max(values[n], low), high);
    const mapped = f32(f32(f32(clipped - shift) * scale) + offset);
    out[n] = hasEnds ? Math.min(Math.max(mapped, -1), 1) : mapped;
  }
  return out;
}

export function invertMap(map, values) {
  const isClipped = map.range !== "free" && (map.low !== null || map.high !== null);
  const [low, high] = [map.low ?? -Infinity, map.high ?? Infinity];
  const out = new Float32Array(values.length);
  for (let n = 0; n < values.length; n += 1) {
    const value = (values[n] - map.offset) / map.scale;
    out[n] = isClipped ? Math.min(Math.max(value, low), high) : value;
  }
  return out;
}

function linearMap(low, high) {
  const size = Math.max(Math.abs(low), Math.abs(high));
  const top = isDegenerate(high - low, size) ? low + Math.max(1, Math.abs(low) * 1e-3) : high;
  const scale = 2 / (top - low);
  return { low, high: top, scale, offset: -1 - low * scale, range: "signed" };
}

function zscoreMap(values) {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
  const scale = isDegenerate(deviation, Math.abs(mean)) ? 1 : 1 / deviation;
  return { low: null, high: null, scale, offset: -mean * scale, range: "free" };
}

const isDegenerate = (width, size) => width <= Math.max(1e-30, 1e-7 * size);
