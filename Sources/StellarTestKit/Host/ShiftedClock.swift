import Glibc

/// A wall clock that is wrong, for one program: a library that stands before glibc's functions that tell the time of day
/// (ld.so(8), `LD_PRELOAD`) and adds what a file says. Monotonic clocks stay as they are, as on a machine whose date is set
/// wrong. The kernel has no such thing: time namespaces (time_namespaces(7)) leave CLOCK_REALTIME alone.
struct ShiftedClock: Sendable {
    private let library: String
    private let file: String

    /// Compiles it into the folder.
    init(directory: String) async throws {
        let source = "\(directory)/clock.c"
        library = "\(directory)/clock.so"
        file = "\(directory)/clock"
        try TemporaryDirectory.write(Self.source.utf8, to: source)
        // The compiler that came with Swift.
        try await ChildProcess.check("clang", ["-O1", "-shared", "-fPIC", source, "-o", library])
        try shift(by: .zero)
    }

    /// What runs a program with it.
    var wrapper: [String] { ["env", "LD_PRELOAD=\(library)", "STELLAR_TEST_CLOCK=\(file)"] }

    /// From now on, also for programs that run: the file's eight bytes are mapped into them.
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
