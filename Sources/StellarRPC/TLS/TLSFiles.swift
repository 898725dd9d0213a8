internal import COpenSSL
internal import Glibc

/// Loads PEM files into an `SSL_CTX`, with errors that name the file and the reason.
enum TLSFiles {
    /// Loads a certificate chain and its key.
    static func use(_ identity: RPCTLSConfiguration.Identity, in context: OpaquePointer) throws(RPCTLSError) {
        let (chain, key) = (identity.certificateChainFile, identity.privateKeyFile)
        try checkReadable(chain, "certificate")
        OpenSSLFailure.clear()
        guard SSL_CTX_use_certificate_chain_file(context, chain) == 1 else {
            throw unusable("certificate", chain, OpenSSLFailure.take())
        }
        try checkReadable(key, "key")
        OpenSSLFailure.clear()
        guard SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
            let failure = OpenSSLFailure.take()
            if failure.contains(library: CInt(ERR_LIB_X509), reason: X509_R_KEY_VALUES_MISMATCH)
                || failure.contains(library: CInt(ERR_LIB_X509), reason: X509_R_KEY_TYPE_MISMATCH)
            {
                throw RPCTLSError(.configuration, "key \(key) does not match certificate \(chain)")
            }
            throw unusable("key", key, failure)
        }
        guard SSL_CTX_check_private_key(context) == 1 else {
            throw RPCTLSError(.configuration, "key \(key) does not match certificate \(chain)")
        }
    }

    /// Loads the authorities that certificates must lead to.
    static func trust(_ roots: RPCTLSConfiguration.TrustRoots, in context: OpaquePointer) throws(RPCTLSError) {
        OpenSSLFailure.clear()
        switch roots {
        case .system:
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw RPCTLSError(
                    .configuration,
                    "the system's trust roots cannot be loaded (package ca-certificates): \(OpenSSLFailure.take().reason)"
                )
            }
        case .file(let path):
            try checkReadable(path, "CA certificate")
            guard SSL_CTX_load_verify_file(context, path) == 1 else {
                throw unusable("CA certificate", path, OpenSSLFailure.take())
            }
        case .directory(let path):
            for file in try certificates(in: path) {
                guard SSL_CTX_load_verify_file(context, file) == 1 else {
                    throw unusable("CA certificate", file, OpenSSLFailure.take())
                }
            }
            // OpenSSL finds hashed names (openssl rehash) when it needs them.
            _ = SSL_CTX_load_verify_dir(context, path)
        }
    }

    /// Sends the names of the accepted authorities to clients, so that one with several certificates can choose. The system's
    /// are too many to send.
    static func nameAuthorities(_ roots: RPCTLSConfiguration.TrustRoots, in context: OpaquePointer) {
        let files: [String] =
            switch roots {
            case .system: []
            case .file(let path): [path]
            case .directory(let path): (try? certificates(in: path)) ?? []
            }
        guard !files.isEmpty, let names = COpenSSL_X509_NAME_list() else { return }
        for file in files { _ = SSL_add_file_cert_subjects_to_stack(names, file) }
        SSL_CTX_set_client_CA_list(context, names)
        OpenSSLFailure.clear()
    }

    private static func unusable(_ what: String, _ path: String, _ failure: OpenSSLFailure) -> RPCTLSError {
        if failure.contains(library: CInt(ERR_LIB_PEM), reason: PEM_R_BAD_PASSWORD_READ) {
            return RPCTLSError(.configuration, "\(what) \(path) is encrypted; decrypt it with openssl pkey")
        }
        if failure.contains(library: CInt(ERR_LIB_PEM), reason: PEM_R_NO_START_LINE)
            || failure.contains(library: CInt(ERR_LIB_X509), reason: X509_R_NO_CERTIFICATE_OR_CRL_FOUND)
            || failure.contains(library: CInt(ERR_LIB_OSSL_DECODER), reason: COpenSSL_ERR_R_UNSUPPORTED())
        {
            return RPCTLSError(.configuration, "\(what) \(path) is not PEM: it has no BEGIN line for one")
        }
        return RPCTLSError(.configuration, "\(what) \(path) cannot be used: \(failure.reason)")
    }

    /// Reports the system's reason for a file that cannot be opened, which is clearer than OpenSSL's.
    private static func checkReadable(_ path: String, _ what: String) throws(RPCTLSError) {
        var status = stat()
        guard stat(path, &status) == 0, access(path, R_OK) == 0 else {
            throw RPCTLSError(.configuration, "\(what) \(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw RPCTLSError(.configuration, "\(what) \(path) is not a file")
        }
    }

    private static func certificates(in directory: String) throws(RPCTLSError) -> [String] {
        guard let stream = opendir(directory) else {
            throw RPCTLSError(
                .configuration,
                "CA directory \(directory) cannot be read: \(String(cString: strerror(errno)))"
            )
        }
        defer { closedir(stream) }
        var files: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard [".pem", ".crt", ".cer"].contains(where: name.hasSuffix) else { continue }
            files.append("\(directory)/\(name)")
        }
        return files.sorted()
    }
}

/// The identity and modification time of a file or directory, to detect a change without reading it.
struct TLSFileStamp: Hashable {
    private var device: UInt = 0
    private var inode: UInt = 0
    private var size = 0
    private var seconds = 0
    private var nanoseconds = 0

    /// A missing path has the zero stamp, so its creation is a change too.
    init(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}
