"""Items and people to plan for."""

from __future__ import annotations

from workbench.records import Annotator, Gold, Item, Response


def items(n: int, n_gold: int = 0, n_responses: int = 2) -> list[Item]:
    gold = Gold(answer={"choice": "A"}, by="verifier")
    return [
        Item(
            id=f"i{k}",
            prompt_id=f"p{k}",
            task="pairwise" if n_responses == 2 else "ranking",
            prompt="?",
            responses=tuple(Response(id=f"r{k}.{j}", text=f"{k} {j}") for j in range(n_responses)),
            gold=gold if k < n_gold else None,
        )
        for k in range(n)
    ]


def people(n: int) -> list[Annotator]:
    return [Annotator(id=f"o{k}", source="simulated") for k in range(n)]
