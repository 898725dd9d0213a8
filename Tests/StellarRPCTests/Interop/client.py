"""Python's grpcio as a client of Stellar's server: one scenario per run, status 0 if all was as it should be.

Usage: client.py TARGET SCENARIO [CA CERTIFICATE KEY]
"""
import sys
import threading
import time

import grpc

SERVICE = "/interop.Echo/"
OPTIONS = [("grpc.max_receive_message_length", 20 << 20), ("grpc.max_send_message_length", 40 << 20)]


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(repr(part) for part in what))


def failure(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("no error")


def unary(channel):
    call = channel.unary_unary(SERVICE + "Unary")
    for size in (0, 1, 5, 16383, 16384, 16385, 65535, 65536, 1000000):
        check(call(b"a" * size) == b"a" * size, size)


def concurrent(channel):
    call = channel.unary_unary(SERVICE + "Unary")
    futures = [(i, call.future(b"%d" % i * 100)) for i in range(500)]
    for i, future in futures:
        check(future.result(120) == b"%d" % i * 100, i)


def many(channel):
    # The C core pings with each burst of calls, to measure the link: hundreds of times in these seconds.
    call = channel.unary_unary(SERVICE + "Unary")
    for _ in range(3000):
        call(b"")


def server_stream(channel):
    answers = list(channel.unary_stream(SERVICE + "ServerStream")(b"1000 1000"))
    check([len(a) for a in answers] == [1000] * 1000)
    check([a[0] for a in answers] == [i % 256 for i in range(1000)])
    check(list(channel.unary_stream(SERVICE + "ServerStream")(b"0 0")) == [])


def client_stream(channel):
    call = channel.stream_unary(SERVICE + "ClientStream")
    check(call(b"x" * 1000 for _ in range(1000)) == b"1000 1000000")
    check(call(iter([])) == b"0 0")


def bidirectional(channel):
    # One at a time: each answer is awaited before the next request.
    turn = threading.Semaphore(1)

    def requests():
        for i in range(200):
            turn.acquire()
            yield b"%d" % i

    answers = []
    for answer in channel.stream_stream(SERVICE + "Bidirectional")(requests()):
        answers.append(answer)
        turn.release()
    check(answers == [b"%d" % i for i in range(200)])
    # And all at once.
    data = [bytes([i % 256]) * 10000 for i in range(1000)]
    check(list(channel.stream_stream(SERVICE + "Bidirectional")(iter(data))) == data)


def deadline(channel):
    # Connected first, so that the deadline is the call's alone, however busy the machine.
    channel.unary_unary(SERVICE + "Remaining")(b"")
    error = failure(lambda: channel.unary_unary(SERVICE + "Wait")(b"", timeout=3))
    check(error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error.code())
    left = int(channel.unary_unary(SERVICE + "Remaining")(b"", timeout=100))
    # gRPC's C core sends few digits of a timeout, rounded up.
    check(50000 < left <= 105000, left)
    check(channel.unary_unary(SERVICE + "Remaining")(b"") == b"none")


def cancel(channel):
    future = channel.unary_unary(SERVICE + "Wait").future(b"")
    stream = channel.stream_stream(SERVICE + "Bidirectional")
    hold = threading.Event()

    def requests():
        yield b"one"
        hold.wait(120)

    call = stream(requests())
    check(next(call) == b"one")
    call.cancel()
    future.cancel()
    hold.set()
    check(future.cancelled() and call.cancelled())


def large(channel):
    size = 10 << 20
    check(channel.unary_unary(SERVICE + "Unary")(b"z" * size) == b"z" * size)
    check(len(channel.unary_unary(SERVICE + "Large")(b"%d" % (12 << 20))) == 12 << 20)


def over_limit(channel):
    error = failure(lambda: channel.unary_unary(SERVICE + "Unary")(b"z" * (17 << 20)))
    check(error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error.code(), error.details())
    error = failure(lambda: channel.unary_unary(SERVICE + "Large")(b"%d" % (21 << 20)))
    check(error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error.code(), error.details())
    unary(channel)


def metadata(channel):
    sent = [
        ("x-text", "plain text, with = and ,"),
        ("x-twice", "one"),
        ("x-twice", "two"),
        ("x-raw-bin", bytes(range(256))),
        ("x-empty-bin", b""),
        ("x-more-bin", b"a,b"),
        ("x-more-bin", b"\xff\xfe"),
        ("x-long", "v" * 4000),
    ]
    answer, call = channel.unary_unary(SERVICE + "Unary").with_call(b"m", metadata=sent)
    initial = [(key, value) for key, value in call.initial_metadata() if key.startswith("x-")]
    trailing = [(key, value) for key, value in call.trailing_metadata() if key.startswith("tx-")]
    check(sorted(initial, key=str) == sorted(sent, key=str), initial)
    check(sorted(trailing, key=str) == sorted([("t" + key, value) for key, value in sent], key=str), trailing)


def errors(channel):
    call = channel.unary_unary(SERVICE + "Fail")
    for code in grpc.StatusCode:
        if code == grpc.StatusCode.OK:
            continue
        for message in ("no such thing", "ünïcödé: 日本語 🚀 100% \r\n\t", ""):
            error = failure(lambda: call(b"%d " % code.value[0] + message.encode()))
            check(error.code() == code, error.code(), code)
            check(error.details() == message, error.details(), message)
            why = [value for key, value in error.trailing_metadata() if key == "x-why-bin"]
            check(why == [b"\x00\xff"], why)
    error = failure(lambda: channel.unary_unary(SERVICE + "None")(b""))
    check(error.code() == grpc.StatusCode.UNIMPLEMENTED, error.code())
    check("None" in error.details(), error.details())
    error = failure(lambda: channel.unary_unary("/none.None/None")(b""))
    check(error.code() == grpc.StatusCode.UNIMPLEMENTED, error.code())


def compressed(channel):
    # We accept none: a compressed request is refused as gRPC says, and the connection goes on.
    call = channel.unary_unary(SERVICE + "Unary")
    error = failure(lambda: call(b"c" * 10000, compression=grpc.Compression.Gzip))
    check(error.code() == grpc.StatusCode.UNIMPLEMENTED, error.code(), error.details())
    unary(channel)


def who(channel):
    check(channel.unary_unary(SERVICE + "Who")(b"") == b"node1")


def untrusted(channel):
    error = failure(lambda: channel.unary_unary(SERVICE + "Who")(b"", timeout=60))
    check(error.code() == grpc.StatusCode.UNAVAILABLE, error.code())


def goaway(channel):
    """The server shuts down gracefully in the middle of a call, which continues to its end."""
    turn = threading.Semaphore(1)

    def requests():
        for i in range(5):
            turn.acquire()
            yield b"%d" % i

    answers = []
    for answer in channel.stream_stream(SERVICE + "Bidirectional")(requests()):
        answers.append(answer)
        if len(answers) == 2:
            channel.unary_unary(SERVICE + "Stop")(b"")
            error = None
            limit = time.monotonic() + 60
            # New calls are refused once the listening socket is gone; the open one does not notice.
            while error is None and time.monotonic() < limit:
                try:
                    channel.unary_unary(SERVICE + "Unary")(b"", timeout=1)
                    time.sleep(0.02)
                except grpc.RpcError as refused:
                    error = refused
            check(error is not None)
            check(error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), error.code())
        turn.release()
    check(answers == [b"%d" % i for i in range(5)], answers)


def keepalive(channel):
    turn = threading.Event()

    def requests():
        yield b"before"
        turn.wait(120)
        yield b"after"

    call = channel.stream_stream(SERVICE + "Bidirectional")(requests())
    check(next(call) == b"before")
    # The channel pings each 100 ms: ten pings and their answers.
    time.sleep(1.2)
    turn.set()
    check(list(call) == [b"after"])


def messages():
    """The messages of Protos/grpc, by full name."""
    import os
    import tempfile

    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from grpc_tools import protoc

    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../Protos")
    with tempfile.NamedTemporaryFile() as out:
        names = ["grpc/health/v1/health.proto", "grpc/reflection/v1/reflection.proto"]
        names.append("grpc/reflection/v1alpha/reflection.proto")
        status = protoc.main(["protoc", "-I" + root, "--descriptor_set_out=" + out.name] + names)
        check(status == 0)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


def health(channel):
    find = messages()
    request = find("grpc.health.v1.HealthCheckRequest")
    response = find("grpc.health.v1.HealthCheckResponse")
    convert = {"request_serializer": request.SerializeToString, "response_deserializer": response.FromString}
    probe = channel.unary_unary("/grpc.health.v1.Health/Check", **convert)
    check(probe(request()).status == 1)
    check(probe(request(service="interop.Echo")).status == 2)
    error = failure(lambda: probe(request(service="none")))
    check(error.code() == grpc.StatusCode.NOT_FOUND, error.code())
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch", **convert)
    unknown = watch(request(service="none"))
    check(next(unknown).status == 3)
    unknown.cancel()
    statuses = watch(request(service="interop.Echo"))
    check(next(statuses).status == 2)
    # The test sets it to serving, then shuts down, which ends the watch.
    channel.unary_unary(SERVICE + "Stop")(b"")
    check([s.status for s in statuses][-1] == 2)


def reflection(channel):
    from google.protobuf import descriptor_pb2, descriptor_pool

    find = messages()
    for version in ("v1", "v1alpha"):
        request = find("grpc.reflection.%s.ServerReflectionRequest" % version)
        extension = find("grpc.reflection.%s.ExtensionRequest" % version)
        response = find("grpc.reflection.%s.ServerReflectionResponse" % version)
        ask = channel.stream_stream(
            "/grpc.reflection.%s.ServerReflection/ServerReflectionInfo" % version,
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        questions = [
            request(list_services="*"),
            request(file_containing_symbol="stellar.services.application.v1.Application"),
            request(file_by_filename="grpc/health/v1/health.proto"),
            request(file_containing_symbol="none.None"),
            request(file_containing_extension=extension(containing_type="none.None", extension_number=5)),
        ]
        answers = list(ask(iter(questions)))
        check([a.original_request for a in answers] == questions)
        services = [s.name for s in answers[0].list_services_response.service]
        check("grpc.reflection.v1.ServerReflection" in services and "interop.Echo" in services, services)
        pool = descriptor_pool.DescriptorPool()
        files = list(answers[1].file_descriptor_response.file_descriptor_proto)
        files += list(answers[2].file_descriptor_response.file_descriptor_proto)
        files = [descriptor_pb2.FileDescriptorProto.FromString(file) for file in files]
        rest = {file.name: file for file in files}

        def add(name):
            # What a file imports has to be there before it.
            file = rest.pop(name, None)
            if file is not None:
                for dependency in file.dependency:
                    add(dependency)
                pool.Add(file)

        for file in files:
            add(file.name)
        create = pool.FindServiceByName("stellar.services.application.v1.Application").FindMethodByName("Create")
        check(create.output_type.full_name == "google.protobuf.Empty")
        check(pool.FindMessageTypeByName("grpc.health.v1.HealthCheckRequest") is not None)
        check([a.error_response.error_code for a in answers[3:]] == [5, 5], answers[3:])


def main():
    target, scenario, *tls = sys.argv[1:]
    options = list(OPTIONS)
    if scenario == "keepalive":
        options += [
            ("grpc.keepalive_time_ms", 100),
            ("grpc.keepalive_timeout_ms", 30000),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.http2.min_sent_ping_interval_without_data_ms", 100),
        ]
    if tls:
        ca, *own = (open(path, "rb").read() for path in tls)
        key, certificate = (own[1], own[0]) if own else (None, None)
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(ca, key, certificate), options)
    else:
        channel = grpc.insecure_channel(target, options)
    with channel:
        globals()[scenario](channel)
    print("ok", scenario)


main()
