"""Messages that Google's encoder writes, for proto-vectors.py: (name, message, fields)."""

INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)
SAFE = 2**53 - 1
ODD_KEYS = [
    "",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "$set",
    "a.b",
    "0",
    "10",
    " ",
    "\0",
    "ключ",
    "🔑",
]
ODD_STRINGS = [
    "\0",
    "a\0b",
    "\ufeffbom",
    "\ufffd",
    "é",
    "e\u0301",
    "שלום",
    "日本語",
    "👩‍👩‍👧‍👦",
    "\U0010ffff",
    "x" * 300,
    "ü" * 200,
]

PAGE = dict(
    path="/checkout",
    title="Checkout",
    referrer="https://example.com/",
    viewport_width=1280,
    viewport_height=800,
    load_time_ms=312,
)
ELEMENT = dict(tag="button", text="Buy now", x=10, y=20, scroll_depth_pct=30)
BROWSER = dict(
    user_agent="Mozilla/5.0",
    browser="Firefox",
    browser_version="133.0",
    os="Linux",
    device_type="desktop",
    screen_width=2560,
    screen_height=1440,
)
TRACK = dict(
    event_id="0192f5a0-7e3c-7000-8000-000000000001",
    app_id="shop",
    profile_id="user-1",
    session_id="session-1",
    timestamp_ms=1763851234567,
    event_type="click",
    page_url="https://example.com/checkout",
    element_tid="checkout.buy",
    metadata={"plan": "pro", "coupon": ""},
    page_context=PAGE,
    element_context=ELEMENT,
)
HEATMAP = dict(
    app_id="shop",
    profile_id="user-1",
    session_id="session-1",
    page_url="https://example.com/checkout",
    timestamp_ms=1763851234567,
    x=17,
    y=4711,
    viewport_width=390,
    viewport_height=844,
)
CRUMB = dict(timestamp_ms=1763851234001, category="xhr", message="GET /cart", data={"status": "500"})
ERROR = dict(
    error_id="0192f5a0-7e3c-7000-8000-000000000002",
    app_id="shop",
    profile_id="user-1",
    session_id="session-1",
    timestamp_ms=1763851234567,
    error_type="unhandled_rejection",
    message="x is undefined",
    stack_trace="at a (b.js:1:2)",
    source_file="b.js",
    line=1,
    column=2,
    page_context=PAGE,
    browser_context=BROWSER,
    user_comment="It broke",
    severity=2,
    tags={"release": "1.0.0"},
    breadcrumbs=[CRUMB, {}],
    release="1.2.3",
    environment="staging",
)
FLAG = dict(
    flag_id="f1",
    app_id="shop",
    key="new-checkout",
    description="The new checkout",
    type=0,
    default_value=dict(bool_value=True),
    rules=[
        dict(
            rule_id="r1",
            priority=1,
            rollout_percentage=50,
            experiment_id="e1",
            value=dict(string_value="b"),
            conditions=[dict(attribute="country", operator="in", values=["DE", "", "DE"]), {}],
        ),
        {},
    ],
    enabled=True,
    created_at=1763851234567,
    updated_at=1763851234568,
)
VALUES = dict(
    true=dict(bool_value=True),
    false=dict(bool_value=False),
    text=dict(string_value="b"),
    no_text=dict(string_value=""),
    json=dict(json_value='{"a":1}'),
    no_json=dict(json_value=""),
    unset={},
    zero=dict(number_value=0.0),
    tenth=dict(number_value=0.1),
    minus_zero=dict(number_value=-0.0),
    nan=dict(number_value=float("nan")),
    inf=dict(number_value=float("inf")),
    minus_inf=dict(number_value=float("-inf")),
    max=dict(number_value=1.7976931348623157e308),
    min=dict(number_value=5e-324),
)


def timestamps(*values):
    return dict(
        events=[dict(timestamp_ms=v, page_context=dict(load_time_ms=v)) for v in values],
        heatmap_events=[dict(timestamp_ms=v) for v in values],
    )


def with_int32(value):
    return dict(
        events=[
            dict(
                page_context=dict(viewport_width=value, viewport_height=value),
                element_context=dict(x=value, y=value, scroll_depth_pct=value),
            )
        ],
        heatmap_events=[dict(x=value, y=value, viewport_width=value, viewport_height=value)],
    )


BUILT = [
    ("event-batch-empty", "EventBatch", {}),
    ("event-batch-every-field", "EventBatch", dict(events=[TRACK, TRACK], heatmap_events=[HEATMAP, HEATMAP])),
    (
        "event-batch-empty-messages",
        "EventBatch",
        dict(events=[{}, dict(page_context={}, element_context={})], heatmap_events=[{}]),
    ),
    ("event-batch-int32-min", "EventBatch", with_int32(INT32[0])),
    ("event-batch-int32-minus-one", "EventBatch", with_int32(-1)),
    ("event-batch-int32-max", "EventBatch", with_int32(INT32[1])),
    (
        "event-batch-int64-safe",
        "EventBatch",
        timestamps(1, -1, 127, 128, 2**32, -(2**32), 2**49 - 1, 2**49, SAFE, -SAFE),
    ),
    ("event-batch-int64-unsafe", "EventBatch", timestamps(2**53, -(2**53), 2**53 + 1, 2**56, *INT64)),
    ("event-batch-odd-keys", "EventBatch", dict(events=[dict(metadata={key: f"value of {key}" for key in ODD_KEYS})])),
    (
        "event-batch-odd-strings",
        "EventBatch",
        dict(
            events=[
                dict(event_id=s, page_url=s, metadata={s[:50]: s}, element_context=dict(text=s)) for s in ODD_STRINGS
            ]
        ),
    ),
    ("ingest-response-empty", "IngestResponse", {}),
    ("ingest-response-every-field", "IngestResponse", dict(success=True, events_accepted=20, events_rejected=3)),
    ("ingest-response-extremes", "IngestResponse", dict(events_accepted=INT32[1], events_rejected=INT32[0])),
    ("error-batch-empty", "ErrorBatch", {}),
    ("error-batch-every-field", "ErrorBatch", dict(errors=[ERROR, ERROR])),
    (
        "error-batch-empty-messages",
        "ErrorBatch",
        dict(errors=[{}, dict(page_context={}, browser_context={}, breadcrumbs=[{}])]),
    ),
    ("error-batch-severities", "ErrorBatch", dict(errors=[dict(severity=s) for s in (0, 1, 2, 3, 4, 17, -1, *INT32)])),
    (
        "error-batch-extremes",
        "ErrorBatch",
        dict(
            errors=[
                dict(
                    line=n,
                    column=n,
                    timestamp_ms=wide,
                    browser_context=dict(screen_width=n, screen_height=n),
                    breadcrumbs=[dict(timestamp_ms=wide)],
                )
                for n, wide in ((INT32[0], -SAFE), (INT32[1], SAFE), (-1, -1))
            ]
        ),
    ),
    (
        "error-batch-odd-text",
        "ErrorBatch",
        dict(
            errors=[
                dict(
                    message=s,
                    stack_trace=s,
                    tags=dict.fromkeys(ODD_KEYS, s),
                    breadcrumbs=[dict(message=s, data=dict.fromkeys(ODD_KEYS, s))],
                )
                for s in ODD_STRINGS
                if len(s) < 100
            ]
        ),
    ),
    ("feature-flag-empty", "FeatureFlag", {}),
    ("feature-flag-every-field", "FeatureFlag", FLAG),
    *[
        (f"feature-flag-type-{t}", "FeatureFlag", dict(type=t, default_value=v))
        for t, v in enumerate(
            [dict(bool_value=False), dict(string_value=""), dict(number_value=-1.5), dict(json_value="[]"), {}]
        )
    ],
    (
        "feature-flag-values",
        "FeatureFlag",
        dict(rules=[dict(value=v, priority=p, rollout_percentage=-p) for p, v in enumerate(VALUES.values())]),
    ),
    ("user-flag-set-empty", "UserFlagSet", {}),
    (
        "user-flag-set-every-field",
        "UserFlagSet",
        dict(profile_id="user-1", app_id="shop", computed_at=1763851234567, flags=VALUES),
    ),
    (
        "user-flag-set-odd-keys",
        "UserFlagSet",
        dict(computed_at=-SAFE, flags={key: dict(string_value=key) for key in ODD_KEYS}),
    ),
]
