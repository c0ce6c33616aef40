"""predict: what `tfvae predict` does."""

import numpy as np
from PIL import Image

from tfvae import jobs
from tfvae.errors import ConfigError
from tfvae.serving.client.client import Client
from tfvae.serving.client.image_files import MODES
from tfvae.serving.client.input_files import read_inputs
from tfvae.serving.client.printing import json_lines, table
from tfvae.storage import atomic_path

IMAGE_ARRAYS = ("images", "reconstructions", "x")  # names in an .npz file
CODE_ARRAYS = ("z", "z_mean")


def predict(args):
    """Asks a server, prints the answer to stdout, and writes it where `args.output` says.

    Args:
        args: The arguments of `add_arguments`.
    """
    with _client(args) as client:
        names, answer = _asked(client, args)
    for line in (json_lines if args.json else table)(names, answer):
        print(line)
    if args.output is None:
        return
    is_archive = args.output.suffix == ".npz"
    written = _write_arrays(args.output, names, answer) if is_archive else _write_images(args, answer)
    if not args.json:  # which has stdout for itself
        jobs.event(f"{written}: {args.output}", path=str(args.output))


def _client(args):
    options = ("version", "label", "timeout", "batch_size", "ca_certificates")
    return Client(args.url, args.model, **{name: getattr(args, name) for name in options})


def _asked(client, args):
    """A name for each row, and the answer."""
    if args.method == "sample":
        n = _number_of_samples(args.inputs)
        answer = client.sample(n, args.seed, args.condition)
        return [f"seed {args.seed + row}" for row in range(n)], answer
    x, names = read_inputs(args.inputs, CODE_ARRAYS if args.method == "decode" else IMAGE_ARRAYS)
    options = {"seed": args.seed} if args.method in ("score", "encode_sample") else {}
    answer = getattr(client, args.method)(x, condition=args.condition, **options)
    count = len(next(iter(answer.values())))
    return names or [f"row {row}" for row in range(count)], answer


def _number_of_samples(inputs):
    if len(inputs) != 1 or not inputs[0].isdecimal():
        raise ConfigError(f"sample takes the number of samples. Received: {' '.join(inputs)}")
    return int(inputs[0])


def _write_arrays(path, names, answer):
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {output: array.astype(str) if array.dtype == object else array for output, array in answer.items()}
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, input=np.array(names), **texts)
    return ", ".join(answer)


def _write_images(args, answer):
    images = next((array for array in answer.values() if array.ndim == 4 and array.shape[-1] in MODES), None)
    if images is None:
        raise ConfigError(
            f"{args.method} answers no images that PNG files can hold: --output FILE.npz takes all arrays."
        )
    args.output.mkdir(parents=True, exist_ok=True)
    for row, image in enumerate(images):
        _write_image(args.output / f"{row:05d}.png", image)
    return f"{len(images)} images"


def _write_image(path, image):
    levels = np.rint(np.clip(image, 0, 1) * 255).astype("uint8")
    pixels = levels[..., 0] if levels.shape[-1] == 1 else levels
    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary)
