/// The app file: an app as JSON, as `apps create -f` reads it. `Docs/AppFile.md` describes every field.
///
/// Reading it is also how an app is checked that came another way: the API's request and ``App/validate()`` are brought
/// into the form of a file first, so there is one set of rules, paths and messages.
public enum AppFile {
    /// An app in its shortest form (``encode(_:)`` without white space): it is stored and sent as a whole with every
    /// change, in one message of 16 MiB at most.
    public static let maximumAppSize = 1 << 20
    /// A file. White space and indentation make at most five bytes of one, so what ``encode(_:)`` writes of an app that
    /// was taken can always be read again.
    public static let maximumSize = 8 * maximumAppSize
    /// Each service is at least one container; a node's subnet has about a thousand addresses.
    public static let maximumServices = 1000
    /// Containers of one app: keeps its assignment, one entry for each, well below a message of the API.
    public static let maximumReplicas = 10_000
    /// Lists of a service (mounts, endpoints, args, …): more entries are a generator gone wild.
    public static let maximumListLength = 1000

    /// Reads and checks an app file.
    ///
    /// What `apps inspect --format json` prints is read too: the file is its member `definition`.
    ///
    /// - Parameter bytes: JSON text (RFC 8259), UTF-8, at most ``maximumSize``.
    /// - Returns: the app, with defaults filled in and image references in their full form.
    /// - Throws: everything that is wrong, in the order of the file, with paths, lines and columns. Text that is not
    ///   JSON gives a single error.
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

    /// Reads and checks the text of an app file. See ``parse(_:)-swift.type.method``.
    public static func parse(_ text: String) throws(AppFileErrors) -> App {
        try parse(text.utf8)
    }

    /// Writes the app as a file: members in a fixed order, what has its default value left out. The same app always
    /// gives the same bytes, and ``parse(_:)-swift.type.method`` of them gives the same app if it is a valid one.
    public static func encode(_ app: App) -> [UInt8] {
        Array(node(of: app).text(indented: true).utf8)
    }

    /// Checks a document in the form of an app file. Without bytes, errors have no line and column.
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

    /// Checks one service in the form of a file; `path` stands before every path of an error.
    package static func decodeService(_ node: JSONNode, path: String = "service") throws(AppFileErrors) -> Service {
        var decoder = AppDecoder()
        let service = decoder.service(node, path)
        let errors = decoder.reader.errors(in: nil)
        guard errors.isEmpty, let service else { throw AppFileErrors(errors) }
        return service
    }
}

extension App {
    /// The app as a file would have given it: checked, image references in their full form.
    ///
    /// - Throws: everything that is wrong, with the paths of a file.
    public func validated() throws(AppFileErrors) -> App {
        try AppFile.decode(AppFile.node(of: self).numbered())
    }

    /// Checks the app by the rules of the app file.
    ///
    /// - Throws: everything that is wrong, with the paths of a file.
    public func validate() throws(AppFileErrors) {
        _ = try validated()
    }
}
