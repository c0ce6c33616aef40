"""What data a run was made from: counts, shapes, and a fingerprint that changes with any pixel, label or split."""

from tfvae.storage import sha256_of_json


def describe(data, splits):
    """Describes the sources of a `Data`.

    Args:
        data: A `Data`.
        splits: `Splits` of sources.

    Returns:
        {"name", "image_shape", "class_names", "binarize", "splits": {name: {"num_examples", "sha256"}}, "fingerprint"},
        for a table its "columns" too, all plain values.
    """
    parts = {name: {"num_examples": s.num_examples, "sha256": s.digest()} for name, s in splits._asdict().items()}
    return {
        "name": data.name,
        "image_shape": list(splits.train.image_shape),
        "class_names": list(splits.train.class_names),
        "binarize": data.binarize,
        **({"columns": splits.train.columns} if splits.train.columns else {}),
        "splits": parts,
        "fingerprint": sha256_of_json([data.binarize, parts]),
    }
