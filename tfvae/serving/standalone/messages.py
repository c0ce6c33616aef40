"""Protobuf messages whose Python modules no package of ours carries, made from the names of their fields."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "int64": _Field.TYPE_INT64,
    "bool": _Field.TYPE_BOOL,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
}


def message_classes(package, messages):
    """{name: class} of messages, in a pool of their own: nothing clashes with a package that has them too.

    Args:
        package: Name of the package that they are in.
        messages: {message: [(field, number, kind), ...]}; a kind is a scalar or the name of a message, and with "[]" at
            its end repeated.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for message, fields in messages.items():
        descriptor = file.message_type.add(name=message)
        for name, number, kind in fields:
            label = _Field.LABEL_REPEATED if kind.endswith("[]") else _Field.LABEL_OPTIONAL
            kind = kind.removesuffix("[]")
            of = {"type": _SCALARS[kind]} if kind in _SCALARS else {"type": _Field.TYPE_MESSAGE, "type_name": kind}
            descriptor.field.add(name=name, number=number, label=label, **of)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptors = {name: pool.FindMessageTypeByName(f"{package}.{name}") for name in messages}
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in descriptors.items()}
