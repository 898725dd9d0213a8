// record-functions SYMBOLS PROGRAM [ARGUMENT...]: runs PROGRAM and prints the functions that it calls, in the order of their
// first calls, one a line.
//
// SYMBOLS has the program's functions as `nm` prints them, "ADDRESS NAME" a line. Each function gets a breakpoint (x86's
// int3) on its first byte. The first call removes it, so that all threads run at full speed afterwards. For
// position-independent programs on x86-64 that neither write to their code nor release it (madvise).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct function { unsigned long address; char *name; };
static struct function *functions;
static size_t count;
// The code of the program without breakpoints, from its first function on; and for each byte, the number (from 1) of the
// function that begins there, or 0.
static unsigned long first, last;
static unsigned char *code;
static unsigned *begins;

static void fail(const char *what) { perror(what); exit(1); }

static void read_symbols(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    char *line = NULL;
    size_t size = 0;
    first = ~0ul;
    while (getline(&line, &size, file) > 0) {
        char *end;
        unsigned long address = strtoul(line, &end, 16);
        if (*end != ' ') continue;
        functions = realloc(functions, (count + 1) * sizeof *functions);
        functions[count].address = address;
        functions[count++].name = strdup(strtok(end + 1, "\n"));
        if (address < first) first = address;
        if (address > last) last = address;
    }
    free(line);
    fclose(file);
    if (!count) { fprintf(stderr, "%s: no functions\n", path); exit(1); }
}

static unsigned long base_of(pid_t process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/maps", process);
    FILE *maps = fopen(path, "r");
    unsigned long base;
    if (!maps || fscanf(maps, "%lx", &base) != 1) fail(path);
    fclose(maps);
    return base;
}

static void set_breakpoints(int memory, unsigned long base) {
    size_t length = last - first + 1;
    code = malloc(length);
    begins = calloc(length, sizeof *begins);
    unsigned char *patched = malloc(length);
    if (pread(memory, code, length, base + first) != (ssize_t)length) fail("read the program's code");
    memcpy(patched, code, length);
    for (size_t i = 0; i < count; i++) {
        // Functions that the linker merged share an address: the last name is printed for all of them.
        begins[functions[i].address - first] = i + 1;
        patched[functions[i].address - first] = 0xCC;
    }
    if (pwrite(memory, patched, length, base + first) != (ssize_t)length) fail("write breakpoints");
    free(patched);
}

int main(int argc, char **argv) {
    if (argc < 3) { fprintf(stderr, "usage: %s SYMBOLS PROGRAM [ARGUMENT...]\n", argv[0]); return 2; }
    read_symbols(argv[1]);
    pid_t process = fork();
    if (process < 0) fail("fork");
    if (process == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(argv[2], argv + 2);
        fail(argv[2]);
    }
    int status;
    waitpid(process, &status, 0);
    ptrace(PTRACE_SETOPTIONS, process, 0, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", process);
    int memory = open(path, O_RDWR);
    if (memory < 0) fail(path);
    unsigned long base = base_of(process);
    set_breakpoints(memory, base);
    ptrace(PTRACE_CONT, process, 0, 0);
    for (pid_t thread; (thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR;) {
        if (thread < 0) continue;
        if (!WIFSTOPPED(status)) {
            if (thread == process) break;
            continue;
        }
        int signal = WSTOPSIG(status);
        // A new thread begins with SIGSTOP. SIGTRAP comes from a breakpoint, or reports a new thread.
        int pass = signal == SIGSTOP || signal == SIGTRAP ? 0 : signal;
        if (signal == SIGTRAP && status >> 16 == 0) {
            struct user_regs_struct registers;
            ptrace(PTRACE_GETREGS, thread, 0, &registers);
            unsigned long offset = registers.rip - 1 - base - first;
            if (offset <= last - first && begins[offset]) {
                if (pwrite(memory, code + offset, 1, base + first + offset) != 1) fail("remove a breakpoint");
                // Two threads can hit the same breakpoint: only the first prints the name; both step back.
                struct function *function = &functions[begins[offset] - 1];
                if (function->name) puts(function->name);
                function->name = NULL;
                registers.rip -= 1;
                ptrace(PTRACE_SETREGS, thread, 0, &registers);
            }
        }
        ptrace(PTRACE_CONT, thread, 0, pass);
    }
    return 0;
}
