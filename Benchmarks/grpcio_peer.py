"""Python's grpcio (gRPC's C core) as the peer of rpc-bench: the same server and the same client.

    grpcio_peer.py serve                        prints "PORT n"
    grpcio_peer.py unary PORT CALLS CONCURRENCY  prints calls per second, median and p99 in microseconds
"""
import concurrent.futures
import sys
import threading
import time

import grpc


def serve():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=8))
    handlers = {"Empty": grpc.unary_unary_rpc_method_handler(lambda request, context: b"")}
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


if sys.argv[1] == "serve":
    serve()
else:
    unary(*(int(argument) for argument in sys.argv[2:]))
