"""Bytes that no encoder writes, for proto-vectors.py: read by Google's decoder, or refused by it."""


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def tag(number, wire_type):
    return varint(number << 3 | wire_type)


def field(number, payload):
    return tag(number, 2) + varint(len(payload)) + payload


def number(field_number, value):
    return tag(field_number, 0) + varint(value)


def event(*parts):
    return field(1, b"".join(parts))


UNKNOWN = b"".join(
    [
        number(900, 2**64 - 1),
        tag(901, 1) + b"\x01" * 8,
        field(902, b"\xff\xfe"),
        tag(903, 5) + b"\x02" * 4,
        tag(904, 3) + number(1, 5) + tag(2, 3) + field(3, b"in") + tag(2, 4) + tag(904, 4),
        number(536870911, 0),
    ]
)

BY_HAND = [
    (
        "wire-unknown-fields",
        "EventBatch",
        UNKNOWN
        + event(
            UNKNOWN, field(1, b"id"), field(9, field(1, b"k") + field(2, b"v")), field(10, UNKNOWN + field(1, b"/"))
        )
        + UNKNOWN
        + field(2, UNKNOWN + number(6, 7)),
    ),
    (
        "wire-last-value-wins",
        "EventBatch",
        event(field(1, b"a"), field(1, b"b"), number(5, 1), number(5, 2), field(7, b"x"), field(7, b"")),
    ),
    (
        "wire-messages-merge",
        "EventBatch",
        event(
            field(10, field(1, b"/a") + number(4, 1)),
            field(10, field(2, b"t")),
            field(10, b""),
            field(10, field(1, b"/b")),
        ),
    ),
    (
        "wire-map-entries",
        "EventBatch",
        event(
            field(9, b""),
            field(9, field(1, b"no value")),
            field(9, field(2, b"no key")),
            field(9, field(2, b"first") + field(1, b"swapped")),
            field(9, field(1, b"twice") + field(2, b"1")),
            field(9, field(1, b"twice") + field(2, b"2")),
            field(9, field(1, b"x") + field(1, b"y") + field(2, b"z")),
        ),
    ),
    (
        "wire-defaults-sent",
        "EventBatch",
        event(field(1, b""), number(5, 0), field(10, number(4, 0) + number(6, 0)), field(11, field(1, b""))),
    ),
    (
        "wire-int32-of-64-bits",
        "EventBatch",
        field(2, number(6, 2**64 - 5) + number(7, 2**32 + 9) + number(8, 2**31) + number(9, 2**32 - 1)),
    ),
    (
        "wire-long-varints",
        "EventBatch",
        event(tag(5, 0) + b"\x81" + b"\x80" * 8 + b"\x00", field(11, tag(3, 0) + b"\x81" + b"\x80" * 8 + b"\x00")),
    ),
    (
        "wire-other-wire-type",
        "EventBatch",
        event(
            number(1, 5),
            field(5, b"\x01"),
            tag(6, 5) + b"abcd",
            tag(9, 1) + b"12345678",
            number(10, 1),
            field(2, b"app"),
        ),
    ),
    (
        "wire-lists-interleaved",
        "EventBatch",
        field(2, number(6, 1)) + event(field(1, b"a")) + field(2, number(6, 2)) + event(field(1, b"b")),
    ),
    ("wire-oneof-last-wins", "FeatureFlag", field(6, number(1, 1) + field(2, b"text")) + field(6, field(4, b"{}"))),
    (
        "wire-flag-map-merge",
        "UserFlagSet",
        field(3, field(1, b"k") + field(2, number(1, 1)) + field(2, field(2, b"s"))) + field(3, field(1, b"empty")),
    ),
    ("wire-bool-of-two-bytes", "IngestResponse", tag(1, 0) + b"\x80\x01"),
]

SAMPLE = event(field(1, b"id"), field(9, field(1, b"k") + field(2, b"v")), field(10, field(1, b"/")))

REFUSED = [
    *[(f"truncated at {end}", "EventBatch", SAMPLE[:end]) for end in range(1, len(SAMPLE))],
    ("field number zero", "EventBatch", b"\x00\x00"),
    ("field number zero inside", "EventBatch", event(b"\x00\x00")),
    ("wire type 6", "EventBatch", tag(1, 6) + b"\x00"),
    ("wire type 7 inside", "EventBatch", event(tag(1, 7) + b"\x00")),
    ("end of a group that never began", "EventBatch", tag(5, 4)),
    ("group without end", "EventBatch", tag(5, 3) + number(1, 1)),
    ("group with another's end", "EventBatch", tag(5, 3) + tag(6, 4)),
    ("groups 200 deep", "EventBatch", tag(5, 3) * 200 + tag(5, 4) * 200),
    ("varint of 11 bytes", "EventBatch", event(tag(5, 0) + b"\x80" * 10 + b"\x01")),
    ("length of 2 GB", "EventBatch", tag(1, 2) + varint(2**31 - 1)),
    ("length of 4 GB", "EventBatch", tag(1, 2) + varint(2**32 - 1)),
    ("string longer than its event", "EventBatch", event(tag(1, 2) + varint(200)) + b"x" * 300),
    ("map entry longer than its event", "EventBatch", event(tag(9, 2) + varint(200)) + b"x" * 300),
    ("JSON", "EventBatch", b'{"events":[]}'),
    *[
        (f"UTF-8: {name}", "EventBatch", event(field(1, bad)))
        for name, bad in {
            "lone byte": b"\xff",
            "cut short": b"ab\xe2\x82",
            "overlong": b"\xc0\x80",
            "surrogate": b"\xed\xa0\x80",
            "beyond Unicode": b"\xf4\x90\x80\x80",
            "in a long string": b"x" * 100 + b"\x80" + b"x" * 100,
        }.items()
    ],
    ("UTF-8: map key", "EventBatch", event(field(9, field(1, b"\xff") + field(2, b"v")))),
    ("UTF-8: map value", "EventBatch", event(field(9, field(1, b"k") + field(2, b"\xff")))),
    ("UTF-8: nested", "EventBatch", event(field(10, field(2, b"\xff")))),
    ("UTF-8: heatmap", "EventBatch", field(2, field(1, b"\xff"))),
    ("UTF-8: breadcrumb", "ErrorBatch", field(1, field(17, field(3, b"\xff")))),
    ("UTF-8: flag condition", "FeatureFlag", field(7, field(3, field(3, b"\xff")))),
    ("UTF-8: flag value", "UserFlagSet", field(3, field(1, b"k") + field(2, field(2, b"\xff")))),
]
