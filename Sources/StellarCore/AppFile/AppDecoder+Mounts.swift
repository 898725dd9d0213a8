extension AppDecoder {
    mutating func mounts(_ fields: DocumentReader.Fields) -> [Mount] {
        let places = reader.list(fields, "mounts", of: "mounts")
        guard withinLimit(places, fields, "mounts") else { return [] }
        var mounts: [Mount] = []
        var taken: [String: String] = [:]
        for place in places {
            if let mount = mount(place, &taken) { mounts.append(mount) }
        }
        return mounts
    }

    /// - Parameter taken: the destinations of earlier mounts, each with the path of its mount in the document.
    private mutating func mount(_ place: DocumentReader.Place, _ taken: inout [String: String]) -> Mount? {
        let known = Fields.mount
        let hints = ["target": "use \"destination\"", "read_only": "use \"options\": [\"ro\"]"]
        guard let fields = reader.object(place.node, place.path, of: "a mount", known: known, hints: hints) else {
            return nil
        }
        let type = type(fields)
        let source = source(fields, type: type)
        let destination = destination(fields)
        if let destination {
            let key = PathRule.normal(destination)
            if let first = taken[key] {
                let message = "\(quoted(destination)) is the destination of \(first) too; give each mount its own"
                reader.report(fields.path("destination"), at: fields.offset("destination"), message)
            } else {
                taken[key] = place.path
            }
        }
        let options = options(fields)
        guard let type, let source, let destination else { return nil }
        return Mount(type: type, source: source, destination: destination, options: options)
    }

    /// The type; `bind` if it is missing or empty.
    private mutating func type(_ fields: DocumentReader.Fields) -> String? {
        guard fields.node("type") != nil else { return "bind" }
        guard let text = reader.string(fields, "type") else { return nil }
        if text.isEmpty { return "bind" }
        guard Mount.knownTypes.contains(text) else {
            let message = "\(quoted(text)) is not a mount type (\(Mount.knownTypes.joined(separator: ", ")))"
            reader.report(fields.path("type"), at: fields.offset("type"), message)
            return nil
        }
        return text
    }

    private mutating func source(_ fields: DocumentReader.Fields, type: String?) -> String? {
        let text: String
        if fields.node("source") != nil {
            guard let given = reader.string(fields, "source") else { return nil }
            text = given
        } else {
            text = ""
        }
        guard type == "bind" else { return text.isEmpty ? type : text }
        if text.isEmpty {
            let message = "is missing; give the path on the node, such as \"/srv/data\""
            reader.report(fields.path("source"), at: fields.offset("source"), message)
            return nil
        }
        if let problem = PathRule.problem(with: text) {
            reader.report(fields.path("source"), at: fields.offset("source"), problem)
            return nil
        }
        return text
    }

    private mutating func destination(_ fields: DocumentReader.Fields) -> String? {
        guard fields.node("destination") != nil else {
            let message = "is missing; give the path in the container, such as \"/data\""
            reader.report(fields.path("destination"), at: fields.offset("destination"), message)
            return nil
        }
        guard let text = reader.string(fields, "destination") else { return nil }
        let problem =
            PathRule.normal(text) == "/" && text.hasPrefix("/")
            ? "\"/\" is the image's root file system; mount below it" : PathRule.problem(with: text)
        if let problem {
            reader.report(fields.path("destination"), at: fields.offset("destination"), problem)
            return nil
        }
        return text
    }

    /// The options of mount(8), one word each; the comma is mount's own separator. This reports contradictions. The
    /// kernel reports options that a file system does not have.
    private mutating func options(_ fields: DocumentReader.Fields) -> [String] {
        let opposites = ["ro": "rw", "rw": "ro", "noexec": "exec", "nosuid": "suid", "nodev": "dev"]
        var options: [String] = []
        for (text, place) in limitedStrings(fields, "options") {
            if text.isEmpty || text.contains(where: { $0 == "," || $0.isWhitespace }) {
                let message = "\(quoted(text)) is not one mount option; write each option as its own string"
                reader.report(place.path, at: place.node.offset, message)
            } else if let other = options.first(where: { opposites[text] == $0 || opposites[$0] == text }) {
                let message = "\(quoted(text)) contradicts \(quoted(other)); keep one"
                reader.report(place.path, at: place.node.offset, message)
            } else {
                options.append(text)
            }
        }
        return options
    }
}
