/// The system calls of the standard profile, by purpose.
///
/// This list allows no call that Docker's default profile refuses. The resolver drops names that do not exist on this
/// architecture, such as the `…64` and `…32` forms of 32-bit ones.
enum SeccompSyscalls {
    /// Allowed to every container.
    static let always: [String] = groups.flatMap { words($0) }

    /// Allowed to containers that have one of the capabilities on the left.
    static let byCapability: [(capability: String, names: [String])] = [
        ("CAP_BPF", words("bpf")),
        ("CAP_DAC_READ_SEARCH", words("open_by_handle_at")),
        ("CAP_PERFMON", words("perf_event_open")),
        (
            "CAP_SYS_ADMIN",
            words(
                """
                bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr \
                move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog \
                umount umount2 unshare
                """
            )
        ),
        ("CAP_SYS_BOOT", words("reboot")),
        ("CAP_SYS_CHROOT", words("chroot")),
        ("CAP_SYS_MODULE", words("delete_module finit_module init_module")),
        ("CAP_SYS_NICE", words("get_mempolicy mbind set_mempolicy set_mempolicy_home_node")),
        ("CAP_SYS_PACCT", words("acct")),
        ("CAP_SYS_PTRACE", words("kcmp pidfd_getfd process_madvise")),
        ("CAP_SYS_RAWIO", words("ioperm iopl")),
        ("CAP_SYS_TIME", words("clock_settime clock_settime64 settimeofday stime")),
        ("CAP_SYS_TTY_CONFIG", words("vhangup")),
        ("CAP_SYSLOG", words("syslog")),
    ]

    /// Calls that only one family of processors has.
    static let byArchitecture: [(architectures: [String], names: [String])] = [
        (["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], words("arch_prctl modify_ldt")),
        (["SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64"], words("arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush")),
        (["SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64"], words("set_tls sync_file_range2")),
        (["SCMP_ARCH_PPC64LE"], words("swapcontext sync_file_range2")),
        (["SCMP_ARCH_RISCV64"], words("riscv_flush_icache")),
        (["SCMP_ARCH_S390X"], words("s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr")),
    ]

    private static let groups: [String] = [
        // Files and directories.
        """
        access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 \
        fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl \
        fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 \
        fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr inotify_add_watch inotify_init \
        inotify_init1 inotify_rm_watch ioctl lchown lchown32 lgetxattr link linkat listxattr llistxattr lremovexattr \
        _llseek lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat \
        openat2 readahead readlink readlinkat removexattr rename renameat renameat2 rmdir setxattr stat stat64 statfs \
        statfs64 statx symlink symlinkat sync sync_file_range syncfs truncate truncate64 umask unlink unlinkat utime \
        utimensat utimensat_time64 utimes
        """,
        // Reading, writing and waiting.
        """
        epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd \
        eventfd2 io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect \
        pipe pipe2 poll ppoll ppoll_time64 pread64 preadv preadv2 pselect6 pselect6_time64 pwrite64 pwritev pwritev2 \
        read readv select sendfile sendfile64 splice tee vmsplice write writev
        """,
        // Sockets. `socket` itself has a rule with a condition.
        """
        accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 \
        recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
        """,
        // Memory.
        """
        brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap \
        mmap2 mprotect mremap msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages
        """,
        // Processes, threads and their limits. `clone` and `personality` have rules with conditions.
        """
        execve execveat exit exit_group fork getcpu getpgid getpgrp getpid getppid getpriority getrlimit getrusage \
        getsid get_robust_list gettid get_thread_area ioprio_get ioprio_set kill landlock_add_rule \
        landlock_create_ruleset landlock_restrict_self pidfd_open pidfd_send_signal prctl prlimit64 process_mrelease \
        process_vm_readv process_vm_writev ptrace restart_syscall rseq sched_getaffinity sched_getattr sched_getparam \
        sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval \
        sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield \
        seccomp setpgid setpriority setrlimit set_robust_list setsid set_thread_area set_tid_address tgkill tkill \
        ugetrlimit vfork wait4 waitid waitpid
        """,
        // Locks and messages between processes.
        """
        futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake ipc mq_getsetattr mq_notify mq_open \
        mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd \
        semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
        """,
        // Users, groups and capabilities.
        """
        capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32 \
        getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups \
        setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32
        """,
        // Signals.
        """
        pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait \
        rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack signalfd signalfd4 sigprocmask sigreturn
        """,
        // Time, and facts about the system.
        """
        adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 \
        clock_nanosleep clock_nanosleep_time64 getitimer getrandom gettimeofday nanosleep setitimer sysinfo time \
        timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 \
        timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times uname
        """,
    ]

    private static func words(_ text: String) -> [String] {
        text.split(separator: " ").map { String($0) }
    }
}
