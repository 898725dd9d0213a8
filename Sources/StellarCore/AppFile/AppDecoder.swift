/// The rules of the app file. Each function decodes one kind of node and reports its errors to ``reader``.
///
/// This file has the app; extensions have services, endpoints and the other parts.
struct AppDecoder {
    var reader = DocumentReader()

    mutating func app(_ node: JSONNode) -> App? {
        guard let fields = reader.object(node, "", of: "an app", known: Fields.app) else { return nil }
        let name = requiredName(fields, "name", of: "the app")
        let labels = labels(fields, "labels", reserved: false)
        let places = reader.list(fields, "services", of: "services")
        if places.isEmpty, fields.node("services").map({ $0.value == .array([]) }) ?? true {
            reader.report(
                fields.path("services"),
                at: fields.offset("services"),
                "is empty; an app has at least one service"
            )
        }
        if places.count > AppFile.maximumServices {
            tooMany(places.count, "services", AppFile.maximumServices, fields.path("services"), places[0].node.offset)
            return nil
        }
        let services = services(places, app: name)
        return App(name: name ?? "", labels: labels, services: services)
    }

    private mutating func services(_ places: [DocumentReader.Place], app: String?) -> [Service] {
        var services: [Service] = []
        var firstPath: [String: String] = [:]
        var total = 0
        for place in places {
            guard let service = service(place.node, place.path, app: app) else { continue }
            services.append(service)
            if !service.name.isEmpty, let first = firstPath.updateValue(place.path, forKey: service.name) {
                let message = "\(quoted(service.name)) is the name of \(first) too; give each service its own"
                reader.report(place.path + ".name", at: place.node.offset, message)
            }
            total += service.replicas
            if total > AppFile.maximumReplicas, total - service.replicas <= AppFile.maximumReplicas {
                let message = "with this service the app has more than \(AppFile.maximumReplicas) containers"
                reader.report(place.path + ".replicas", at: place.node.offset, message)
            }
        }
        return services
    }

    // MARK: Fields of several kinds of nodes

    /// A required field that is a DNS label.
    mutating func requiredName(_ fields: DocumentReader.Fields, _ field: String, of what: String) -> String? {
        guard fields.node(field) != nil else {
            let message = "is missing; give \(what) a name such as \"redis\""
            reader.report(fields.path(field), at: fields.offset(field), message)
            return nil
        }
        guard let name = reader.string(fields, field) else { return nil }
        if let problem = Name.problem(with: name) {
            reader.report(fields.path(field), at: fields.offset(field), problem)
            return nil
        }
        return name
    }

    /// A list of `key=value`.
    mutating func labels(_ fields: DocumentReader.Fields, _ field: String, reserved: Bool) -> Labels {
        var labels = Labels()
        for (text, place) in limitedStrings(fields, field, of: "strings such as \"env=prod\"") {
            guard let (key, value) = Labels.split(text) else {
                reader.report(place.path, at: place.node.offset, "\(quoted(text)) is not a label such as \"env=prod\"")
                continue
            }
            guard check(labelKey: key, value: value, place, reserved: reserved) else { continue }
            if labels[key] != nil {
                reader.report(place.path, at: place.node.offset, "the label \(quoted(key)) is given twice; keep one")
            }
            labels[key] = value
        }
        return labels
    }

    /// Checks one label.
    ///
    /// - Parameter reserved: whether the daemon reserves some keys, as for labels of containers.
    mutating func check(labelKey key: String, value: String, _ place: DocumentReader.Place, reserved: Bool) -> Bool {
        var problem: String?
        if key.unicodeScalars.contains(where: { $0.properties.isWhitespace || $0.value < 0x20 }) {
            problem = "the label key \(quoted(key)) contains white space or a control character; remove it"
        } else if key.utf8.count + value.utf8.count > Labels.maximumBytes {
            let bytes = key.utf8.count + value.utf8.count
            problem = "the label \(quoted(key)) has \(bytes) bytes; the limit is \(Labels.maximumBytes)"
        } else if reserved, let prefix = ["stellar.io/", "containerd.io/"].first(where: { key.hasPrefix($0) }) {
            problem =
                "the label \(quoted(key)) is reserved for the daemon; use a key that does not begin with \(prefix)"
        }
        if let problem { reader.report(place.path, at: place.node.offset, problem) }
        return problem == nil
    }

    /// A list of at most ``AppFile/maximumListLength`` strings.
    mutating func limitedStrings(
        _ fields: DocumentReader.Fields,
        _ field: String,
        of what: String = "strings"
    ) -> [(text: String, place: DocumentReader.Place)] {
        let strings = reader.strings(fields, field, of: what)
        return withinLimit(strings, fields, field) ? strings : []
    }

    /// Whether the list is short enough; reports a list that is too long.
    mutating func withinLimit<Element>(
        _ elements: [Element],
        _ fields: DocumentReader.Fields,
        _ field: String
    ) -> Bool {
        guard elements.count > AppFile.maximumListLength else { return true }
        tooMany(elements.count, "entries", AppFile.maximumListLength, fields.path(field), fields.offset(field))
        return false
    }

    private mutating func tooMany(_ count: Int, _ what: String, _ limit: Int, _ path: String, _ offset: Int) {
        reader.report(path, at: offset, "has \(count) \(what); the limit is \(limit)")
    }
}
