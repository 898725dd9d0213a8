// sctl: the command line of Stellar. Reads the arguments, runs one verb against one daemon, says how it went by its exit
// code (SctlExit). The verbs are in the folders, one file each.

import Glibc

let status = await SctlMain.run(arguments: Array(CommandLine.arguments.dropFirst()), console: .standard)
exit(status.rawValue)
