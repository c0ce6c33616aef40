"""The numbers of a JSON request without its lists: the usual request, arrays of numbers, read several times as fast.

Taken are `{"instances": [[0.5, ...], ...]}`, `{"instances": [{"images": [[0.5, ...], ...], "seed": 1}, ...]}` and
`{"inputs": {"images": [[[0.5, ...], ...]], "seed": [1]}}`. An array has its brackets checked as a whole and its numbers
read as one flat list. Anything else, and anything wrong, is left to `json_document` and `json_tensor`, whose results
and errors are the rule.
"""

import re
from typing import NamedTuple

import numpy as np
import orjson

from tfvae.serving.server.json_values import MAX_RANK


def _pattern(text):
    """A regular expression in which a space stands for white space, which is less in JSON than in Python."""
    return re.compile(text.replace(b" ", b"[ \t\n\r]*"))


_NAME = rb'"signature_name" : "([A-Za-z0-9_]*)"'
_HEAD = _pattern(rb" \{ (?:" + _NAME + rb' , )?"(instances|inputs)" : (?=[\[{])')
_TAIL = _pattern(rb" (?:, " + _NAME + rb" )?\} ")
_FIRST_ROW, _NEXT_ROW, _LAST_ROW = _pattern(rb"\[ \{ "), _pattern(rb" , \{ "), _pattern(rb" \]")
_COLUMNS, _END_OF_COLUMNS = _pattern(rb"\{ "), _pattern(rb" \}")
_BRACKETS_TO_SPACES = bytes.maketrans(b"[]", b"  ")
_DIGITS_TO_0 = bytes.maketrans(b"123456789+-.eE", b"0" * 14)
_WHITESPACE = b" \t\n\r"
_NUMBERS = b"0123456789+-.eE" + _WHITESPACE
_DIGIT, _OPENING, _CLOSING = b"0[]"


class FlatRequest(NamedTuple):
    """A request that is arrays of numbers.

    Attributes:
        signature_name: As sent, or an empty string.
        form: "instances" or "inputs".
        arrays: {name: array}, float64 or an integer type; the name is None where the request has none.
    """

    signature_name: str
    form: str
    arrays: dict


def read_flat(body):
    """The `FlatRequest` of the bytes of a request, or None if it is anything else."""
    head = _HEAD.match(body)
    end = body.rfind(b"]") + 1
    if not head or end <= head.end():
        return None
    read, form, text = _read_array, head[2], body[head.end() : end]
    if text.startswith(b"{"):
        read, brace = _read_columns, _END_OF_COLUMNS.match(body, end)
        end = brace.end() if brace and form == b"inputs" else len(body)
    elif _FIRST_ROW.match(text):
        read = _read_rows
    tail = _TAIL.fullmatch(body, end)
    if not tail or (head[1] and tail[1]) or (read is _read_rows and form != b"instances"):
        return None
    arrays = read(text)
    return arrays and FlatRequest((head[1] or tail[1] or b"").decode(), form.decode(), arrays)


def _read_array(text):
    array = _array(text)
    return None if array is None else {None: array}


def _read_columns(text):
    """{name: array} of `{"name": [...], "name": [...]`, or None."""
    opening, *pieces = text.split(b'"')
    names, segments = pieces[::2], pieces[1::2]
    if not _COLUMNS.fullmatch(opening) or len(names) != len(segments) or len(set(names)) < len(names):
        return None
    values = [_value(segment) for segment in (*segments[:-1], segments[-1] + b",")]
    return _named(names, [_array(value) for value in values])


def _read_rows(text):
    """{name: array} of `[{"name": ..., "name": ...}, {...}]`, or None; all rows name their values in one order."""
    opening, *pieces = text.split(b'"')
    names, segments = pieces[::2], pieces[1::2]
    width = next((index for index, segment in enumerate(segments, 1) if b"}" in segment), 0)
    if not width or len(names) != len(segments) or names != names[:width] * (len(names) // width):
        return None
    last, _, between = zip(*(segment.rpartition(b"}") for segment in segments[width - 1 :: width]), strict=True)
    patterns = [_FIRST_ROW, *[_NEXT_ROW] * (len(last) - 1), _LAST_ROW]
    if not all(map(re.Pattern.fullmatch, patterns, [opening, *between])):
        return None
    segments[width - 1 :: width] = [segment + b"," for segment in last]
    values = [_value(segment) for segment in segments]
    return _named(names[:width], [_stacked(values[index::width]) for index in range(width)])


def _value(segment):
    """The text between the colon and the comma of what follows a name, empty if they are not there."""
    segment = segment.strip(_WHITESPACE)
    return segment[1:-1].strip(_WHITESPACE) if segment[:1] == b":" and segment[-1:] == b"," else b""


def _named(names, arrays):
    if any(array is None for array in arrays) or len(set(names)) < len(names):
        return None
    return dict(zip((name.decode("utf-8", "surrogateescape") for name in names), arrays, strict=True))


def _stacked(values):
    """The array of values of one shape, or None.

    Each must have the brackets and commas of the first: of a list of that many it is then an element, and no part.
    """
    array = _array(b"[%b]" % b",".join(values))
    if array is None or len(array) != len(values):
        return None
    return array if len({value.translate(None, _NUMBERS) for value in values}) == 1 else None


def _array(text):
    """The array of nested lists of numbers, or None."""
    shape = _shape(text.translate(_DIGITS_TO_0, _WHITESPACE))
    if shape is None:
        return None
    try:
        numbers = np.array(orjson.loads(b"[%b]" % text.translate(_BRACKETS_TO_SPACES)))
    except (orjson.JSONDecodeError, ValueError):
        return None
    return numbers.reshape(shape) if numbers.dtype.kind in "iuf" and numbers.size else None


def _shape(text):
    """The shape of nested lists, given as text whose numbers are zeros and that has no spaces, or None.

    No bracket may have a number on its outer side, and without the numbers the text must be that of a whole array: so
    numbers stand in the innermost lists alone, and each list is as long as the others of its level.
    """
    frame = text.translate(None, b"0")
    rank = len(frame) - len(frame.lstrip(b"["))
    if not 0 < rank <= MAX_RANK or _has_numbers_outside(text):
        return None
    shape, pattern = [], b""
    for level in range(rank):  # by the first list of each level, the innermost first
        start = rank - level
        end = frame.find(b"]" * (level + 1), start) + level
        size = (end - start + 1) // (len(pattern) + 1)
        pattern = b"[%b]" % b",".join([pattern] * size)
        shape.append(size)
    return tuple(reversed(shape)) if frame == pattern else None


def _has_numbers_outside(text):
    """Whether "0[" or "]0" stands in a text; a search for the two takes four times as long."""
    characters = np.frombuffer(text, np.uint8)
    is_digit = characters == _DIGIT
    opened = is_digit[:-1] & (characters[1:] == _OPENING)
    closed = is_digit[1:] & (characters[:-1] == _CLOSING)
    return bool((opened | closed).any())
