"""Python's grpcio (gRPC's C core) as the peer of rpc-bench: the same server and the same client.

    grpcio_peer.py serve                         prints "PORT n"
    grpcio_peer.py unary PORT CALLS CONCURRENCY  prints calls per second, median and p99 in microseconds
    grpcio_peer.py stream PORT COUNT BYTES       reads COUNT messages of BYTES, prints MB per second
"""
import concurrent.futures
import sys
import threading
import time

import grpc

# The same limit as the project's, 16 MiB. gRPC's default of 4 MiB would be enough for the measured messages.
OPTIONS = [("grpc.max_receive_message_length", 16 << 20)]


def stream(request, context):
    count, size = (int(part) for part in request.split())
    message = bytes(size)
    for _ in range(count):
        yield message


def serve():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=8))
    handlers = {
        "Empty": grpc.unary_unary_rpc_method_handler(lambda request, context: b""),
        "Stream": grpc.unary_stream_rpc_method_handler(stream),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Bench", handlers),))
    print("PORT %d" % server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


def unary(port, calls, concurrency):
    with grpc.insecure_channel("127.0.0.1:%d" % port) as channel:
        call = channel.unary_unary("/bench.Bench/Empty")
        for _ in range(500):
            call(b"")
        times = []

        def work():
            own = []
            for _ in range(calls // concurrency):
                begin = time.perf_counter()
                call(b"")
                own.append(time.perf_counter() - begin)
            times.extend(own)

        start = time.perf_counter()
        threads = [threading.Thread(target=work) for _ in range(concurrency)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.perf_counter() - start
        times.sort()
        print(int(len(times) / elapsed), int(times[len(times) // 2] * 1e6), int(times[len(times) * 99 // 100] * 1e6))


def read(port, count, size):
    with grpc.insecure_channel("127.0.0.1:%d" % port, OPTIONS) as channel:
        start = time.perf_counter()
        total = 0
        for message in channel.unary_stream("/bench.Bench/Stream")(b"%d %d" % (count, size)):
            total += len(message)
        elapsed = time.perf_counter() - start
        assert total == count * size, total
        print(int(total / 1e6 / elapsed))


if sys.argv[1] == "serve":
    serve()
else:
    {"unary": unary, "stream": read}[sys.argv[1]](*(int(argument) for argument in sys.argv[2:]))
