"""Settings: the [training], [evaluation] and [gate] tables of a configuration."""

from dataclasses import dataclass, field

from tfvae.errors import ConfigError

MEASURES = {
    "aggregate": "mutual information, total correlation, divergence of all codes together from the prior",
    "use": "what the decoder loses when it is given another example's code",
    "classes": "what a linear probe and nearest neighbours read off the codes",
    "anomalies": "how well the score finds the class that was held out",
    "factors": "scores of disentanglement, where the data knows its factors",
    "restoration": "PSNR and SSIM of denoised and completed images over the amount of damage",
    "samples": "Frechet and kernel distance, precision and recall, sharpness of samples",
    "gaps": "what the encoder and the family of posteriors lose",
    "annealing": "log p(x) by annealed importance sampling, and from both sides on simulated data",
}


STRATEGIES = ("one", "mirrored", "multi_worker")
PRECISIONS = ("float32", "mixed_bfloat16")


@dataclass(frozen=True)
class Training:
    """The `[training]` table.

    Attributes:
        epochs: Largest number of passes through the training examples.
        learning_rate: A number, or a schedule of Keras such as {name = "CosineDecay", ...}.
        optimizer: An optimizer: {name = "Adam", ...} is ours, any other name is Keras's.
        patience: Number of epochs without a better validation negative ELBO after which to stop; None never stops.
        checkpoint_steps: Number of steps between checkpoints, inside an epoch or not.
        strategy: Which devices share each batch: "one", the first; "mirrored", all of this machine; "multi_worker", all
            of several machines. The numbers are the same but for rounding, unless a part looks at a whole batch.
        precision: "float32", or "mixed_bfloat16": networks calculate in bfloat16, and all else as before.
        jit_compile: Whether XLA compiles terms and gradients; with it goes other noise. Not for `FactorVAE`.
        memory_growth: Whether to take the memory of a GPU as it is needed, and not all of it at once.
        threads: On a CPU, number of parts of a batch to calculate beside each other, each by one thread from end to
            end; fewer where they would not be equal, and one where a part of the model looks at a whole batch. None
            lets TensorFlow share out single operations, which is slower wherever they are small.
    """

    epochs: int
    learning_rate: float | dict = 1e-3
    optimizer: dict = field(default_factory=lambda: {"name": "Adam"})
    patience: int | None = None
    checkpoint_steps: int = 500
    strategy: str = "one"
    precision: str = "float32"
    jit_compile: bool = False
    memory_growth: bool = False
    threads: int | None = None

    def __post_init__(self):
        for name, allowed in (("strategy", STRATEGIES), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise ConfigError(f"`{name}` must be one of {list(allowed)}. Received: {getattr(self, name)!r}")
        for name in ("epochs", "patience", "checkpoint_steps", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"`{name}` must be at least 1. Received: {name}={value!r}")
        if isinstance(self.learning_rate, float) and not 0 < self.learning_rate < float("inf"):
            raise ConfigError(f"`learning_rate` must be positive. Received: learning_rate={self.learning_rate!r}")


@dataclass(frozen=True)
class Evaluation:
    """The `[evaluation]` table.

    Attributes:
        num_samples: Number S of importance samples for each test example.
        num_examples: Number of test examples, the first ones, for the importance-weighted bound; None takes all.
        measures: What is measured beside the ELBO and that bound: names of `MEASURES`, or "all".
        num_annealed: Number of test examples for the measures `gaps` and `annealing`, which take long.
        num_prior_samples: Number of samples for the measure `samples`.
        extractor: A Keras file, or file:layer, or the folder of a SavedModel, whose features `samples` compares in;
            None trains a small classifier of the data's labels.
    """

    num_samples: int = 5000
    num_examples: int | None = None
    measures: list = field(default_factory=lambda: ["aggregate", "use", "classes", "anomalies", "factors"])
    num_annealed: int = 100
    num_prior_samples: int = 2000
    extractor: str | None = None

    def __post_init__(self):
        for name in ("num_samples", "num_examples", "num_annealed", "num_prior_samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"`{name}` must be at least 1. Received: {name}={value!r}")
        unknown = [name for name in self.measures if name not in (*MEASURES, "all")]
        if unknown:
            raise ConfigError(f"`measures` has no {unknown[0]!r}. There are: {', '.join(MEASURES)}, all.")

    def chosen(self):
        """Names of the measures, in the order in which they are taken."""
        return [name for name in MEASURES if name in self.measures or "all" in self.measures]


@dataclass(frozen=True)
class Limits:
    """What a mean over test examples must keep to, in nats.

    Attributes:
        at_most: Largest value.
        at_least: Smallest value.
        not_worse_than_served_by: How much higher than that of the version now served, on the same examples.
    """

    at_most: float | None = None
    at_least: float | None = None
    not_worse_than_served_by: float | None = None

    @property
    def are_absolute(self):
        return self.at_most is not None or self.at_least is not None


@dataclass(frozen=True)
class Threshold(Limits):
    """The limits of one metric: of the mean over all test examples, and of that over each class.

    Attributes:
        each_class: `Limits` that every class must keep to by itself.
    """

    each_class: Limits | None = None

    def __post_init__(self):
        # The first version has no other to be held against.
        if not any(limits.are_absolute for limits in (self, self.each_class or Limits())):
            raise ConfigError("`at_most` or `at_least` is needed: the first version is judged by these alone.")


@dataclass(frozen=True)
class Gate:
    """The `[gate]` table: what the exported model's own scores of the test examples must be, or it is not pushed.

    Attributes:
        negative_elbo: A `Threshold`; None sets none.
        distortion: The same, for models without a rate, or beside the negative ELBO.
        rate: The same; "at_least" refuses a model that ignores its code.
    """

    negative_elbo: Threshold | None = None
    distortion: Threshold | None = None
    rate: Threshold | None = None

    def __post_init__(self):
        limits = [self.rate, self.rate and self.rate.each_class]
        if any(given and given.not_worse_than_served_by is not None for given in limits):
            raise ConfigError("`rate` is neither worse nor better for being higher: give it `at_least` or `at_most`.")

    def thresholds(self):
        """{metric: `Threshold`} of those that are set."""
        return {name: threshold for name, threshold in vars(self).items() if threshold is not None}
