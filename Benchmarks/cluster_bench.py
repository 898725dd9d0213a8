"""Measures a cluster that runs (stellar-lab): how long lists take, how fast writes spread, the cost of daemons at rest.

    cluster_bench.py lists DIRECTORY SCTL            `cluster nodes` and `apps list`, with all nodes alive and with one dead
    cluster_bench.py writes DIRECTORY PROTOS COUNT   single writes, until 99 % of the nodes and all have them; then 1,000/s for 30 s
    cluster_bench.py rest DIRECTORY HUB SECONDS      CPU and memory of all daemons, and the bytes between them
"""

import glob
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
LIMIT = 300
BUCKET = "bench"


def nodes(directory):
    return sorted(glob.glob(directory + "/[0-9]*"), key=lambda path: int(os.path.basename(path)))


def socket(node):
    return "unix://%s/state/stellar.sock" % node


def pid(node):
    with open(node + "/pid") as file:
        return int(file.read())


def show(what, value, limit=""):
    print("%-52s %12s   %s" % (what, value, limit), flush=True)


def wait(what, condition):
    end = time.monotonic() + LIMIT
    while not (result := condition()):
        if time.monotonic() > end:
            sys.exit("bench: not within %d s: %s" % (LIMIT, what))
        time.sleep(0.02)
    return result


# lists


def run(sctl, node, *arguments):
    begin = time.monotonic()
    done = subprocess.run([sctl, "--addr", socket(node), *arguments], capture_output=True, text=True)
    took = (time.monotonic() - begin) * 1000
    if done.returncode != 0:
        sys.exit("bench: sctl %s: %s" % (" ".join(arguments), done.stderr))
    return took, done.stdout


def lists(directory, sctl):
    all_nodes = nodes(directory)
    first, last = all_nodes[0], all_nodes[-1]
    alive = lambda: run(sctl, first, "cluster", "nodes")[1].count(" alive ")
    wait("all are alive", lambda: alive() == len(all_nodes))
    verbs = [("cluster", "nodes"), ("apps", "list")]

    def measure(state):
        for verb in verbs:
            times = [run(sctl, first, *verb)[0] for _ in range(21)]
            show("%d nodes, %s: sctl %s" % (len(all_nodes), state, " ".join(verb)), "%.1f ms" % statistics.median(times),
                 "limit 50 (longest %.1f)" % max(times))

    measure("all alive")
    if len(all_nodes) > 1:
        os.kill(pid(last), 9)
        # No node has detected it yet: the list still waits for a response of that node.
        measure("one just killed")
        wait("it is dead", lambda: alive() == len(all_nodes) - 1)
        measure("one dead")
        subprocess.run([last + "/start"], check=True)
        wait("it is back", lambda: alive() == len(all_nodes))


# writes


class Databases:
    """The databases of all nodes. Reads their files, so that counting writes costs the daemons nothing."""

    def __init__(self, directory):
        self.open = [sqlite3.connect("file:%s/data/stellar.db?mode=ro" % node, uri=True) for node in nodes(directory)]

    def count(self, prefix):
        query = "SELECT count(*) FROM entries WHERE bucket = ? AND key >= ? AND key < ?"
        return [one.execute(query, (BUCKET, prefix, prefix + "~")).fetchone()[0] for one in self.open]

    def has(self, database, key):
        query = "SELECT 1 FROM entries WHERE bucket = ? AND key = ?"
        return database.execute(query, (BUCKET, key)).fetchone() is not None

    def seen(self, key, begin):
        """Seconds from `begin` until 99 % of the nodes and until all have the key."""
        missing, nearly = list(self.open), None
        end = time.monotonic() + LIMIT
        while missing:
            missing = [one for one in missing if not self.has(one, key)]
            now = time.monotonic()
            if nearly is None and len(missing) <= len(self.open) // 100:
                nearly = now - begin
            if now > end:
                sys.exit("bench: %d nodes have no %s after %d s" % (len(missing), key, LIMIT))
            time.sleep(0.002)
        return nearly, now - begin


def datastore(protos):
    import grpc
    from grpc_tools import protoc

    # Google's own messages come with the tools; the generated code goes to a temporary folder.
    folder = tempfile.mkdtemp()
    include = os.path.join(os.path.dirname(protoc.__file__), "_proto")
    arguments = ["", "-I" + protos, "-I" + include, "--python_out=" + folder]
    if protoc.main(arguments + ["stellar/datastore/v1/datastore.proto"]) != 0:
        sys.exit("bench: protoc failed")
    sys.path.insert(0, folder)
    from stellar.datastore.v1 import datastore_pb2 as messages

    def client(node):
        channel = grpc.insecure_channel("unix:%s/state/stellar.sock" % node, [("grpc.default_authority", "localhost")])
        name = "/stellar.services.datastore.v1.Datastore/Set"
        return channel.unary_unary(
            name, request_serializer=messages.SetRequest.SerializeToString, response_deserializer=lambda data: data
        )

    return messages, client


def writes(directory, protos, count):
    messages, client = datastore(protos)
    databases = Databases(directory)
    size = len(databases.open)
    clients = [client(node) for node in nodes(directory)]
    run_id = "%d-" % os.getpid()

    def write(call, key):
        return call.future(messages.SetRequest(bucket=BUCKET, key=key, value=os.urandom(100)))

    write(clients[0], run_id + "warm").result()
    databases.seen(run_id + "warm", time.monotonic())
    nearly, whole = [], []
    for number in range(count):
        key = "%sone-%d" % (run_id, number)
        begin = time.monotonic()
        write(clients[number % size], key).result()
        some, every = databases.seen(key, begin)
        nearly.append(some)
        whole.append(every)
        time.sleep(0.2)
    show("%d nodes: a write is on 99 %% of the disks" % size, "%.2f s" % statistics.median(nearly),
         "limit %s (longest %.2f)" % ("1" if size <= 30 else "3", max(nearly)))
    show("%d nodes: a write is on all disks" % size, "%.2f s" % statistics.median(whole),
         "limit %s (longest %.2f)" % ("2" if size <= 30 else "3", max(whole)))

    rate, seconds = 1000, 30
    pending, begin = [], time.monotonic()
    for number in range(rate * seconds):
        late = begin + number / rate - time.monotonic()
        if late > 0:
            time.sleep(late)
        pending.append(write(clients[0], "%smany-%d" % (run_id, number)))
        if len(pending) > 500:
            pending.pop(0).result()
    for future in pending:
        future.result()
    took = time.monotonic() - begin
    show("%d nodes: writes per second at one of them" % size, "%.0f" % (rate * seconds / took), "goal %d" % rate)
    wait("all have all", lambda: all(have == rate * seconds for have in databases.count(run_id + "many-")))
    show("%d nodes: all of %d are on all disks after" % (size, rate * seconds),
         "%.1f s" % (time.monotonic() - begin - took))


# rest


def memory(process, file, name):
    with open("/proc/%d/%s" % (process, file)) as status:
        for line in status:
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
    return 0


def cpu(process):
    with open("/proc/%d/stat" % process) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def traffic(hub):
    """Bytes that the nodes have sent to the bridge."""
    done = subprocess.run(["ip", "-n", hub, "-s", "-j", "link"], capture_output=True, text=True, check=True)
    links = [link for link in json.loads(done.stdout) if link["ifname"].startswith("port")]
    return sum(link["stats64"]["rx"]["bytes"] for link in links)


def rest(directory, hub, seconds):
    processes = [pid(node) for node in nodes(directory)]
    size = len(processes)
    begin = (time.monotonic(), sum(map(cpu, processes)), traffic(hub))
    time.sleep(seconds)
    end = (time.monotonic(), sum(map(cpu, processes)), traffic(hub))
    span = end[0] - begin[0]
    resident = [memory(process, "status", "VmRSS") for process in processes]
    own = [memory(process, "status", "RssAnon") for process in processes]
    show("%d nodes at rest: RSS of a daemon" % size, "%.1f MB" % statistics.median(resident),
         "limit 30 (largest %.1f; anonymous %.1f)" % (max(resident), statistics.median(own)))
    show("%d nodes at rest: CPU of all" % size, "%.0f ms/s" % ((end[1] - begin[1]) * 1000 / span), "limit 500")
    show("%d nodes at rest: bytes per second and node" % size, "%.0f" % ((end[2] - begin[2]) / span / size),
         "gossip alone: see gossip.sh")


if __name__ == "__main__":
    part, directory = sys.argv[1:3]
    if part == "lists":
        lists(directory, sys.argv[3])
    elif part == "writes":
        writes(directory, sys.argv[3], int(sys.argv[4]))
    else:
        rest(directory, sys.argv[3], float(sys.argv[4]))
