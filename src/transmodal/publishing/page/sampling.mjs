// Reading samples along one axis at positions between them: rows of weights, kept as bands, and products with them.

const FWHM = 2.3548; // of a Gaussian, in standard deviations
const COARSER = 1.001; // up to this factor nothing is smoothed

// Returns one row of weights per position: where it begins, and the weights from there on.
export function readBands(n, positions, factor) {
  return Array.from(positions, (position) => {
    const at = Math.min(Math.max(position, 0), n - 1);
    const low = Math.min(Math.floor(at), n - 1);
    const share = at - low;
    const parts = share > 0 ? [[low, 1 - share], [low + 1, share]] : [[low, 1]];
    return toBand(factor > COARSER ? smoothed(n, parts, factor) : parts);
  });
}

function smoothed(n, parts, factor) {
  const sigma = Math.sqrt(factor * factor - 1) / FWHM;
  const sums = new Map();
  for (const [index, share] of parts) {
    const reach = Math.min(index, n - 1 - index, Math.ceil(4 * sigma));
    const weights = Array.from({ length: 2 * reach + 1 }, (_, m) => Math.exp(-0.5 * ((m - reach) / sigma) ** 2));
    const total = weights.reduce((a, b) => a + b, 0);
    weights.forEach((weight, m) => sums.set(index - reach + m, (sums.get(index - reach + m) ?? 0) + (share * weight) / total));
  }
  return [...sums].sort((a, b) => a[0] - b[0]);
}

function toBand(parts) {
  const first = parts[0][0];
  const weights = new Float32Array(parts[parts.length - 1][0] - first + 1);
  for (const [index, weight] of parts) weights[index - first] = weight;
  return { first, weights };
}

// Multiplies one axis of values `(shape)`, first index fastest, by rows of weights.
export function multiplyAxis(bands, values, shape, axis) {
  const inner = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const outer = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const out = new Float32Array(inner * bands.length * outer);
  for (let o = 0; o < outer; o += 1) {
    bands.forEach(({ first, weights }, row) => {
      const to = inner * (row + bands.length * o);
      const from = inner * (first + shape[axis] * o);
      for (let i = 0; i < inner; i += 1) {
        let sum = 0;
        for (let m = 0; m < weights.length; m += 1) sum += weights[m] * values[from + i + inner * m];
        out[to + i] = sum;
      }
    });
  }
  return out;
}

// Returns the sample nearest to each position; of two the one nearer to the middle.
export function nearestIndex(n, positions) {
  return Int32Array.from(positions, (position) => {
    const inward = 1e-6 * Math.sign((n - 1) / 2 - position);
    return Math.min(Math.max(roundHalfToEven(position + inward), 0), n - 1);
  });
}

// Rounds as numpy does.
export function roundHalfToEven(x) {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

// Returns values as another kind of array, changed; several times as fast as the kind's own `from`.
export function convert(values, Kind, change) {
  const out = new Kind(values.length);
  for (let n = 0; n < values.length; n += 1) out[n] = change(values[n]);
  return out;
}

// Returns the least and the greatest value.
export function rangeOf(values) {
  let low = Infinity;
  let high = -Infinity;
  for (let n = 0; n < values.length; n += 1) {
    if (values[n] < low) low = values[n];
    if (values[n] > high) high = values[n];
  }
  return [low, high];
}
