/// The platform of a binary, in the terms of an image index: operating system, CPU architecture (Go's names) and
/// variant.
public struct Platform: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The operating system, `linux`.
    public var os: String
    /// The architecture as Go names it: `amd64`, `arm64`, `arm`, `386`, `riscv64`, `ppc64le`, `s390x`.
    public var architecture: String
    /// The revision of the architecture, for ARM: `v8`, `v7`, `v6`, `v5`.
    public var variant: String?

    /// Makes a platform; normalizes common other names (`x86_64` is `amd64`, `aarch64` is `arm64`, `arm` without
    /// variant is `v7`, `arm64`'s `v8` is left out).
    public init(os: String, architecture: String, variant: String? = nil) {
        self.os = os.lowercased()
        let variant = variant?.lowercased() ?? ""
        switch architecture.lowercased() {
        case "x86_64", "x86-64", "amd64":
            self.architecture = "amd64"
            self.variant = variant == "" || variant == "v1" ? nil : variant
        case "aarch64", "arm64":
            self.architecture = "arm64"
            self.variant = variant == "" || variant == "8" || variant == "v8" ? nil : variant
        case "i386", "i686", "386":
            self.architecture = "386"
            self.variant = nil
        case "armhf":
            self.architecture = "arm"
            self.variant = "v7"
        case "armel":
            self.architecture = "arm"
            self.variant = "v6"
        case "arm":
            self.architecture = "arm"
            switch variant {
            case "", "7": self.variant = "v7"
            case "5", "6", "8": self.variant = "v" + variant
            default: self.variant = variant
            }
        case let other:
            self.architecture = other
            self.variant = variant == "" ? nil : variant
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            os: try container.decodeIfPresent(String.self, forKey: .os) ?? "",
            architecture: try container.decodeIfPresent(String.self, forKey: .architecture) ?? "",
            variant: try container.decodeIfPresent(String.self, forKey: .variant)
        )
    }

    /// `linux/arm/v7`.
    public var description: String {
        ([os, architecture] + (variant.map { [$0] } ?? [])).joined(separator: "/")
    }

    /// The platform of this program's build.
    public static var current: Platform {
        #if arch(x86_64)
        Platform(os: "linux", architecture: "amd64")
        #elseif arch(arm64)
        Platform(os: "linux", architecture: "arm64")
        #elseif arch(arm)
        Platform(os: "linux", architecture: "arm", variant: "v7")
        #elseif arch(i386)
        Platform(os: "linux", architecture: "386")
        #elseif arch(riscv64)
        Platform(os: "linux", architecture: "riscv64")
        #elseif arch(powerpc64le)
        Platform(os: "linux", architecture: "ppc64le")
        #elseif arch(s390x)
        Platform(os: "linux", architecture: "s390x")
        #else
        Platform(os: "linux", architecture: "unknown")
        #endif
    }

    /// Every platform whose images run on this one, best first: ARM also runs images of older ARM revisions, a 64-bit
    /// machine the 32-bit images of its family. The order is containerd's.
    package var runnable: [Platform] {
        switch architecture {
        case "amd64":
            let levels = ["v4", "v3", "v2"].drop { $0 != variant }.map {
                Platform(os: os, architecture: "amd64", variant: $0)
            }
            return levels + [
                Platform(os: os, architecture: "amd64"), Platform(os: os, architecture: "386"),
            ]
        case "arm64":
            var platforms = [self]
            if variant != nil { platforms.append(Platform(os: os, architecture: "arm64")) }
            return platforms + Platform(os: os, architecture: "arm", variant: "v8").runnable
        case "arm":
            let variants = ["v8", "v7", "v6", "v5"].drop { $0 != variant }
            return variants.isEmpty ? [self] : variants.map { Platform(os: os, architecture: "arm", variant: $0) }
        default:
            return [self]
        }
    }

    /// How well an image for `other` suits this platform: 0 is best, nil is not at all.
    package func rank(of other: Platform) -> Int? {
        runnable.firstIndex(of: other)
    }
}
