import CSeccomp

extension SeccompProfile {
    /// The profile of every container that is not privileged.
    ///
    /// Calls that it does not name fail with EPERM. It refuses calls that reach out of a container or into little-used
    /// parts of the kernel: mounts, namespaces, keyrings, BPF, kernel modules, the clock. A capability of the container
    /// allows the calls that need it.
    ///
    /// - Parameter capabilities: the container's capabilities by name, e.g. `CAP_CHOWN`.
    package static func standard(capabilities: some Collection<String>) -> SeccompProfile {
        standard(capabilities: Set(capabilities), architectures: nativeArchitectures(), exists: isKnown)
    }

    /// The same for a given processor, as a pure function.
    static func standard(
        capabilities: Set<String>,
        architectures: [String],
        exists: (String) -> Bool
    ) -> SeccompProfile {
        var allowed = Set(SeccompSyscalls.always)
        for entry in SeccompSyscalls.byCapability where capabilities.contains(entry.capability) {
            allowed.formUnion(entry.names)
        }
        for entry in SeccompSyscalls.byArchitecture where !Set(architectures).isDisjoint(with: entry.architectures) {
            allowed.formUnion(entry.names)
        }

        var rules = [Rule(allowed.filter(exists).sorted())]
        rules.append(Rule(["socket"], args: [Argument(index: 0, value: Constants.afVsock, op: .notEqual)]))
        rules += Constants.personalities.map { personality in
            Rule(["personality"], args: [Argument(index: 0, value: personality, op: .equal)])
        }
        if !capabilities.contains("CAP_SYS_ADMIN") {
            // s390 swaps the first two arguments of clone(2).
            let flags: UInt32 = architectures.contains("SCMP_ARCH_S390X") ? 1 : 0
            let noNamespace = Argument(index: flags, value: Constants.cloneNewMask, valueTwo: 0, op: .maskedEqual)
            rules.append(Rule(["clone"], args: [noNamespace]))
            // The flags of clone3 are in memory, where a filter cannot look. ENOSYS makes libc fall back to clone.
            if exists("clone3") {
                rules.append(Rule(["clone3"], .fail, errnoRet: Constants.enosys))
            }
        }
        return SeccompProfile(
            defaultAction: .fail,
            defaultErrnoRet: Constants.eperm,
            architectures: architectures,
            syscalls: rules
        )
    }

    private enum Constants {
        static let eperm: UInt32 = 1
        static let enosys: UInt32 = 38
        /// Sockets to the hypervisor: outside of any network namespace.
        static let afVsock: UInt64 = 40
        /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET (sched.h).
        static let cloneNewMask: UInt64 = 0x7E02_0000
        /// PER_LINUX, PER_LINUX32, UNAME26 with each of them, and the query of the present one (personality(2)).
        static let personalities: [UInt64] = [0x0, 0x8, 0x20000, 0x20008, 0xFFFF_FFFF]
    }

    /// Whether libseccomp knows a call for this processor or for its 32-bit forms (negative pseudo numbers).
    private static func isKnown(_ name: String) -> Bool {
        // __NR_SCMP_ERROR
        seccomp_syscall_resolve_name(name) != -1
    }

    /// This processor's instruction sets, by the specification's names, native first.
    ///
    /// x32 is left out, as few kernels support it (Debian's only with a boot parameter): for every container runc
    /// compiles the profile once per instruction set, a millisecond or more each.
    private static func nativeArchitectures() -> [String] {
        // AUDIT_ARCH_… of linux/audit.h: ELF machine, 64-bit and little-endian bits.
        switch seccomp_arch_native() {
        case 0xC000_003E: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
        case 0x4000_0003: ["SCMP_ARCH_X86"]
        case 0xC000_00B7: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
        case 0x4000_0028: ["SCMP_ARCH_ARM"]
        case 0xC000_00F3: ["SCMP_ARCH_RISCV64"]
        case 0xC000_0015: ["SCMP_ARCH_PPC64LE"]
        case 0x8000_0016: ["SCMP_ARCH_S390X", "SCMP_ARCH_S390"]
        // No list: runc then uses the native one.
        default: []
        }
    }
}
