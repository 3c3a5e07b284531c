"""Times ``litellm.Router`` on a server that answers at once; run where litellm is installed.

    python litellm_calls.py URL CALLS WARM

Prints the milliseconds of each call as a JSON list.
"""

import asyncio
import json
import sys
import time


async def main(url: str, calls: int, warm: int) -> None:
    import litellm

    litellm.suppress_debug_info = True
    router = litellm.Router(
        model_list=[
            {
                "model_name": "m",
                "litellm_params": {"model": "openai/m", "api_base": url, "api_key": "none"},
            }
        ],
        num_retries=0,
    )
    dialogue = [
        {"role": "system", "content": "sentiment"},
        {"role": "user", "content": "net up 12 %?"},
    ]
    taken: list[float] = []
    for _ in range(warm + calls):
        begun = time.perf_counter()
        await router.acompletion(model="m", messages=dialogue, temperature=0.0, max_tokens=192)
        taken.append((time.perf_counter() - begun) * 1000)
    print(json.dumps(taken[warm:]))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
