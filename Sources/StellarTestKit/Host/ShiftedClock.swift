import Glibc

/// A wrong wall clock for one program: a library that replaces glibc's functions for the time of day (ld.so(8), `LD_PRELOAD`)
/// and adds an offset from a file. Monotonic clocks stay right, as on a machine with a wrong date. The kernel cannot do this:
/// time namespaces (time_namespaces(7)) do not change CLOCK_REALTIME.
struct ShiftedClock: Sendable {
    private let library: String
    private let file: String

    /// Compiles the library in the folder.
    init(directory: String) async throws {
        let source = "\(directory)/clock.c"
        library = "\(directory)/clock.so"
        file = "\(directory)/clock"
        try TemporaryDirectory.write(Self.source.utf8, to: source)
        // clang comes with Swift.
        try await ChildProcess.check("clang", ["-O1", "-shared", "-fPIC", source, "-o", library])
        try shift(by: .zero)
    }

    /// The command prefix that runs a program with this clock.
    var wrapper: [String] { ["env", "LD_PRELOAD=\(library)", "STELLAR_TEST_CLOCK=\(file)"] }

    /// Sets the offset, also for programs that run: they have the file's eight bytes mapped.
    func shift(by offset: Duration) throws {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileFailure(path: file, operation: "open", number: errno) }
        defer { close(descriptor) }
        let seconds = offset.components.seconds
        guard withUnsafeBytes(of: seconds, { pwrite(descriptor, $0.baseAddress, $0.count, 0) }) == 8 else {
            throw FileFailure(path: file, operation: "write", number: errno)
        }
    }

    private static let source = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static const volatile long *offset;

        __attribute__((constructor)) static void map(void) {
            int file = open(getenv("STELLAR_TEST_CLOCK"), O_RDONLY | O_CLOEXEC);
            offset = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
            if (file < 0 || offset == MAP_FAILED) abort();
            close(file);
        }

        int clock_gettime(clockid_t clock, struct timespec *now) {
            int result = syscall(SYS_clock_gettime, clock, now);
            if (result == 0 && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *offset;
            return result;
        }

        int gettimeofday(struct timeval *restrict now, void *restrict zone) {
            struct timespec time;
            clock_gettime(CLOCK_REALTIME, &time);
            now->tv_sec = time.tv_sec;
            now->tv_usec = time.tv_nsec / 1000;
            return 0;
        }

        int timespec_get(struct timespec *now, int base) {
            return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
        }

        time_t time(time_t *result) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (result) *result = now.tv_sec;
            return now.tv_sec;
        }
        """
}
