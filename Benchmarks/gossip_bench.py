"""Measures clusters of real processes, ours and Serf's in turn: how long until every node knows every node, the cost of an
idle node, false positives (nodes wrongly reported dead), and how fast a killed node is detected. gossip.sh runs it in a
network namespace of its own.

    gossip_bench.py GOSSIP_NODE NODES[,NODES...] ROUNDS IDLE_SECONDS BUSY_SECONDS
"""

import os
import re
import selectors
import signal
import statistics
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")
LIMIT = 300
JOINS = 3
KILLS = 5
SEEN = {
    "ours": (re.compile(rb"join (\S+)"), re.compile(rb"fail (\S+)")),
    "serf": (re.compile(rb".*EventMemberJoin: (\S+)"), re.compile(rb".*EventMemberFailed: (\S+)")),
}


class Cluster:
    def __init__(self, kind, program, count):
        self.kind, self.count = kind, count
        self.joined = [{self.name(i)} for i in range(count)]
        self.failed = []
        self.processes = []
        self.rest = [b""] * count
        self.selector = selectors.DefaultSelector()
        self.began = time.monotonic()
        self.program = program
        self.start(0)
        self.wait(lambda: self.is_listening(), "the first node listens")
        for index in range(1, count):
            self.start(index)

    @staticmethod
    def name(index):
        return b"n%d" % index

    @staticmethod
    def place(index):
        return "127.0.0.1:%d" % (10000 + index)

    def start(self, index):
        name, place, first = self.name(index).decode(), self.place(index), self.place(0)
        if self.kind == "ours":
            command = [self.program, name, place, "--preset", "lan", "--log", "error"]
            command += ["--join", first] if index else []
        else:
            command = ["serf", "agent", "-node", name, "-bind", place, "-profile", "lan"]
            command += ["-rpc-addr", "127.0.0.1:%d" % (20000 + index)]
            command += ["-join", first] if index else []
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )
        os.set_blocking(process.stdout.fileno(), False)
        self.selector.register(process.stdout, selectors.EVENT_READ, index)
        self.processes.append(process)

    def is_listening(self):
        """Whether a socket listens (0A) on the first port. Sockets of an earlier cluster in other states do not count."""
        with open("/proc/net/tcp") as table:
            rows = [line.split() for line in table]
        return any(row[1].endswith(":%04X" % 10000) and row[3] == "0A" for row in rows)

    def read(self, seconds):
        join, fail = SEEN[self.kind]
        for key, _ in self.selector.select(seconds):
            index, now = key.data, time.monotonic()
            data = key.fileobj.read(1 << 20)
            if not data:
                self.selector.unregister(key.fileobj)
                continue
            lines = (self.rest[index] + data).split(b"\n")
            self.rest[index] = lines.pop()
            for line in lines:
                if found := join.match(line):
                    self.joined[index].add(found[1])
                elif found := fail.match(line):
                    self.failed.append((now, index, found[1]))

    def wait(self, condition, what):
        end = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > end:
                sys.exit("bench: %s: did not happen within %d s: %s" % (self.kind, LIMIT, what))
            self.read(0.02)

    def rest_for(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def wait_for_all(self):
        """Seconds from the start of the first node until 99 % of the nodes know each other, and until all do. A lost update
        arrives with the next push/pull, up to a minute later."""
        known = lambda: sum(len(names) for names in self.joined)
        self.wait(lambda: known() >= 0.99 * self.count**2, "99 % of the nodes know each other")
        nearly = time.monotonic() - self.began
        self.wait(lambda: known() == self.count**2, "every node knows every node")
        return nearly, time.monotonic() - self.began

    def usage(self):
        """CPU seconds of all processes, and the bytes and packets that were sent over loopback."""
        cpu = 0
        for process in self.processes:
            with open("/proc/%d/stat" % process.pid) as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            cpu += (int(fields[11]) + int(fields[12])) / TICK
        return (cpu, *sent_over_loopback())

    def memory(self, field):
        """The median of a line of /proc/PID/status, in MB."""
        values = []
        for process in self.processes:
            with open("/proc/%d/status" % process.pid) as status:
                values += [int(line.split()[1]) / 1024 for line in status if line.startswith(field)]
        return statistics.median(values)

    def kill(self, victim, killed):
        """Seconds until the first and until the last node detects it, and the number of false positives meanwhile."""
        self.failed = []
        began = time.monotonic()
        self.processes[victim].kill()
        others = set(range(self.count)) - set(killed) - {victim}
        name = self.name(victim)
        self.wait(lambda: {index for _, index, who in self.failed if who == name} >= others, "all nodes detect the dead one")
        times = [at - began for at, _, who in self.failed if who == name]
        return min(times), max(times), sum(1 for _, _, who in self.failed if who != name)

    def end(self):
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
        for process in self.processes:
            process.wait()
            process.stdin.close()
            process.stdout.close()
        self.selector.close()


def sent_over_loopback():
    """Bytes and packets; /proc/net/dev shows this process's network namespace; /sys/class/net can show another."""
    with open("/proc/net/dev") as table:
        fields = next(line for line in table if line.lstrip().startswith("lo:")).split(":")[1].split()
    return int(fields[8]), int(fields[9])


def join(kind, program, count):
    cluster = Cluster(kind, program, count)
    try:
        return cluster.wait_for_all()
    finally:
        cluster.end()


def measure(kind, program, count, idle, busy):
    cluster = Cluster(kind, program, count)
    try:
        cluster.wait_for_all()
        result = {}
        # Until the updates of the joins are sent.
        cluster.rest_for(20)
        cluster.failed = []
        before = cluster.usage()
        cluster.rest_for(idle)
        after = cluster.usage()
        cpu, octets, packets = (b - a for a, b in zip(before, after))
        result["idle: CPU per node, ms/s"] = cpu * 1000 / idle / count
        result["idle: bytes/s per node"] = octets / idle / count
        result["idle: packets/s per node"] = packets / idle / count
        result["anonymous memory per node, MB"] = cluster.memory("RssAnon")
        result["resident memory per node, MB"] = cluster.memory("VmRSS")
        result["wrongly reported dead, idle"] = len(cluster.failed)
        cluster.failed = []
        burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())]
        cluster.rest_for(busy)
        for burner in burners:
            burner.kill()
            burner.wait()
        cluster.rest_for(5)
        result["wrongly reported dead, all cores busy"] = len(cluster.failed)
        victims = [count // 2 + index for index in range(KILLS)]
        kills = [cluster.kill(victim, victims[:index]) for index, victim in enumerate(victims)]
        first, last, wrong = zip(*kills)
        result["kill -9, first to detect, s"] = statistics.median(first)
        result["kill -9, last to detect, s"] = statistics.median(last)
        result["wrongly reported dead, after kill -9"] = sum(wrong)
        return result
    finally:
        cluster.end()


def main():
    # SIGTERM, too, ends the processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    program, sizes, rounds, idle, busy = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    for count in map(int, sizes.split(",")):
        joins = [(join("ours", program, count), join("serf", program, count)) for _ in range(JOINS)]
        for index, what in enumerate(("99 % know each other, s", "all know all, s")):
            report(count, what, [ours[index] for ours, _ in joins], [serf[index] for _, serf in joins])
        results = {"ours": [], "serf": []}
        for _ in range(rounds):
            for kind in results:
                results[kind].append(measure(kind, program, count, idle, busy))
        for what in results["ours"][0]:
            report(count, what, *([result[what] for result in results[kind]] for kind in results))


def report(count, what, ours, serf):
    ours, serf = statistics.median(ours), statistics.median(serf)
    ratio = "ratio %6.2f" % (ours / serf) if serf else ""
    print("%-50s %10.2f   serf %10.2f   %s" % ("%d nodes: %s" % (count, what), ours, serf, ratio), flush=True)


main()
