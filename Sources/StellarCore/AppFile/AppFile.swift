/// The app file: an app as JSON, the input of `sctl apps create -f`. `Docs/AppFile.md` describes all fields.
///
/// The rules of the file are the rules of all apps: ``App/validate()`` and the daemon's API check an app in the form of
/// a file, so paths and messages are the same.
public enum AppFile {
    /// The most bytes of an app in its shortest form (``encode(_:)`` without white space): each change stores and sends
    /// the whole app, in a message of at most 16 MiB.
    public static let maximumAppSize = 1 << 20
    /// The most bytes of a file. White space and indentation make at most five bytes of one, so ``encode(_:)`` of a
    /// valid app always fits.
    public static let maximumSize = 8 * maximumAppSize
    /// The most services of an app: each has a container, and a node's subnet has about a thousand addresses.
    public static let maximumServices = 1000
    /// The most replicas of an app: its assignment has an entry for each and must fit a message of the API.
    public static let maximumReplicas = 10_000
    /// The most entries of a list in a service (mounts, endpoints, args, …).
    public static let maximumListLength = 1000

    /// Reads and checks an app file.
    ///
    /// It also reads the output of `sctl apps inspect --format json`, whose member `definition` is an app file.
    ///
    /// - Parameter bytes: JSON text (RFC 8259) in UTF-8, at most ``maximumSize`` bytes.
    /// - Returns: the app, with defaults filled in and image references in their full form.
    /// - Throws: ``AppFileErrors`` with all errors in the order of the file, each with path, line and column. Text that
    ///   is not JSON gives a single error without path.
    public static func parse(_ bytes: some Sequence<UInt8>) throws(AppFileErrors) -> App {
        let bytes = Array(bytes)
        let node: JSONNode
        do {
            node = try JSONReader.read(bytes, maximumSize: maximumSize)
        } catch {
            var positions = TextPositions(in: bytes)
            let (line, column) = positions.position(of: error.offset)
            throw AppFileErrors([AppFileError(path: "", message: error.message, line: line, column: column)])
        }
        return try decode(definition(in: node) ?? node, bytes: bytes)
    }

    private static func definition(in node: JSONNode) -> JSONNode? {
        guard case .object(let members) = node.value,
            let definition = members.first(where: { $0.name == "definition" })?.node,
            case .object = definition.value
        else { return nil }
        return definition
    }

    /// Reads and checks the text of an app file.
    ///
    /// - Parameter text: JSON text (RFC 8259), at most ``maximumSize`` bytes in UTF-8.
    /// - Returns: the app, with defaults filled in and image references in their full form.
    /// - Throws: ``AppFileErrors`` with all errors in the order of the file, each with path, line and column. Text that
    ///   is not JSON gives a single error without path.
    public static func parse(_ text: String) throws(AppFileErrors) -> App {
        try parse(text.utf8)
    }

    /// Writes an app as a file, with members in a fixed order and without default values.
    ///
    /// The same app always gives the same bytes. Parsing them gives the same app if it is valid.
    public static func encode(_ app: App) -> [UInt8] {
        Array(node(of: app).text(indented: true).utf8)
    }

    /// Decodes and checks an app from a document. Without bytes, errors have no line and column.
    package static func decode(_ node: JSONNode, bytes: [UInt8]? = nil) throws(AppFileErrors) -> App {
        var decoder = AppDecoder()
        let app = decoder.app(node)
        let errors = decoder.reader.errors(in: bytes)
        guard errors.isEmpty, let app else { throw AppFileErrors(errors) }
        let size = self.node(of: app).text(indented: false).utf8.count
        guard size <= maximumAppSize else {
            let message = "the app has \(size) bytes (without white space); the limit is \(maximumAppSize)"
            throw AppFileErrors([AppFileError(path: "", message: message)])
        }
        return app
    }

    /// Decodes and checks one service from a document.
    ///
    /// - Parameter path: the path of the service in the document; the paths of errors begin with it.
    package static func decodeService(_ node: JSONNode, path: String = "service") throws(AppFileErrors) -> Service {
        var decoder = AppDecoder()
        let service = decoder.service(node, path)
        let errors = decoder.reader.errors(in: nil)
        guard errors.isEmpty, let service else { throw AppFileErrors(errors) }
        return service
    }
}

extension App {
    /// The app after a check by the rules of the app file, with image references in their full form.
    ///
    /// - Throws: ``AppFileErrors`` with all errors, each with its path in a file.
    public func validated() throws(AppFileErrors) -> App {
        try AppFile.decode(AppFile.node(of: self).numbered())
    }

    /// Checks the app by the rules of the app file.
    ///
    /// - Throws: ``AppFileErrors`` with all errors, each with its path in a file.
    public func validate() throws(AppFileErrors) {
        _ = try validated()
    }
}
