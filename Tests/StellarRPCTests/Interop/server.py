"""A gRPC server on Python's grpcio: the peer that Stellar's client is tested against.

Requests and responses are plain bytes. Prints "PORT n" once it listens, "WAITING" when Wait
was called and "CANCELLED" when its caller gave up.
"""
import argparse
import concurrent.futures
import threading

import grpc


def text(status):
    return {code.value[0]: code for code in grpc.StatusCode}[status]


def echo_metadata(context):
    seen = [(key, value) for key, value in context.invocation_metadata() if key.startswith("x-")]
    context.send_initial_metadata(seen)
    context.set_trailing_metadata([("t" + key, value) for key, value in seen])


def unary(request, context):
    echo_metadata(context)
    return request


def server_stream(request, context):
    count, size = (int(part) for part in request.split())
    for index in range(count):
        yield bytes([index % 256]) * size


def client_stream(requests, context):
    count = total = 0
    for request in requests:
        count += 1
        total += len(request)
    return b"%d %d" % (count, total)


def bidirectional(requests, context):
    for request in requests:
        yield request


def fail(request, context):
    code, message = request.decode().split(" ", 1)
    context.set_trailing_metadata([("x-why-bin", b"\x00\xff")])
    context.abort(text(int(code)), message)


def large(request, context):
    return b"x" * int(request)


def remaining(request, context):
    left = context.time_remaining()
    return b"none" if left is None or left > 1e6 else b"%d" % int(left * 1000)


def wait(request, context):
    ended = threading.Event()
    context.add_callback(ended.set)
    print("WAITING", flush=True)
    if ended.wait(300):
        print("CANCELLED", flush=True)
    return b""


def who(request, context):
    names = context.auth_context().get("x509_common_name", [b"nobody"])
    return names[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", nargs=3, metavar=("CERTIFICATE", "KEY", "CA"))
    parser.add_argument("--unix")
    arguments = parser.parse_args()
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(max_workers=16),
        options=[
            ("grpc.max_receive_message_length", 16 << 20),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 10),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_ping_strikes", 0),
        ],
    )

    def stop(request, context):
        threading.Thread(target=lambda: server.stop(120)).start()
        return b""

    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
        "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
        "Bidirectional": grpc.stream_stream_rpc_method_handler(bidirectional),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
        "Large": grpc.unary_unary_rpc_method_handler(large),
        "Remaining": grpc.unary_unary_rpc_method_handler(remaining),
        "Wait": grpc.unary_unary_rpc_method_handler(wait),
        "Who": grpc.unary_unary_rpc_method_handler(who),
        "Stop": grpc.unary_unary_rpc_method_handler(stop),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("interop.Echo", handlers),))
    if arguments.unix:
        port = server.add_insecure_port("unix:" + arguments.unix)
    elif arguments.tls:
        certificate, key, ca = (open(path, "rb").read() for path in arguments.tls)
        credentials = grpc.ssl_server_credentials([(key, certificate)], ca, require_client_auth=True)
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print("PORT %d" % port, flush=True)
    server.wait_for_termination(600)


main()
