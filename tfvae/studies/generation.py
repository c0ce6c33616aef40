"""Generation: samples from the prior and from one fitted afterwards; how good they are, how blurred, whether copies."""

from tfvae import jobs
from tfvae.data import pipeline
from tfvae.evaluation.classifier import classifier_extractor, train_classifier
from tfvae.evaluation.features import load_extractor
from tfvae.evaluation.metrics import mean_of
from tfvae.evaluation.samples import quality_of
from tfvae.report import figures
from tfvae.report.figures.bars import bars_of_names
from tfvae.report.figures.curves import curves
from tfvae.report.section import Section
from tfvae.report.sections import SMALL_IMAGE
from tfvae.report.wording import counted, listed, measured, number, words
from tfvae.studies.copies import copies
from tfvae.studies.costs import in_batches
from tfvae.studies.counts import need_counts
from tfvae.studies.fitted_prior import fit_prior
from tfvae.studies.sample_sets import FITTED, PRIOR, REBUILT, sample_sets
from tfvae.studies.sharpness import sharpness
from tfvae.studies.workbench import Findings

DEFAULT = "digits"
WORDS = {"full": "full covariances", "diag": "diagonal covariances"}
BATCH = 500  # images that are read together
FEWEST = 4  # images that quality can be told from
FRECHET, OF_DATA = "frechet_distance", "frechet_distance_of_data"
QUALITY = (FRECHET, "precision", "recall", "kernel_distance")
DRAWN = QUALITY[:3]


def run(bench, *, num_samples=2000, num_components=(1, 3, 10, 30, 100), num_codes=10000, extractor="", num_shown=40):
    """Trains the experiment, and samples from its prior and from one that is fitted to the codes of the training data.

    Args:
        bench: A `Workbench`.
        num_samples: Number of samples of each kind; no more than there are test images.
        num_components: Numbers of components that the fitted mixture of normals is chosen from.
        num_codes: Number of training examples, the first ones, that it is fitted to.
        extractor: A Keras file, "model.keras:layer" or a SavedModel that gives features for the quality of samples;
            without one, a classifier of the data's labels is trained for that, where there are any.
        num_shown: Number of samples in a picture.
    """
    bench.need_images()
    counts = {
        "num_samples": num_samples,
        "num_components": num_components,
        "num_codes": num_codes,
        "num_shown": num_shown,
    }
    need_counts(bench, **counts)
    bench.need(
        bench.model.can_sample or bench.model.is_euclidean,
        "This study needs a prior, or codes that one can be fitted to, and this model has neither.",
    )
    trained = bench.base()
    model, seed = trained.model, trained.experiment.seed
    fit = fit_prior(model, trained.batches("train", num_codes), num_components, seed) if model.is_euclidean else None
    sets = sample_sets(trained, fit, num_samples)
    quality = _quality(trained, sets, _extractor(bench, trained, extractor))
    blur, sharp = sharpness(trained, sets)
    nearest, close = copies(trained, sets.means, jobs.progress_bar)
    sections = [_samples(name, sets.means[name][:num_shown], fit) for name in (PRIOR, FITTED) if name in sets.means]
    sections += ([_quality_section(quality, sets)] if quality else []) + blur + nearest
    sections += [_fit_section(fit)] if fit else []
    return Findings(_headline(quality, sharp), sections, _numbers(fit, quality, sharp, close))


def _extractor(bench, trained, path):
    """What makes features of images, or None without a file and without labels."""
    if path:
        try:
            return load_extractor(path, trained.model.event_shape)
        except ValueError as error:
            bench.need(False, str(error))
    source = trained.splits.train
    source = pipeline.binarized(source) if trained.model.likelihood.binary else source  # as the test images are
    jobs.event("Training a classifier of the classes, for features that samples are compared by.")
    batches, seed = pipeline.ordered_batches(source, BATCH), trained.experiment.seed
    try:
        trained_classifier = train_classifier(batches, trained.batches("test"), seed, progress=jobs.progress_bar)
    except ValueError as error:  # there are no classes
        jobs.event(f"No features: {error}")
        return None
    return classifier_extractor(trained_classifier.model)


def _quality(trained, sets, extractor):
    """{name: metrics} of the sets that are compared with the data."""
    if extractor is None or len(sets.data) < FEWEST:
        return {}
    size, seed = trained.experiment.data.batch_size, trained.experiment.seed
    data = in_batches({"x": sets.data}, size)
    return {
        name: quality_of((batch["x"] for batch in in_batches({"x": x}, size)), data, extractor, seed).metrics()
        for name, x in sets.like_data.items()
    }


def _samples(name, images, fit):
    columns = 8 if max(images.shape[1:3]) <= SMALL_IMAGE else 5
    whence = "the prior" if name == PRIOR else f"{_mixture(fit)}, fitted to the codes of training images"
    return Section(
        f"{_key(name)}_samples",
        f"Samples from the {name}",
        figures.image_grid(images, columns),
        f"A grid of {counted(len(images), 'image')} that the model made of random codes.",
        f"Means of p(x|z) for random codes from {whence}. Good: varied, and most could pass for data. Bad: shapeless "
        "blends, or the same image again and again.",
        {"sample": list(range(len(images))), "mean_grey_value": images.mean(axis=(1, 2, 3)).tolist()},
    )


def _key(name):
    return name.replace(" ", "_")


def _mixture(fit):
    return f"a mixture of {counted(fit.mixture.n_components, 'normal')} with {WORDS[fit.mixture.covariance_type]}"


def _quality_section(quality, sets):
    found = {
        name: ([of[name]["value"] for of in quality.values()], [of[name]["standard_error"] for of in quality.values()])
        for name in DRAWN
        if all(name in of for of in quality.values())
    }
    first = next(iter(quality.values()))
    floor = f" Other data would have {number(first[OF_DATA]['value'], 3)}." if OF_DATA in first else ""
    what = "Draws from p(x|z), binary as the data is," if sets.like_data is not sets.means else "Means of p(x|z)"
    return Section(
        "quality",
        "How good the samples are",
        bars_of_names(list(quality), {words(name): values for name, values in found.items()}),
        f"Bar charts of {listed(map(words, found))} for {listed(quality)}.",
        f"{what} against test images, in features of {_called(first['precision']['extractor'])}. {words(FRECHET)}: low "
        f"is good.{floor} Precision: the share of samples that lie where data does. Recall: the share of the data that "
        f"samples reach. {REBUILT.capitalize()}: the same test images from their codes, no new ones, about the best "
        f"this decoder can do. All depend on how many there are: {len(sets.data):,} of each.",
        {"images": list(quality)} | {name: values for name, (values, _) in found.items()},
    )


def _called(extractor):
    return "a classifier of the data's classes" if extractor == "classifier" else extractor


def _fit_section(fit):
    tried = [number for _, number in fit.held_out]
    found = {key: mean_of(density) for key, density in fit.held_out.items()}
    series = {
        WORDS[shape]: {
            "x": [number for s, number in found if s == shape],
            "y": [m["value"] for (s, _), m in found.items() if s == shape],
        }
        for shape in WORDS
        if shape in [s for s, _ in found]
    }
    gain = ""
    if fit.of_prior is not None:
        series["the model's own prior"] = {"x": [min(tried), max(tried)], "y": [float(fit.of_prior.mean())] * 2}
        won = _gain(fit)
        gain = (
            f" Its log-density is that of the model's own prior and {measured(won['value'], won['standard_error'])} "
            "nats. What is above 0 is a lower bound on KL(q(z) || p(z)), by which the aggregate posterior is away from "
            "the prior; near 0 or below, there is nothing to be won by a fit."
        )
    return Section(
        "fitted_prior",
        "Which prior was fitted",
        curves(series, "components", "log-density in nats", log_x=True),
        f"Line chart of the held-out log-density of mixtures with {listed(series)}.",
        f"Mixtures of normals, fitted to z ~ q(z|x) of training images and judged by those that were held out, up to "
        f"the first number that makes it worse. Taken: {_mixture(fit)}.{gain}",
        {
            "covariances": [shape for shape, _ in found],
            "components": tried,
            "held_out_log_density": [m["value"] for m in found.values()],
            "standard_error": [m["standard_error"] for m in found.values()],
        },
    )


def _gain(fit):
    return mean_of(fit.held_out[fit.best] - fit.of_prior)


def _numbers(fit, quality, sharp, close):
    numbers = {
        f"{name}_{_key(kind)}": found[name] for name in QUALITY for kind, found in quality.items() if name in found
    }
    first = next(iter(quality.values()), {})
    numbers |= {OF_DATA: first[OF_DATA]} if OF_DATA in first else {}
    numbers |= {f"gradient_energy_ratio_{_key(kind)}": value for kind, value in sharp.items()}
    for kind, found in close.items():
        of_data = found.pop("distance_to_training_of_held_out")
        numbers |= {f"{name}_{_key(kind)}": value for name, value in found.items()}
        numbers["distance_to_training_rebuilt"] = of_data
    if fit:
        mixture = {"value": fit.mixture.n_components, "unit": "components"}
        numbers["num_components"] = mixture | {"covariances": fit.mixture.covariance_type}
        numbers["held_out_log_density"] = mean_of(fit.held_out[fit.best])
        if fit.of_prior is not None:
            numbers["gain_over_prior"] = _gain(fit)
    return numbers


def _headline(quality, sharp):
    whose = {PRIOR: "from the prior", FITTED: "from the fitted prior", REBUILT: "for test images rebuilt"}
    if quality and all(FRECHET in found for found in quality.values()):
        found, what = {kind: of[FRECHET] for kind, of in quality.items()}, f"{words(FRECHET)} to test images"
    else:
        found, what = sharp, "Gradient energy, as a share of that of the data"
    if not found:
        return "The test images have no detail that samples could be compared by."
    said = [f"{measured(m['value'], m['standard_error'])} {whose[kind]}" for kind, m in found.items()]
    return f"{what}: {listed(said)}."
