"""Statistics: distributions as the protos of tensorflow-metadata, which TensorFlow Data Validation's tools show."""

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import statistics_pb2

from tfvae.data.distributions import Frequencies, Numbers
from tfvae.errors import DataError
from tfvae.storage import write_text


def to_proto(datasets):
    """A `DatasetFeatureStatisticsList` of {dataset: {feature: `Numbers` or `Frequencies`}}."""
    proto = statistics_pb2.DatasetFeatureStatisticsList()
    for name, features in datasets.items():
        dataset = proto.datasets.add(name=name)
        dataset.num_examples = max(distribution.num_examples for distribution in features.values())
        for feature, distribution in features.items():
            message = dataset.features.add()
            message.path.step.append(feature)
            _WRITERS[type(distribution)](message, distribution)
    return proto


def from_proto(proto):
    """What `to_proto` was given."""
    return {
        dataset.name: {feature.path.step[0]: _read(feature) for feature in dataset.features}
        for dataset in proto.datasets
    }


def write_proto(path, proto):
    """Writes a message as text, atomically."""
    write_text(path, text_format.MessageToString(proto))


def read_proto(path, message):
    """Reads a message from text.

    Raises:
        DataError: If there is no such file, or it holds another thing.
    """
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), message)
    except FileNotFoundError:
        raise DataError(f"There is no {path}: run `tfvae export`, which writes it.") from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _write_numbers(message, numbers):
    message.type = statistics_pb2.FeatureNameStatistics.FLOAT
    values, stats = numbers.quantiles, message.num_stats
    stats.common_stats.num_non_missing = numbers.num_examples
    stats.mean, stats.std_dev = values.mean(), values.std()
    stats.min, stats.median, stats.max = values[0], values[len(values) // 2], values[-1]
    histogram = stats.histograms.add(type=statistics_pb2.Histogram.QUANTILES)
    for value in values:
        histogram.buckets.add(low_value=value, high_value=value, sample_count=numbers.num_examples / len(values))


def _write_frequencies(message, frequencies):
    message.type = statistics_pb2.FeatureNameStatistics.STRING
    stats = message.string_stats
    stats.common_stats.num_non_missing = frequencies.num_examples
    stats.unique = len(frequencies.counts)
    for rank, (name, count) in enumerate(sorted(frequencies.counts.items(), key=lambda item: -item[1])):
        stats.rank_histogram.buckets.add(low_rank=rank, high_rank=rank, label=name, sample_count=count)


_WRITERS = {Numbers: _write_numbers, Frequencies: _write_frequencies}


def _read(feature):
    if feature.WhichOneof("stats") == "num_stats":
        (histogram,) = feature.num_stats.histograms
        values = [bucket.low_value for bucket in histogram.buckets]
        return Numbers.of(values, feature.num_stats.common_stats.num_non_missing)
    buckets = feature.string_stats.rank_histogram.buckets
    return Frequencies({bucket.label: int(bucket.sample_count) for bucket in buckets})
