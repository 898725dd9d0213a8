// sctl: the command line of Stellar. Reads the arguments, runs one verb against one daemon, says how it went by its exit
// code (SctlExit). The verbs are in the folders, one file each.

import Glibc
import StellarRPC

FileBytes.openStandardDescriptors()
// `sctl … | head`: a write fails instead.
signal(SIGPIPE, SIG_IGN)
MainThread.run {
    let status = await SctlMain.run(arguments: Array(CommandLine.arguments.dropFirst()), console: .standard)
    exit(status.rawValue)
}
