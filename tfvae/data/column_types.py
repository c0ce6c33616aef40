"""What a column of a data frame holds: its type, found or told, and its values as numbers, NaN where missing."""

import numpy as np
import pandas as pd

from tfvae.errors import DataError

MOST_CATEGORIES = 100  # beyond these, unless told otherwise, text is taken for names of rows, or something of the kind
TRUTH = {"true": 1.0, "false": 0.0}


def numbers_of(series, wanted, place):
    """The type of a column, and its values as numbers.

    Args:
        series: A pandas series.
        wanted: "real", "binary", "categorical", a list of categories, or None to find out: text is categorical,
            truth values and numbers of which some are 0 and all others 1 are binary, all other numbers are real. Both
            text and numbers in one column are refused, as a typing error is likelier than a category called 3.
        place: How messages call the column.

    Returns:
        ({"type": ...} or {"type": "categorical", "categories": [...]}, float64 [N]).

    Raises:
        DataError: If the column is empty, or holds what its type cannot.
    """
    series = _without_empty_text(series)
    if series.isna().all():
        raise DataError(f"{place} has no values: say `ignore` in the schema.")
    if isinstance(wanted, list):
        return _categorical(_texts(series, place), wanted, place)
    wanted = wanted or _found(series, place)
    if wanted == "categorical":
        texts = _texts(series, place)
        return _categorical(texts, sorted(texts.dropna().unique(), key=_order), place)
    numbers = _numbers(series, place)
    if wanted == "binary":
        _refuse(series, (numbers != 0) & (numbers != 1) & series.notna(), place, "is neither 0 nor 1")
    return {"type": wanted}, numbers


def _without_empty_text(series):
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    return series.mask(series == "") if _is_text(series) else series


def _is_text(series):
    return pd.api.types.infer_dtype(series, skipna=True) == "string"


def _found(series, place):
    if not _is_text(series):
        return "binary" if pd.api.types.infer_dtype(series) == "boolean" else _type_of(_numbers(series, place))
    if series.dropna().str.lower().isin(TRUTH).all():
        return "binary"
    numbers = pd.to_numeric(series, errors="coerce").to_numpy("float64", na_value=np.nan)
    if not np.all(np.isnan(numbers)):
        others = "is not a number, and others are: leave it empty if it is missing, or say `categorical` in the schema"
        _refuse(series, np.isnan(numbers) & series.notna(), place, others)
        return _type_of(numbers)
    if series.nunique() > MOST_CATEGORIES:
        raise DataError(
            f"{place} has {series.nunique()} different texts, such as {series.dropna().iloc[0]!r}: say in the schema "
            "`ignore` if they name the rows, or `categorical` if they are meant."
        )
    return "categorical"


def _type_of(numbers):
    return "binary" if set(np.unique(numbers[~np.isnan(numbers)])) == {0.0, 1.0} else "real"


def _numbers(series, place):
    """The numbers and truth values of a column, finite in float32."""
    if _is_text(series):
        truth = series.str.lower().map(TRUTH)
        numbers = pd.to_numeric(series, errors="coerce").fillna(truth)
    elif pd.api.types.infer_dtype(series, skipna=True) in ("boolean", "integer", "floating", "mixed-integer-float"):
        numbers = series
    else:
        numbers = pd.Series([value if _is_number(value) else np.nan for value in series], dtype="float64")
    numbers = numbers.to_numpy("float64", na_value=np.nan)
    _refuse(series, np.isnan(numbers) & series.notna(), place, "is not a number")
    with np.errstate(over="ignore"):
        _refuse(series, np.isinf(numbers.astype("float32")), place, "is not finite")
    return numbers


def _is_number(value):
    return isinstance(value, (int, float, np.number))


def _texts(series, place):
    """The names of the categories of a column: its texts, or its numbers as texts, whole ones without a point."""
    if not _is_text(series):
        if pd.api.types.infer_dtype(series, skipna=True) == "boolean":
            return series.map(str, na_action="ignore")
        numbers = pd.Series(_numbers(series, place))
        return numbers.map(lambda number: f"{number:.0f}" if number == int(number) else repr(number), "ignore")
    return series


def _categorical(texts, categories, place):
    places = {category: number for number, category in enumerate(categories)}
    numbers = texts.map(places).to_numpy("float64", na_value=np.nan)
    _refuse(texts, np.isnan(numbers) & texts.notna(), place, f"is none of its categories {categories}")
    return {"type": "categorical", "categories": list(categories)}, numbers


def _order(text):
    """Numbers by their value, and before other texts."""
    number = pd.to_numeric(text, errors="coerce")
    return (bool(np.isnan(number)), 0.0 if np.isnan(number) else float(number), text)


def _refuse(series, wrong, place, why):
    """Names the first row of those that are wrong, if any is; rows count from 1, without the header."""
    if np.any(wrong):
        row = int(np.argmax(wrong))
        raise DataError(f"{place}, row {row + 1}: {series.iloc[row]!r} {why}.")
