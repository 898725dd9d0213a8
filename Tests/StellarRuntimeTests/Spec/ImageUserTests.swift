import Glibc
import StellarCore
import StellarTestKit
import Testing

@testable import StellarRuntime

struct ImageUserTests {
    private static let passwd = Array(
        """
        root:x:0:0:root:/root:/bin/sh
        # a comment: of:three:fields
        redis:x:999:1000::/data:/bin/sh
        broken:x:many:1
        1234:x:77:78::/:/bin/sh

        """.utf8
    )
    private static let group = Array(
        "root:x:0:\nredis:x:1000:\nvideo:x:44:redis,other\naudio:x:29:other,redis\nbad:x\n".utf8
    )

    private func resolve(_ user: String) throws -> ImageUser {
        try ImageUser.resolve(.init(user: user), passwd: Self.passwd, group: Self.group)
    }

    @Test func numbersAreUsedAsGiven() throws {
        #expect(try ImageUser.resolve(.init()) == ImageUser(uid: 0, gid: 0))
        #expect(try ImageUser.resolve(.init(uid: 5)) == ImageUser(uid: 5, gid: 0))
        #expect(try ImageUser.resolve(.init(uid: 5, gid: 6)) == ImageUser(uid: 5, gid: 6, additionalGids: [6]))
    }

    @Test func aNameBringsItsGroups() throws {
        #expect(try resolve("redis") == ImageUser(uid: 999, gid: 1000, additionalGids: [1000, 29, 44]))
        #expect(try resolve("999") == resolve("redis"))
    }

    @Test func aNamedGroupIsTheOnlyOne() throws {
        #expect(try resolve("redis:video") == ImageUser(uid: 999, gid: 44, additionalGids: [44]))
        #expect(try resolve("redis:0") == ImageUser(uid: 999, gid: 0))
        #expect(try resolve("7:8") == ImageUser(uid: 7, gid: 8))
    }

    @Test func aNumberWithoutALineIsUsedAsGiven() throws {
        #expect(try resolve("4242") == ImageUser(uid: 4242, gid: 0))
        #expect(try ImageUser.resolve(.init(user: "4242")) == ImageUser(uid: 4242, gid: 0))
    }

    @Test func namesPrecedeNumbers() throws {
        #expect(try resolve("1234").uid == 77)
    }

    @Test(arguments: ["nobody", "broken", "redis:nogroup", ":0", "", "-1", "4294967296"])
    func missingUsersAndGroupsAreNamed(_ user: String) throws {
        do {
            _ = try resolve(user)
            Issue.record("no error for \(user)")
        } catch let error as SpecError {
            #expect(error.description.hasPrefix("process.user: there is no"))
        }
    }
}

struct BindSourcesTests {
    @Test func missingFoldersAreCreatedAndOthersStay() throws {
        let folder = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(folder) }
        let path = folder + "/a/b"
        let mounts = [
            StellarCore.Mount(source: path, destination: "/data"), .init(source: folder, destination: "/x"),
        ]
        let owner = ImageUser(uid: geteuid(), gid: getegid())
        let before = mode(of: folder)
        for _ in 1...2 { try BindSources.prepare(mounts, owner: owner) }
        #expect(mode(of: path) == 0o755 | S_IFDIR)
        #expect(mode(of: folder) == before)
    }

    @Test func folderThatCannotBeCreatedIsNamed() throws {
        do {
            try BindSources.prepare(
                [.init(source: "/proc/stellar/none", destination: "/data")],
                owner: ImageUser(uid: 0, gid: 0)
            )
            Issue.record("no error")
        } catch {
            #expect(error.description.contains("mount /data") && error.description.contains("/proc/stellar"))
        }
    }

    private func mode(of path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode : 0
    }
}
