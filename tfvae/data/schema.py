"""Schema: what data must look like for a model, as the protos of tensorflow-metadata, and what of new data does not."""

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from tfvae.data.column_types import numbers_of
from tfvae.errors import DataError

IMAGE, LABEL = "image", "label"
Kind = anomalies_pb2.AnomalyInfo
UNFIT = {
    "real": Kind.FLOAT_TYPE_NOT_FLOAT,
    "binary": Kind.BOOL_TYPE_UNEXPECTED_FLOAT,
    "categorical": Kind.ENUM_TYPE_UNEXPECTED_STRING_VALUES,
}


def image_schema(shape, class_names=()):
    """The schema of images of shape [H, W, C], grey levels 0 to 255, and of their classes where a model needs them."""
    schema = schema_pb2.Schema()
    feature = schema.feature.add(name=IMAGE, type=schema_pb2.INT)
    feature.int_domain.min, feature.int_domain.max = 0, 255
    for size in shape:
        feature.shape.dim.add(size=size)
    if class_names:
        schema.feature.add(name=LABEL, type=schema_pb2.BYTES).string_domain.value.extend(class_names)
    return schema


def table_schema(columns):
    """The schema of a table by its columns, see `Columns`; values may be missing everywhere."""
    schema = schema_pb2.Schema()
    for column in columns:
        feature = schema.feature.add(name=column["name"], type=_TYPES[column["type"]])
        if column["type"] == "binary":
            feature.bool_domain.SetInParent()
        if column["type"] == "categorical":
            feature.string_domain.value.extend(column["categories"])
    return schema


def image_anomalies(schema, shape, class_names):
    """{feature: (type, sentence)} of images that are not as the schema says."""
    features = {feature.name: feature for feature in schema.feature}
    wanted, found = [dim.size for dim in features[IMAGE].shape.dim], {}
    if list(shape) != wanted:
        found[IMAGE] = (Kind.INVALID_FEATURE_SHAPE, f"images are {list(shape)}, and were {wanted} in training")
    if LABEL in features:
        known = list(features[LABEL].string_domain.value)
        unknown = [name for name in class_names if name not in known]
        if not class_names:
            found[LABEL] = (Kind.SCHEMA_MISSING_COLUMN, "the model depends on the class, and the data has no classes")
        elif unknown:
            found[LABEL] = (Kind.ENUM_TYPE_UNEXPECTED_STRING_VALUES, f"class {unknown[0]!r} was not there in training")
    return found


def table_anomalies(frame, columns, known):
    """The values of a table, and what of it is not as the columns say.

    Args:
        frame: A pandas data frame.
        columns: The columns of the training data, see `Columns`.
        known: Names of further columns that may be there: the label, and what training ignores.

    Returns:
        ([float64 [N], ...], one for each column, {column: (type, sentence)}).
    """
    values, found = [], {}
    for column in columns:
        name, wanted = column["name"], column.get("categories", column["type"])
        if name not in frame:
            found[name] = (Kind.SCHEMA_MISSING_COLUMN, "the column is missing")
            continue
        try:
            values.append(numbers_of(frame[name], wanted, f"column `{name}`")[1])
        except DataError as error:
            found[name] = (UNFIT[column["type"]], str(error))
    names = [column["name"] for column in columns]
    for name in frame.columns:
        if name not in (*names, *known):
            found[name] = (Kind.SCHEMA_NEW_COLUMN, "the column was not there in training")
    return values, found


_TYPES = {"real": schema_pb2.FLOAT, "binary": schema_pb2.INT, "categorical": schema_pb2.BYTES}
