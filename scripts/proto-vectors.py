"""Protobuf bytes by an independent implementation (Google's own), for test/vectors/proto.

    python3 -m venv venv && venv/bin/pip install grpcio-tools
    PYTHON=venv/bin/python npm run gen:vectors

`write` makes the vectors: bytes by Google's encoder, or by hand where no encoder writes such bytes, with the values
that Google's decoder reads from them. `verify` reads back what our encoder made of the same values. Only needed when
the .proto files or the cases change: the tests compare with the committed files and run without Python.
"""

import json
import pathlib
import shutil
import sys
import tempfile

import google.protobuf
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError
from grpc_tools import protoc

from proto_cases import BUILT
from proto_wire_cases import BY_HAND, REFUSED

ROOT = pathlib.Path(__file__).parent.parent
VECTORS = ROOT / "test" / "vectors" / "proto"
SAFE = 2**53 - 1
GOOGLE = f"protobuf {google.protobuf.__version__} for Python"


def load():
    """The message classes of our .proto files, by name."""
    pool = descriptor_pool.DescriptorPool()
    with tempfile.NamedTemporaryFile() as out:
        files = ["events.proto", "errors.proto", "flags.proto"]
        if protoc.main(["protoc", f"-I{ROOT / 'proto'}", f"--descriptor_set_out={out.name}", *files]) != 0:
            raise SystemExit("protoc refused the files")
        for file in descriptor_pb2.FileDescriptorSet.FromString(out.read()).file:
            pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"shellapps.experience.{name}"))


def plain(message):
    """Every field by its JSON name; what JSON cannot say exactly is marked: {"$int64": "5"}, {"$double": "nan"}."""
    fields = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            inner = field.message_type.fields_by_name["value"]
            fields[field.json_name] = {key: scalar(inner, value[key]) for key in sorted(value)}
        elif field.is_repeated:
            fields[field.json_name] = [scalar(field, item) for item in value]
        elif field.containing_oneof is not None:
            if message.HasField(field.name):
                fields[field.json_name] = scalar(field, value)
        elif field.message_type is not None:
            fields[field.json_name] = plain(value) if message.HasField(field.name) else None
        else:
            fields[field.json_name] = scalar(field, value)
    return fields


def scalar(field, value):
    if field.message_type is not None:
        return plain(value)
    if field.type == field.TYPE_INT64:
        return {"$int64": str(value)}
    if field.type == field.TYPE_DOUBLE:
        return {"$double": repr(value)}
    return value


def exact(value):
    """Whether JavaScript's numbers can hold every value, so that our encoder can write it back."""
    if isinstance(value, dict):
        if set(value) == {"$int64"}:
            return abs(int(value["$int64"])) <= SAFE
        return all(exact(inner) for inner in value.values())
    return not isinstance(value, list) or all(exact(inner) for inner in value)


def proto_json(message, **options):
    return json.loads(json_format.MessageToJson(message, **options))


def write():
    message_of = load()
    shutil.rmtree(VECTORS, ignore_errors=True)
    VECTORS.mkdir(parents=True)

    cases = [(name, kind, message_of(kind)(**fields)) for name, kind, fields in BUILT]
    wire = {name: message.SerializeToString(deterministic=True) for name, _, message in cases}
    for name, kind, bytes_ in BY_HAND:
        wire[name] = bytes_
        cases.append((name, kind, message_of(kind).FromString(bytes_)))

    for name, kind, message in cases:
        value = plain(message)
        vector = {"message": kind, "exact": exact(value), "value": value}
        if kind in ("EventBatch", "ErrorBatch"):
            vector["json"] = proto_json(message)
            vector["snakeJson"] = proto_json(
                message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
        (VECTORS / f"{name}.bin").write_bytes(wire[name])
        save(f"{name}.json", vector)

    for name, kind, bytes_ in REFUSED:
        try:
            message_of(kind).FromString(bytes_)
        except DecodeError:
            continue
        raise SystemExit(f"{name}: Google's decoder reads what it should refuse")
    save("refused.json", [{"name": name, "message": kind, "hex": bytes_.hex()} for name, kind, bytes_ in REFUSED])
    print(f"{len(cases)} vectors and {len(REFUSED)} refusals written by {GOOGLE}")


def verify():
    message_of = load()
    count = 0
    for path in sorted((VECTORS / "ours").glob("*.bin")):
        vector = json.loads((VECTORS / f"{path.stem}.json").read_text())
        read = plain(message_of(vector["message"]).FromString(path.read_bytes()))
        if json.dumps(read, sort_keys=True) != json.dumps(vector["value"], sort_keys=True):
            raise SystemExit(f"{path.name}: our encoder wrote other values")
        count += 1
    print(f"{count} messages of our encoder read back by {GOOGLE}: equal")


def save(name, value):
    (VECTORS / name).write_text(json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


if __name__ == "__main__":
    {"write": write, "verify": verify}[sys.argv[1]]()
