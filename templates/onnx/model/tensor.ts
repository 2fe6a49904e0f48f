import { Tensor } from "onnxruntime-node";

/** RGB bytes, row by row, as the networks take them: planes of floats, blue first, as they were trained with OpenCV. */
export function imageTensor(
  pixels: Uint8Array,
  width: number,
  height: number,
  { mean, std }: { mean: number[]; std: number[] },
): Tensor {
  const size = width * height;
  const planes = new Float32Array(3 * size);
  for (let plane = 0; plane < 3; plane++) {
    for (let i = 0; i < size; i++) {
      planes[plane * size + i] = (pixels[i * 3 + 2 - plane] / 255 - mean[plane]) / std[plane];
    }
  }
  return new Tensor("float32", planes, [1, 3, height, width]);
}
