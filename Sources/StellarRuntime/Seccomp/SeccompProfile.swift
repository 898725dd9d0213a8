/// The system call filter of a container, in the form of the OCI runtime specification (`linux.seccomp`).
///
/// A filter is a default action and a list of rules; runc compiles it to BPF and installs it before the process starts.
/// See seccomp(2) and the OCI runtime specification, "Seccomp".
package struct SeccompProfile: Codable, Hashable, Sendable {
    /// The effect of a rule on a call, by the specification's names.
    package enum Action: String, Codable, Sendable {
        case allow = "SCMP_ACT_ALLOW"
        /// The call fails with `errnoRet` (EPERM if not set).
        case fail = "SCMP_ACT_ERRNO"
    }

    /// How an argument is compared.
    package enum Comparison: String, Codable, Sendable {
        case equal = "SCMP_CMP_EQ"
        case notEqual = "SCMP_CMP_NE"
        /// `argument & value == valueTwo`.
        case maskedEqual = "SCMP_CMP_MASKED_EQ"
    }

    /// A condition on one argument; a rule applies when all of its conditions hold.
    package struct Argument: Codable, Hashable, Sendable {
        /// Which argument, from 0.
        package var index: UInt32
        package var value: UInt64
        /// The wanted result of a masked comparison.
        package var valueTwo: UInt64?
        package var op: Comparison
    }

    /// The action for some system calls.
    package struct Rule: Codable, Hashable, Sendable {
        package var names: [String]
        package var action: Action
        package var errnoRet: UInt32?
        package var args: [Argument]?

        package init(_ names: [String], _ action: Action = .allow, errnoRet: UInt32? = nil, args: [Argument]? = nil) {
            self.names = names
            self.action = action
            self.errnoRet = errnoRet
            self.args = args
        }
    }

    /// The action for calls that no rule names.
    package var defaultAction: Action
    /// The errno of the default action.
    package var defaultErrnoRet: UInt32
    /// The instruction sets of the filter, e.g. `SCMP_ARCH_X86_64`; calls through another one are refused.
    package var architectures: [String]
    /// The rules.
    package var syscalls: [Rule]
}
