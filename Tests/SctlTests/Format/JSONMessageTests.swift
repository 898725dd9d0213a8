import FoundationEssentials
import StellarAPI
import StellarCore
import SwiftProtobuf
import Testing

@testable import sctl

@Suite("JSON")
struct JSONMessageTests {
    private struct Sample: JSONMessage {
        var members: KeyValuePairs<String, any JSONValue> {
            [
                "b": "x\"\\\n\u{01}\u{9B}é", "a": Int32(0), "number": Int64.max, "negative": Int64(-3),
                "list": [String](),
                "words": ["k", "l"], "yes": true, "no": false, "unset": Bool?.none, "set": Bool?.some(false),
                "map": ["z": "1", "k": "2"],
            ]
        }
    }

    @Test("Members keep their order, zero values are omitted, text is escaped")
    func members() {
        #expect(
            Sample().jsonText(indent: 1) == #"""
                {
                 "b": "x\"\\\n\u0001\u009bé",
                 "number": 9223372036854775807,
                 "negative": -3,
                 "words": [
                  "k",
                  "l"
                 ],
                 "yes": true,
                 "set": false,
                 "map": {
                  "k": "2",
                  "z": "1"
                 }
                }
                """#
        )
    }

    @Test("Empty containers stay on their line")
    func empty() {
        #expect([RuntimeImage]().jsonText == "[]")
        #expect([RuntimeImage()].jsonText == "[\n  {}\n]")
    }

    @Test("A service: protocols as text, durations as text, missing network omitted, `network: false` kept")
    func service() {
        let service = RuntimeService.with {
            $0.name = "web"
            $0.network = false
            $0.endpoints = [
                .with {
                    $0.service = "http"; $0.protocol = .http; $0.port = 80
                }
            ]
            $0.stopGracePeriod = .with {
                $0.seconds = 1; $0.nanos = 500_000_000
            }
        }
        #expect(
            service.jsonText() == #"""
                {
                  "name": "web",
                  "network": false,
                  "endpoints": [
                    {
                      "service": "http",
                      "protocol": "http",
                      "port": 80
                    }
                  ],
                  "stop_grace_period": "1.5s"
                }
                """#
        )
    }

    @Test("Any is its type and its bytes, a timestamp is RFC 3339")
    func wellKnown() {
        let any = Google_Protobuf_Any.with {
            $0.typeURL = "t"; $0.value = Data([1, 2, 255])
        }
        #expect(any.jsonText(indent: 0) == "{\n\"type_url\": \"t\",\n\"value\": \"AQL/\"\n}")
        let time = Google_Protobuf_Timestamp.with { $0.seconds = 1_000_000_000 }
        #expect(time.json == .string("2001-09-09T01:46:40Z"))
    }
}
