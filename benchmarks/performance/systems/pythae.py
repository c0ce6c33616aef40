"""pythae: its VAE or IWAE and its trainer, whole epochs at a time."""

import tempfile

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import IWAE, VAE, IWAEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import nn

from benchmarks.performance.systems import networks_in_torch as networks
from benchmarks.performance.works import LEARNING_RATE


class Encoder(BaseEncoder):
    """The work's encoder."""

    def __init__(self, work):
        super().__init__()
        self.features, self.latent_dim = networks.encoder(work), work.latent_size
        self.mean = nn.Linear(networks.num_features(work), work.latent_size)
        self.log_variance = nn.Linear(networks.num_features(work), work.latent_size)

    def forward(self, x):
        features = self.features(x)
        return ModelOutput(embedding=self.mean(features), log_covariance=self.log_variance(features))


class Decoder(BaseDecoder):
    """The work's decoder."""

    def __init__(self, work):
        super().__init__()
        self.logits, self.size = networks.decoder(work), work.image_size

    def forward(self, z):
        return ModelOutput(reconstruction=self.logits(z).sigmoid().unflatten(-1, (1, self.size, self.size)))


def untrained(work):
    """Its VAE or IWAE of a work."""
    sizes = {"input_dim": (1, work.image_size, work.image_size), "latent_dim": work.latent_size}
    parts = {"encoder": Encoder(work), "decoder": Decoder(work)}
    if work.num_samples > 1:
        return IWAE(IWAEConfig(**sizes, reconstruction_loss="bce", number_samples=work.num_samples), **parts)
    return VAE(VAEConfig(**sizes, reconstruction_loss="bce"), **parts)


def make(work, batch_size):
    """Trains by its trainer, whose steps through an epoch are the only ones that it has."""
    model = untrained(work)
    images = torch.bernoulli(torch.rand(work.num_images, 1, work.image_size, work.image_size))
    config = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(),
        num_epochs=1,
        learning_rate=LEARNING_RATE,
        per_device_train_batch_size=batch_size,
        optimizer_cls="Adam",
    )
    data = BaseDataset(images, torch.zeros(len(images)))
    trainer = BaseTrainer(model=model, train_dataset=data, training_config=config)
    trainer.prepare_training()

    def advance(num_steps):
        epochs = max(1, round(num_steps * batch_size / work.num_images))
        for epoch in range(epochs):
            trainer.train_step(epoch + 1)
        return epochs * len(trainer.train_loader)

    return advance
