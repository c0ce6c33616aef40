"""pythae's `get_nll`, 5000 samples, 100 at a time; a step is an image."""

import torch

from benchmarks.performance.systems.pythae import untrained


def make(work, batch_size):
    """Evaluates images that no one has seen."""
    model = untrained(work.training)
    model.eval()
    size = work.training.image_size
    images = torch.bernoulli(torch.rand(1000, 1, size, size))

    def advance(num_steps):
        model.get_nll(images[torch.arange(num_steps) % len(images)], n_samples=work.num_samples, batch_size=100)

    return advance
