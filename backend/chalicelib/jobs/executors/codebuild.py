"""Target `codebuild`: one build for each attempt."""

from typing import Any

from chalicelib.aws import Client, Refused, call
from chalicelib.errors import Unavailable
from chalicelib.jobs.executors import ALIVE, Life, Parcel
from chalicelib.jobs.executors.launching import refusal, script

SHORTEST, LONGEST, SPARE = 5, 480, 10
"""Minutes that CodeBuild knows, and those that a worker needs beside its order."""
ENDED_WELL, ALIVE_STATUSES = "SUCCEEDED", frozenset({"IN_PROGRESS", "SUCCEEDED"})


class CodeBuildProvider:
    def __init__(self, client: Client, project: str) -> None:
        self._client = client
        self._project = project

    def start(self, parcel: Parcel) -> str:
        minutes = min(LONGEST, max(SHORTEST, -(-parcel.timeout // 60) + SPARE))
        try:
            answer = call(
                self._client.start_build,
                projectName=self._project,
                idempotencyToken=parcel.name,
                timeoutInMinutesOverride=minutes,
                buildspecOverride=_buildspec(script(parcel.link)),
            )
        except (Refused, Unavailable) as error:
            raise refusal("CodeBuild", error) from error
        return str(answer["build"]["id"])

    def stop(self, handle: str) -> bool:
        try:
            answer = call(self._client.stop_build, id=handle)
        except Refused:
            return False
        return bool(answer["build"]["buildStatus"] != "IN_PROGRESS")

    def poll(self, handle: str) -> Life:
        found = call(self._client.batch_get_builds, ids=[handle])["builds"]
        if not found:
            return Life(gone=True, reason="CodeBuild does not know the build")
        return life(found[0])


def life(build: dict[str, Any]) -> Life:
    """What a description of a build says of it; the reason is its status, and what its phases tell."""
    if build["buildStatus"] in ALIVE_STATUSES:
        return ALIVE
    told = [
        context["message"]
        for phase in build.get("phases", ())
        if phase.get("phaseStatus") not in (None, ENDED_WELL)
        for context in phase.get("contexts", ())
        if context.get("message")
    ]
    return Life(gone=True, reason=": ".join(["CodeBuild", build["buildStatus"], *told[:1]]))


def _buildspec(command: str) -> str:
    indented = "".join(f"          {line}\n" for line in command.splitlines())
    return f"version: 0.2\nphases:\n  build:\n    commands:\n      - |\n{indented}"
