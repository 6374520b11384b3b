// Planes of volumes on a canvas, as radiology has them: the patient's right on the left, up and front on top.

import { planeOf, takePlane } from "./windows.mjs";

export const PLANES = ["sagittal", "coronal", "axial"];

// Returns the sides of a plane in voxels and in mm, across and down.
export function extentOf(shape, spacing, axis) {
  const [across, down] = planeOf(shape, axis);
  const mm = planeOf(spacing, axis);
  return { across, down, width: across * mm[0], height: down * mm[1] };
}

// Draws a plane of values between two ends on a canvas of the plane's own size; `isMissing` tells what is not there yet.
export function drawPlane(canvas, volume, shape, axis, index, [low, high]) {
  const { across, down } = extentOf(shape, shape, axis);
  const plane = takePlane(volume, shape, axis, index);
  const context = canvas.getContext("2d");
  canvas.width = across;
  canvas.height = down;
  const image = context.createImageData(across, down);
  for (let y = 0, n = 0; y < down; y += 1) {
    for (let x = 0; x < across; x += 1, n += 4) {
      const value = plane[(across - 1 - x) * down + (down - 1 - y)];
      const level = Math.min(Math.max((255 * (value - low)) / (high - low), 0), 255);
      image.data[n] = image.data[n + 1] = image.data[n + 2] = level;
      image.data[n + 3] = Number.isNaN(value) ? 0 : 255;
    }
  }
  context.putImageData(image, 0, 0);
}

// Returns the voxels of a plane under a place on its canvas, which is given in parts of width and height.
export function voxelsAt(shape, axis, x, y) {
  const { across, down } = extentOf(shape, shape, axis);
  const clip = (n, side) => Math.min(Math.max(Math.floor(n), 0), side - 1);
  return [clip((1 - x) * across, across), clip((1 - y) * down, down)];
}

// Returns where the middle of a voxel of a plane is drawn, in parts of width and height.
export function placeOf(shape, axis, [a, b]) {
  const { across, down } = extentOf(shape, shape, axis);
  return [1 - (a + 0.5) / across, 1 - (b + 0.5) / down];
}

// Draws the crosshair over a canvas, at a place in parts of its width and height.
export function drawCross(canvas, [x, y]) {
  const [left, top] = [canvas.offsetLeft + x * canvas.offsetWidth, canvas.offsetTop + y * canvas.offsetHeight];
  const line = "linear-gradient(#e5b567, #e5b567)";
  canvas.nextElementSibling.style.background = `${line} ${left}px 0 / 1px 100% no-repeat, ${line} 0 ${top}px / 100% 1px no-repeat`;
}
