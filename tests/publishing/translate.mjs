// Translates cases as the page's worker does, by a network that averages its channels: node translate.mjs FOLDER
// FOLDER/cases.json lists plan, files, region and output; PAGES holds the scripts.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const [, , folder, pages] = process.argv;
const { readNifti, deflate } = await import(join(pages, "nifti.mjs"));
const translation = await import(join(pages, "translation.mjs"));

for (const { plan, files, mask, kind, output } of JSON.parse(await readFile(join(folder, "cases.json")))) {
  const read = async (name) => readNifti(new Uint8Array(await readFile(join(folder, name))));
  try {
    const images = await Promise.all(files.map(read));
    const subject = translation.prepareCase(plan, images, { kind, image: mask && (await read(mask)) });
    const passes = plan.axes.map((axis) => passOf(plan, subject, axis));
    const { file } = translation.finish(plan, subject, passes);
    await writeFile(join(folder, output), output.endsWith(".gz") ? await deflate(file) : file);
  } catch (error) {
    await writeFile(join(folder, `${output}.error`), error.message);
  }
}

function passOf(plan, subject, axis) {
  const pass = translation.emptyPass(subject);
  for (let index = 0; index < subject.grid.shape[axis]; index += 1) {
    const { values, dims } = translation.windowOf(plan, subject, axis, index);
    const size = dims[2] * dims[3];
    const mean = Float32Array.from({ length: size }, (_, n) => {
      let sum = 0;
      for (let channel = 0; channel < dims[1]; channel += 1) sum += values[channel * size + n];
      return sum / dims[1];
    });
    translation.putSlice(pass, subject, axis, index, translation.sliceOf(plan, subject, axis, mean));
  }
  return pass;
}
