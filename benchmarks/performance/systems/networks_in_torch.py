"""The networks of a work in PyTorch."""

import itertools

from torch import nn


class Gated(nn.Module):
    """A linear map, multiplied by the sigmoid of another one."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear, self.gate = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.linear(x) * self.gate(x).sigmoid()


def encoder(work):
    """x [B, 1, H, W] -> features [B, F]."""
    if work.network == "conv":
        return _conv_encoder(work)
    return nn.Sequential(nn.Flatten(), *_layers(work, (work.image_size**2, *work.hidden_sizes)))


def decoder(work):
    """z [N, L] -> logits [N, H * W]."""
    if work.network == "conv":
        return _conv_decoder(work)
    sizes = (work.latent_size, *reversed(work.hidden_sizes))
    return nn.Sequential(*_layers(work, sizes), nn.Linear(sizes[-1], work.image_size**2))


def num_features(work):
    """Length F of the encoder's features."""
    return work.hidden_size or work.hidden_sizes[-1]


def _layers(work, sizes):
    pairs = list(itertools.pairwise(sizes))
    if work.network == "gated":
        return [Gated(*pair) for pair in pairs]
    return [layer for pair in pairs for layer in (nn.Linear(*pair), nn.ReLU())]


def _conv_encoder(work):
    channels = (1, *work.hidden_sizes)
    pairs = itertools.pairwise(channels)
    layers = [layer for a, b in pairs for layer in (nn.Conv2d(a, b, 4, 2, 1), nn.ReLU())]
    size = work.image_size // 2 ** len(work.hidden_sizes)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * size**2, work.hidden_size), nn.ReLU())


def _conv_decoder(work):
    channels = (*reversed(work.hidden_sizes), 1)
    size = work.image_size // 2 ** len(work.hidden_sizes)
    layers = [nn.Linear(work.latent_size, work.hidden_size), nn.ReLU()]
    layers += [nn.Linear(work.hidden_size, channels[0] * size**2), nn.ReLU()]
    layers.append(nn.Unflatten(1, (channels[0], size, size)))
    for a, b in itertools.pairwise(channels):
        layers += [nn.ConvTranspose2d(a, b, 4, 2, 1), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Flatten())
