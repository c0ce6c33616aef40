"""Drift: how far the distributions of new data are from those of the training data, and which are too far."""

from dataclasses import dataclass

from tensorflow_metadata.proto.v0 import anomalies_pb2

from tfvae.data.distributions import chance

SMALLEST_DRIFT = 0.1  # of the examples would have to change their value: less than that harms no model
FALSE_ALARMS = 1e-3  # probability that data of the training distribution is refused, over all features together
_Measurement = anomalies_pb2.DriftSkewInfo.Measurement


@dataclass(frozen=True)
class Measured:
    """The distance of one feature from its reference.

    Attributes:
        feature: Its name.
        distance: From 0 to 1.
        threshold: Beyond this it counts as drift: the smallest that does, or more, where chance alone makes more.
    """

    feature: str
    distance: float
    threshold: float

    @property
    def is_drift(self):
        return self.distance > self.threshold


def measure(reference, found, smallest=SMALLEST_DRIFT):
    """A `Measured` for each feature of both.

    Args:
        reference: {feature: `Numbers` or `Frequencies`} of the training data.
        found: The same of the new data.
        smallest: Distance below which nothing counts as drift.
    """
    pairs = {name: (reference[name], found[name]) for name in reference if name in found}
    comparisons = sum(ours.num_shares + theirs.num_shares - 1 for ours, theirs in pairs.values())
    return [
        Measured(
            name,
            ours.distance(theirs),
            max(smallest, chance(ours.num_examples, theirs.num_examples, FALSE_ALARMS / comparisons)),
        )
        for name, (ours, theirs) in pairs.items()
    ]


def to_anomalies(schema, unfit, measured):
    """An `Anomalies` of what does not fit the schema, {feature: (type, sentence)}, and of distances past thresholds."""
    proto = anomalies_pb2.Anomalies(baseline=schema)
    for feature, (kind, sentence) in unfit.items():
        _add(proto, feature, kind, sentence)
    for each in measured:
        info = proto.drift_skew_info.add()
        info.path.step.append(each.feature)
        info.drift_measurements.add(type=_Measurement.L_INFTY, value=each.distance, threshold=each.threshold)
        if each.is_drift:
            sentence = f"the distance from the training data is {each.distance:.3f}, and may be {each.threshold:.3f}"
            _add(proto, each.feature, anomalies_pb2.AnomalyInfo.COMPARATOR_L_INFTY_HIGH, sentence)
    return proto


def sentences(anomalies):
    """The anomalies in words, a line each."""
    return [f"{name}: {info.description}." for name, info in sorted(anomalies.anomaly_info.items())]


def _add(proto, feature, kind, sentence):
    info = proto.anomaly_info[feature]
    info.severity, info.description = anomalies_pb2.AnomalyInfo.ERROR, sentence
    info.path.step.append(feature)
    info.reason.add(type=kind, description=sentence)
