import ArgumentParser

/// A verb whose command line is usually nothing but its name and global options.
///
/// ArgumentParser finds out by reflection what a command takes, which is half of the time that a short one runs. A line
/// that ``PlainArguments`` can read needs none of that; every other line is ArgumentParser's.
protocol PlainVerb: Verb {
    var globals: GlobalOptions { get set }

    /// Gives every argument but the global options its default.
    mutating func setDefaults()
}

extension PlainVerb {
    mutating func setDefaults() {}

    /// - Returns: nil where the arguments are more than global options.
    static func reading(_ arguments: [String]) -> Self? {
        guard let globals = PlainArguments.read(arguments) else { return nil }
        var verb = Self()
        verb.globals = globals
        verb.setDefaults()
        return verb
    }
}

/// The global options, spelled in the ways that are right beyond doubt.
enum PlainArguments {
    /// - Returns: nil for anything else: a short form, a mistake, another argument.
    static func read(_ arguments: [String]) -> GlobalOptions? {
        var globals = GlobalOptions()
        globals.addr = nil
        globals.cert = nil
        globals.key = nil
        globals.ca = nil
        globals.skipVerify = false
        globals.output = .table
        globals.debug = false
        var rest = arguments[...]
        while let option = rest.popFirst() {
            switch option {
            case "--skip-verify": globals.skipVerify = true
            case "--debug", "-D": globals.debug = true
            default:
                guard let value = rest.popFirst(), !value.hasPrefix("-"),
                    set(option, value, in: &globals)
                else { return nil }
            }
        }
        return globals
    }

    private static func set(_ option: String, _ value: String, in globals: inout GlobalOptions) -> Bool {
        switch option {
        case "--addr", "-a": globals.addr = value
        case "--cert", "-c": globals.cert = value
        case "--key", "-k": globals.key = value
        case "--ca": globals.ca = value
        case "--output", "-o":
            guard let format = OutputFormat(rawValue: value) else { return false }
            globals.output = format
        default: return false
        }
        return true
    }
}
