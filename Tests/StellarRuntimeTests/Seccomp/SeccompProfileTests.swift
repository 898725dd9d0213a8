import FoundationEssentials
import Testing

@testable import StellarRuntime

struct SeccompProfileTests {
    private static let dockersCapabilities = [
        "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
        "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
        "CAP_SYS_CHROOT",
    ]

    private func allowed(_ profile: SeccompProfile) -> Set<String> {
        Set(profile.syscalls.filter { $0.action == .allow && $0.args == nil }.flatMap(\.names))
    }

    @Test func commonCallsAreAllowed() {
        let names = allowed(.standard(capabilities: Self.dockersCapabilities))
        for name in ["read", "write", "execve", "futex", "openat", "epoll_wait", "accept4", "chroot", "arch_prctl"] {
            #expect(names.contains(name), "\(name)")
        }
    }

    @Test(arguments: [
        "mount", "umount2", "unshare", "setns", "keyctl", "add_key", "request_key", "bpf", "perf_event_open",
        "init_module", "kexec_load", "reboot", "swapon", "clock_settime", "userfaultfd", "io_uring_setup", "iopl",
        "pivot_root", "open_by_handle_at", "syslog", "acct", "nfsservctl", "clone", "clone3", "socket", "personality",
    ])
    func dangerousCallsAreRefused(_ name: String) {
        #expect(!allowed(.standard(capabilities: Self.dockersCapabilities)).contains(name))
    }

    @Test func unnamedCallsFailWithEPERM() {
        let profile = SeccompProfile.standard(capabilities: [])
        #expect(profile.defaultAction == .fail)
        #expect(profile.defaultErrnoRet == 1)
        #expect(!allowed(profile).contains("chroot"))
    }

    @Test func aCapabilityAllowsItsCalls() {
        let names = allowed(.standard(capabilities: ["CAP_SYS_ADMIN", "CAP_SYS_TIME"]))
        for name in ["mount", "unshare", "clone", "clone3", "clock_settime"] {
            #expect(names.contains(name), "\(name)")
        }
        #expect(!names.contains("init_module"))
    }

    @Test func cloneMayNotMakeNamespaces() throws {
        let profile = SeccompProfile.standard(capabilities: [])
        let clone = try #require(profile.syscalls.first { $0.names == ["clone"] })
        #expect(clone.args == [.init(index: 0, value: 0x7E02_0000, valueTwo: 0, op: .maskedEqual)])
        let clone3 = try #require(profile.syscalls.first { $0.names == ["clone3"] })
        #expect(clone3.action == .fail && clone3.errnoRet == 38)
        // A rule without a condition would undo the condition.
        #expect(!profile.syscalls.contains { $0.names == ["clone"] && $0.args == nil })
    }

    @Test func unknownNamesAreLeftOut() {
        let profile = SeccompProfile.standard(
            capabilities: [],
            architectures: ["SCMP_ARCH_RISCV64"],
            exists: { $0 != "read" && $0 != "clone3" }
        )
        let names = allowed(profile)
        #expect(!names.contains("read"))
        #expect(names.contains("riscv_flush_icache") && !names.contains("arch_prctl"))
        #expect(!profile.syscalls.contains { $0.names == ["clone3"] })
    }

    @Test func encodingFollowsTheSpecification() throws {
        let data = try JSONEncoder().encode(SeccompProfile.standard(capabilities: []))
        let text = String(decoding: data, as: UTF8.self)
        #expect(text.contains(#""defaultAction":"SCMP_ACT_ERRNO""#))
        #expect(text.contains(#""SCMP_CMP_MASKED_EQ""#))
        #expect(try JSONDecoder().decode(SeccompProfile.self, from: data) == .standard(capabilities: []))
    }
}
