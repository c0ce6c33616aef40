"""A full disk is an error of the operating system in every format, so that no part counts as written."""

import errno

import numpy as np
import pytest

from tfvae.scoring.formats import FORMATS, Layout
from tfvae.scoring.rows import Records


@pytest.mark.parametrize("num_rows", [1, 10_000])  # which fails when it is closed, and which when it is written
@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_is_an_error(name, num_rows):
    layout = Layout(None, False, {"z": ("float32", (10,))})
    records = Records(np.arange(num_rows), {"z": np.random.default_rng(0).random((num_rows, 10), "f4")}, None, None, {})
    full = pytest.raises(OSError, match=f"(?i)no space left on device|errno {errno.ENOSPC}")
    with full, FORMATS[name].Writer("/dev/full", layout) as writer:
        writer.write(records)
