"""Works: what is measured, the same for every system. Sizes and operations only; no library of networks."""

import itertools
from dataclasses import dataclass

LEARNING_RATE = 1e-3
TRAINERS = ("tfvae", "tfvae_unshared", "pytorch_eager", "pytorch_compile", "pythae", "keras_example")


@dataclass(frozen=True)
class Training:
    """A VAE of binary images with a standard normal prior and a Bernoulli likelihood, trained by Adam.

    Attributes:
        network: "mlp", "gated" (each layer times the sigmoid of another one) or "conv" (kernels 4 x 4, stride 2).
        image_size: Height and width.
        hidden_sizes: Units of the layers of the encoder; the decoder has them in reverse. Filters where it is "conv".
        latent_size: Number of latents.
        num_samples: Number of samples of z; above 1 the bound is the importance-weighted one.
        hidden_size: Units of the dense layer of a "conv".
        num_images: Number of images of an epoch, random ones: no system looks at what they show.
    """

    systems = TRAINERS
    seconds = 3.0  # that one measurement should take

    network: str
    image_size: int
    hidden_sizes: tuple
    latent_size: int
    num_samples: int = 1
    hidden_size: int = 0
    num_images: int = 20_000

    @property
    def operations(self):
        """Floating-point operations of a step for each image: 2 for each product and sum, once forth and twice back.

        The gradient of the first layer by the image is none that a step needs.
        """
        first, encoder, decoder = self.products()
        return 4 * first + 6 * (encoder + self.num_samples * decoder)

    def products(self):
        """Products of numbers for each image: of the first layer, of the rest of the encoder, of the decoder."""
        if self.network == "conv":
            return self._products_of_conv()
        pixels, branches = self.image_size**2, 2 if self.network == "gated" else 1
        sizes = (pixels, *self.hidden_sizes)
        first, *rest = [branches * a * b for a, b in itertools.pairwise(sizes)]
        inverse = (self.latent_size, *reversed(self.hidden_sizes))
        back = branches * sum(a * b for a, b in itertools.pairwise(inverse))
        return first, sum(rest) + sizes[-1] * 2 * self.latent_size, back + inverse[-1] * pixels

    def _products_of_conv(self):
        size, channels, layers = self.image_size, 1, []
        for filters in self.hidden_sizes:
            size //= 2
            layers.append(size**2 * 16 * channels * filters)
            channels = filters
        dense = size**2 * channels * self.hidden_size
        ends = self.hidden_size * self.latent_size
        return layers[0], sum(layers[1:]) + dense + 2 * ends, sum(layers) + dense + ends


@dataclass(frozen=True)
class Likelihood:
    """The importance-weighted bound of each image by many samples, of an untrained model.

    Attributes:
        training: The `Training` of the model.
        num_samples: Number S of samples.
    """

    training: Training
    num_samples: int

    systems = ("likelihood_tfvae", "likelihood_tfvae_unshared", "likelihood_pythae", "likelihood_loop")
    seconds = 30.0  # so that the tracing of a graph, some 1.2 s, counts for little, as in a set of 10,000 images

    @property
    def operations(self):
        """Floating-point operations for each image."""
        *encoder, decoder = self.training.products()
        return 2 * (sum(encoder) + self.num_samples * decoder)


MLP = Training("mlp", 28, (200, 200), 50)
WORKS = {
    "mlp-vae": MLP,
    "gated-vae": Training("gated", 28, (300, 300), 40),
    "conv-vae": Training("conv", 64, (32, 32, 32, 32), 10, hidden_size=256, num_images=2000),
    "iwae-50": Training("mlp", 28, (200, 200), 50, num_samples=50, num_images=2000),
    "likelihood-5000": Likelihood(MLP, 5000),
}
CASES = [
    ("mlp-vae", 100),
    ("mlp-vae", 1000),
    ("gated-vae", 100),
    ("conv-vae", 64),
    ("iwae-50", 20),
    ("likelihood-5000", 1),
]
