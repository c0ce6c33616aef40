"""Distances of distributions, how large they are by chance, and the protos that say so."""

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from tfvae.data import drift, statistics
from tfvae.data.distributions import MOST_QUANTILES, Frequencies, Numbers, chance
from tfvae.data.schema import image_anomalies, image_schema, table_anomalies, table_schema
from tfvae.data.whitening import Whitening
from tfvae.errors import DataError

RNG = np.random.default_rng(0)

# Distances.


@pytest.mark.parametrize(
    ("ours", "theirs", "distance"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 0.0),
        ([1, 2, 3, 4], [5, 6], 1.0),
        ([1, 2, 3, 4], [3, 4, 5, 6], 0.5),
        ([0, 0, 0, 1], [0, 1, 1, 1], 0.5),  # ties jump together
        ([0], [0, 0, 0], 0.0),
    ],
)
def test_the_distance_of_numbers_is_the_largest_difference_of_shares(ours, theirs, distance):
    assert Numbers.of(ours).distance(Numbers.of(theirs)) == Numbers.of(theirs).distance(Numbers.of(ours)) == distance


def test_the_distance_of_frequencies_is_the_largest_difference_of_a_share():
    ours, theirs = Frequencies.of(["a", "a", "b", "c"]), Frequencies.of(["a", "b", "b", "d"])
    assert ours.distance(theirs) == 0.25
    assert ours.distance(Frequencies.of(["d"])) == 1.0
    assert Frequencies.of(["a", "b"]).distance(Frequencies.of(["b", "a"] * 50)) == 0.0


def test_quantiles_of_many_numbers_lose_less_than_a_step_of_the_table():
    ours, theirs = RNG.normal(size=20_000), RNG.normal(0.5, size=30_000)
    values = np.union1d(ours, theirs)
    shares = [np.searchsorted(np.sort(sample), values, side="right") / len(sample) for sample in (ours, theirs)]
    exact = np.max(np.abs(shares[0] - shares[1]))
    assert Numbers.of(ours).distance(Numbers.of(theirs)) == pytest.approx(exact, abs=1 / MOST_QUANTILES)


def test_chance_is_rarely_exceeded_and_not_by_far_too_large():
    n, m, probability = 100, 150, 0.05
    found = [Numbers.of(RNG.normal(size=n)).distance(Numbers.of(RNG.normal(size=m))) for _ in range(2000)]
    share = np.mean(np.array(found) > chance(n, m, probability))
    # Of 2000: standard error 0.005. The bound is one of large samples, and a little wide for small ones.
    assert 0.02 < share < probability + 0.015


# Measuring.


def samples(n, shift=0.0, scale=1.0):
    numbers = {f"number {i}": Numbers.of(RNG.normal(shift, scale, n)) for i in range(17)}
    return {**numbers, "category": Frequencies.of(RNG.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]))}


def test_data_of_the_same_distribution_passes_whatever_was_drawn():
    drifted = [any(m.is_drift for m in drift.measure(samples(144), samples(100))) for _ in range(300)]
    assert not any(drifted)  # at most one in a thousand is expected


@pytest.mark.parametrize(("shift", "scale"), [(1.0, 1.0), (0.0, 4.0)])
def test_data_of_another_distribution_does_not(shift, scale):
    measured = {m.feature: m for m in drift.measure(samples(144), samples(300, shift, scale))}
    assert all(measured[f"number {i}"].is_drift for i in range(17)) and not measured["category"].is_drift


def test_a_difference_that_is_certain_and_small_is_no_drift():
    reference, found = ({"x": Numbers.of(RNG.normal(shift, 1, 10**6))} for shift in (0, 0.1))
    (measured,) = drift.measure(reference, found)
    # The distance of normals 0.1 apart is 2 Phi(0.05) - 1 = 0.0399; half a step of the table, and 0.001 of chance.
    assert measured.distance == pytest.approx(0.0399, abs=0.003) and measured.threshold == 0.1
    assert not measured.is_drift and drift.measure(reference, found, smallest=0.02)[0].is_drift


def test_anomalies_say_what_is_too_far_with_value_and_threshold():
    measured = [drift.Measured("x", 0.5, 0.2), drift.Measured("y", 0.1, 0.2)]
    proto = drift.to_anomalies(
        schema_pb2.Schema(), {"z": (anomalies_pb2.AnomalyInfo.SCHEMA_NEW_COLUMN, "new")}, measured
    )
    assert set(proto.anomaly_info) == {"x", "z"}
    assert [r.type for r in proto.anomaly_info["x"].reason] == [anomalies_pb2.AnomalyInfo.COMPARATOR_L_INFTY_HIGH]
    figures = {info.path.step[0]: info.drift_measurements[0] for info in proto.drift_skew_info}
    assert (figures["y"].value, figures["y"].threshold) == (0.1, 0.2)
    assert drift.sentences(proto) == [
        "x: the distance from the training data is 0.500, and may be 0.200.",
        "z: new.",
    ]


# Protos.


def test_statistics_survive_their_proto_and_its_text(tmp_path):
    given = {
        "train": {"x": Numbers.of(RNG.normal(size=5000)), "kind": Frequencies.of(["a", "", "b", "a"])},
        "validation": {"score": Numbers(np.array([1.0, 2.0]), 7)},
    }
    statistics.write_proto(tmp_path / "statistics.pbtxt", statistics.to_proto(given))
    message = statistics_pb2.DatasetFeatureStatisticsList()
    found = statistics.from_proto(statistics.read_proto(tmp_path / "statistics.pbtxt", message))
    assert found["train"]["kind"] == given["train"]["kind"] and found["validation"]["score"].num_examples == 7
    np.testing.assert_array_equal(found["train"]["x"].quantiles, given["train"]["x"].quantiles)
    assert message.datasets[0].num_examples == 5000
    stats = message.datasets[0].features[0].num_stats
    assert abs(stats.mean) < 0.1 and abs(stats.std_dev - 1) < 0.1  # 5 standard errors of 5000 draws


def test_a_damaged_proto_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match="run `tfvae export`"):
        statistics.read_proto(tmp_path / "no.pbtxt", schema_pb2.Schema())
    (tmp_path / "bad.pbtxt").write_text("feature { nmae: 'x' }")
    with pytest.raises(DataError, match="cannot be read"):
        statistics.read_proto(tmp_path / "bad.pbtxt", schema_pb2.Schema())


# Schema.


def test_images_of_another_shape_or_class_are_anomalies():
    schema = image_schema((8, 8, 1), ("cat", "dog"))
    assert image_anomalies(schema, (8, 8, 1), ("dog",)) == {}
    found = image_anomalies(schema, (8, 8, 3), ("cow",))
    assert found["image"][1] == "images are [8, 8, 3], and were [8, 8, 1] in training"
    assert found["label"][1] == "class 'cow' was not there in training"
    assert "has no classes" in image_anomalies(schema, (8, 8, 1), ())["label"][1]
    assert image_anomalies(image_schema((8, 8, 1)), (8, 8, 1), ()) == {}
    assert 'name: "image"' in text_format.MessageToString(schema)


COLUMNS = [
    {"name": "height", "type": "real", "mean": 0.0, "stddev": 1.0},
    {"name": "member", "type": "binary"},
    {"name": "size", "type": "categorical", "categories": ["S", "M"]},
]


def frame(**changed):
    import pandas as pd

    columns = {"height": ["1.5", "2", None], "member": ["0", "1", "1"], "size": ["S", "M", None], **changed}
    return pd.DataFrame({name: values for name, values in columns.items() if values is not None})


def test_a_table_as_in_training_has_no_anomalies():
    values, found = table_anomalies(frame(label=["a", "b", "c"]), COLUMNS, ["label"])
    assert found == {}
    np.testing.assert_array_equal(np.stack(values, axis=1), [[1.5, 0, 0], [2, 1, 1], [np.nan, 1, np.nan]])


@pytest.mark.parametrize(
    ("changed", "column", "kind", "words"),
    [
        ({"size": ["S", "XL", "M"]}, "size", "ENUM_TYPE_UNEXPECTED_STRING_VALUES", "row 2: 'XL' is none of its"),
        ({"height": None}, "height", "SCHEMA_MISSING_COLUMN", "the column is missing"),
        ({"weight": ["1", "2", "3"]}, "weight", "SCHEMA_NEW_COLUMN", "was not there in training"),
        ({"height": ["1", "tall", "2"]}, "height", "FLOAT_TYPE_NOT_FLOAT", "'tall' is not a number"),
        ({"member": ["0", "2", "1"]}, "member", "BOOL_TYPE_UNEXPECTED_FLOAT", "'2' is neither 0 nor 1"),
    ],
)
def test_each_misfit_of_a_table_is_named(changed, column, kind, words):
    _, found = table_anomalies(frame(**changed), COLUMNS, [])
    assert list(found) == [column] and words in found[column][1]
    assert found[column][0] == anomalies_pb2.AnomalyInfo.Type.Value(kind)


def test_the_schema_of_a_table_has_its_types_and_categories():
    features = {feature.name: feature for feature in table_schema(COLUMNS).feature}
    assert features["height"].type == schema_pb2.FLOAT and features["member"].HasField("bool_domain")
    assert list(features["size"].string_domain.value) == ["S", "M"]


# Whitening.


def test_whitened_training_codes_are_uncorrelated_and_of_variance_one():
    codes = RNG.normal(size=(500, 4)) @ RNG.normal(size=(4, 6)) + 3.0  # of rank 4 in 6 dimensions
    whitening = Whitening.of(codes)
    white = (codes - whitening.mean) @ whitening.components
    np.testing.assert_allclose(np.cov(white, rowvar=False), np.eye(4), atol=1e-8)  # float64


def test_a_change_of_correlation_alone_is_seen():
    reference = RNG.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 2000)
    found = RNG.multivariate_normal([0, 0], [[1, -0.9], [-0.9, 1]], 2000)
    whitening = Whitening.of(reference)
    measured = drift.measure(whitening.distributions(reference), whitening.distributions(found))
    assert any(m.is_drift for m in measured)
    same = RNG.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 2000)
    assert not any(m.is_drift for m in drift.measure(whitening.distributions(reference), whitening.distributions(same)))


def test_codes_that_do_not_vary_have_no_components(tmp_path):
    whitening = Whitening.of(np.ones((10, 3)))
    assert set(whitening.distributions(np.ones((4, 3)))) == {"code distance"}
    whitening.save(tmp_path / "codes.npz")
    assert Whitening.load(tmp_path / "codes.npz").components.shape == (3, 0)


def test_a_whitening_that_was_not_written_to_its_end_is_not_there(tmp_path, monkeypatch):
    def killed(file, **arrays):
        file.write_bytes(b"half")
        raise SystemExit(137)

    monkeypatch.setattr(np, "savez", killed)
    with pytest.raises(SystemExit):
        Whitening(np.zeros(3), np.eye(3)).save(tmp_path / "codes.npz")
    assert not list(tmp_path.iterdir())
