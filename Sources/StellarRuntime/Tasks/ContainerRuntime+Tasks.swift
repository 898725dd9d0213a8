import FoundationEssentials
import StellarRPC
import SwiftProtobuf

extension ContainerRuntime {
    /// The task of a container; nil where there is none.
    func taskProcess(_ id: String) async throws -> ContainerdTaskProcess? {
        var question = ContainerdTasksGetRequest()
        question.containerID = id
        do {
            let answer: ContainerdTasksGetResponse = try await call(
                TasksMethod.get,
                question,
                naming: "task of \"\(id)\""
            )
            return answer.process
        } catch  where says(error, .notFound) {
            return nil
        }
    }

    /// Every task of the namespace, by container.
    func taskProcesses() async throws -> [String: ContainerdTaskProcess] {
        let answer: ContainerdTasksListTasksResponse = try await call(
            TasksMethod.list,
            ContainerdTasksListTasksRequest(),
            naming: "tasks"
        )
        // A task's own process has the container's id as its own; `container_id` is not filled in by every containerd.
        return Dictionary(
            answer.tasks.map { ($0.containerID.isEmpty ? $0.id : $0.containerID, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }
}
