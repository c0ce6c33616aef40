"""JSON documents: what is a document, and where TensorFlow Serving says that one is broken.

The texts and offsets were compared with RapidJSON's own (python-rapidjson 1.25), the parser of TensorFlow Serving.
"""

import math

import pytest

from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.json_document import SHOWN_CHARACTERS, parse, show

BROKEN = [
    (b"  ", "The document is empty.", 2),
    (b"{", "Missing a name for object member.", 1),
    (b"{,}", "Missing a name for object member.", 1),
    (b"{a:1}", "Missing a name for object member.", 1),
    (b"{'a':1}", "Missing a name for object member.", 1),
    (b'{"a":1,}', "Missing a name for object member.", 7),
    (b'{"a"', "Missing a colon after a name of object member.", 4),
    (b'{"a":1,"b"}', "Missing a colon after a name of object member.", 10),
    (b'{"a":1', "Missing a comma or '}' after an object member.", 6),
    (b'{"a":1 "b":2}', "Missing a comma or '}' after an object member.", 7),
    (b'{"a":01}', "Missing a comma or '}' after an object member.", 6),
    (b'{"a":"[" x}', "Missing a comma or '}' after an object member.", 9),
    (b'{"a":[1 2]}', "Missing a comma or ']' after an array element.", 8),
    (b'{"a":[[1,2],[3,4}', "Missing a comma or ']' after an array element.", 16),
    (b'{"a":', "Invalid value.", 5),
    (b'{"a":}', "Invalid value.", 5),
    (b'{"a":[1,]}', "Invalid value.", 8),
    (b'{"a":tru}', "Invalid value.", 8),
    (b'{"a":nul', "Invalid value.", 8),
    (b'{"a":-}', "Invalid value.", 6),
    (b'{"a":.5}', "Invalid value.", 5),
    (b'{"a":+1}', "Invalid value.", 5),
    (b"nope", "Invalid value.", 1),
    (b'{"\xc3\xa9":}', "Invalid value.", 6),
    (b'{"a":1.}', "Miss fraction part in number.", 7),
    (b'{"a":1e}', "Miss exponent in number.", 7),
    (b'{"a":1e+}', "Miss exponent in number.", 8),
    (b'{"a":[1,-1e999]}', "Number too big to be stored in double.", 8),
    (b'{"a":"x}', "Missing a closing quotation mark in string.", 8),
    (b'{"a":"\n"}', "Invalid encoding in string.", 6),
    (b'{"a":"\\x"}', "Invalid escape character in string.", 6),
    (b'{"a":"\\u12g4"}', "Incorrect hex digit after \\u escape in string.", 6),
    (b'{"a":"\\ud800"}', "The surrogate pair in string is invalid.", 6),
    (b'{"a":"\\ud800\\u0041"}', "The surrogate pair in string is invalid.", 6),
    (b'{"a":"\\udc00"}', "The surrogate pair in string is invalid.", 6),
]
WHOLE = [
    (b"{}", {}),
    (b'{"a":1} trailing {garbage', {"a": 1}),
    (b'{"a":1}}', {"a": 1}),
    (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    (b'{"a":[Infinity,-Infinity]}', {"a": [math.inf, -math.inf]}),
    (b'{"a":"\\ud83d\\ude00"}', {"a": "\U0001f600"}),
    (b'{"a":"\\\\ud800","b":Infinity}', {"a": "\\ud800", "b": math.inf}),
    (b'{"a":18446744073709551616}', {"a": 2.0**64}),
    (b'{"a":18446744073709551616,"b":Infinity}', {"a": 2.0**64, "b": math.inf}),
    (b'{"a":-9223372036854775809,"b":Infinity}', {"a": -(2.0**63), "b": math.inf}),
    (b'{"a":' + b"1" * 300 + b',"b":Infinity}', {"a": float("1" * 300), "b": math.inf}),
]


def message_of(body):
    with pytest.raises(ServingError) as error:
        parse(body)
    assert error.value.code == "INVALID_ARGUMENT"
    return error.value.message


@pytest.mark.parametrize(("body", "text", "offset"), BROKEN)
def test_says_what_is_broken_and_where(body, text, offset):
    assert message_of(body) == f"JSON Parse error: {text} at offset: {offset}"


@pytest.mark.parametrize(("body", "fields"), WHOLE)
def test_reads_what_strict_parsers_refuse(body, fields):
    assert parse(body).fields == fields


def test_an_integer_beyond_64_bits_is_a_double():
    assert isinstance(parse(b'{"a":18446744073709551616}').fields["a"], float)


def test_nan_is_a_number():
    assert math.isnan(parse(b'{"a":NaN}').fields["a"])


def test_an_empty_body_has_no_offset():
    assert message_of(b"") == "JSON Parse error: The document is empty"


@pytest.mark.parametrize("body", [b"[1]", b'"x"', b"3", b"null", b"true"])
def test_a_document_is_an_object(body):
    assert message_of(body) == f"JSON Value: {body.decode()} Is not object"


@pytest.mark.parametrize("body", [b'{"a":' + b"[" * 100_000, b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"])
def test_depth_is_refused_and_not_recursed_into(body):
    assert message_of(body) == "JSON Parse error: Values are nested too deeply."


def test_an_error_repeats_a_large_value_only_in_part():
    assert show(list(range(10_000))) == str(list(range(10_000)))[:SHOWN_CHARACTERS] + "..."


def test_bytes_that_are_no_utf8_are_kept():
    assert parse(b'{"a":"\xff"}').fields["a"].encode("utf-8", "surrogateescape") == b"\xff"
