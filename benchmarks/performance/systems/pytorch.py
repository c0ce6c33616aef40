"""PyTorch as its users write it by hand: eager, or compiled with the fused Adam; all images lie in one tensor."""

import math

import torch
from torch import nn
from torch.nn import functional

from benchmarks.performance.systems import networks_in_torch as networks
from benchmarks.performance.works import LEARNING_RATE


class VAE(nn.Module):
    """The loss of a batch, in nats per example."""

    def __init__(self, work):
        super().__init__()
        self.encoder, self.decoder, self.num_samples = networks.encoder(work), networks.decoder(work), work.num_samples
        self.mean = nn.Linear(networks.num_features(work), work.latent_size)
        self.log_variance = nn.Linear(networks.num_features(work), work.latent_size)

    def forward(self, x):
        features = self.encoder(x)
        mean, log_variance = self.mean(features), self.log_variance(features)
        noise = torch.randn(self.num_samples, *mean.shape)
        z = mean + noise * (0.5 * log_variance).exp()
        logits = self.decoder(z.flatten(0, 1)).unflatten(0, z.shape[:2])
        pixels = x.flatten(1).expand(self.num_samples, -1, -1)
        cross_entropy = functional.binary_cross_entropy_with_logits(logits, pixels, reduction="none").sum(-1)
        if self.num_samples == 1:
            rate = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1)
            return (cross_entropy[0] + rate).mean()
        log_ratio = 0.5 * (noise**2 + log_variance - z**2).sum(-1)  # log p(z) / q(z|x)
        return (math.log(self.num_samples) - torch.logsumexp(log_ratio - cross_entropy, 0)).mean()


def make(work, batch_size, is_compiled=False):
    """Trains with a fresh draw of every pixel."""
    torch.manual_seed(0)
    images = torch.randint(0, 256, (work.num_images, 1, work.image_size, work.image_size), dtype=torch.uint8)
    model = VAE(work)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True if is_compiled else None)
    loss_of = torch.compile(model) if is_compiled else model
    state = {"order": torch.randperm(work.num_images), "place": 0}

    def batch():
        if state["place"] + batch_size > work.num_images:
            state["order"], state["place"] = torch.randperm(work.num_images), 0
        rows = state["order"][state["place"] : state["place"] + batch_size]
        state["place"] += batch_size
        return torch.bernoulli(images[rows].float() / 255)

    def advance(num_steps):
        for _ in range(num_steps):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(batch())
            loss.backward()
            optimizer.step()
        loss.item()

    return advance
