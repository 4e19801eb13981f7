"""All models of a home behind one door: the first part of a model's id says whose it is."""

from collections.abc import Mapping

from chalicelib.llm import Answer, Completion, Llm, Refused


class Models:
    def __init__(self, providers: Mapping[str, Llm]) -> None:
        self._providers = providers

    def complete(self, request: Completion) -> Answer:
        return self._provider(request.model).complete(request)

    def count_tokens(self, text: str, model: str) -> int:
        return self._provider(model).count_tokens(text, model)

    def offers(self, model: str) -> bool:
        found = self._providers.get(_provider_of(model))
        return found is not None and found.offers(model)

    def _provider(self, model: str) -> Llm:
        found = self._providers.get(_provider_of(model))
        if found is None:
            known = ", ".join(sorted(self._providers))
            raise Refused(f"`{model[:100]}` is of no provider that is set up here; there are {known}.")
        return found


def _provider_of(model: str) -> str:
    return model.partition("/")[0]
