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
        check(future.result(20) == b"%d" % i * 100, i)


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
    start = time.monotonic()
    error = failure(lambda: channel.unary_unary(SERVICE + "Wait")(b"", timeout=0.3))
    check(error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error.code())
    check(time.monotonic() - start < 5)
    left = int(channel.unary_unary(SERVICE + "Remaining")(b"", timeout=100))
    # gRPC's C core sends few digits of a timeout, rounded up.
    check(90000 < left <= 105000, left)
    check(channel.unary_unary(SERVICE + "Remaining")(b"") == b"none")


def cancel(channel):
    future = channel.unary_unary(SERVICE + "Wait").future(b"")
    stream = channel.stream_stream(SERVICE + "Bidirectional")
    hold = threading.Event()

    def requests():
        yield b"one"
        hold.wait(20)

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
    error = failure(lambda: channel.unary_unary(SERVICE + "Who")(b"", timeout=10))
    check(error.code() == grpc.StatusCode.UNAVAILABLE, error.code())


def goaway(channel):
    """The server is told to shut down gracefully in the middle of a call, which goes on to its end."""
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
            limit = time.monotonic() + 10
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
        turn.wait(20)
        yield b"after"

    call = channel.stream_stream(SERVICE + "Bidirectional")(requests())
    check(next(call) == b"before")
    # The channel pings each 100 ms: ten pings and their answers.
    time.sleep(1.2)
    turn.set()
    check(list(call) == [b"after"])


def main():
    target, scenario, *tls = sys.argv[1:]
    options = list(OPTIONS)
    if scenario == "keepalive":
        options += [
            ("grpc.keepalive_time_ms", 100),
            ("grpc.keepalive_timeout_ms", 2000),
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
