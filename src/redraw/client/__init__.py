"""A server's API as Python: requests in, results out, as with `Studio`.

    from redraw.client import Client
    from redraw.request import Img2Img

    with Client("http://127.0.0.1:7860") as client:
        job = client.submit(Img2Img(images="cat.png", prompt="a fox in the snow", strength=0.6))
        for event in job.run():
            if isinstance(event, Progress):
                print(f"{event.fraction:.0%}")
            else:
                event.save("fox.png")

What the server refuses is raised as what `Studio` would raise. Nothing here needs torch.
"""

from __future__ import annotations

from redraw.client.connection import Refused, Unreachable
from redraw.client.job import Job, JobFailed
from redraw.client.result import Progress, Result
from redraw.client.service import Client

__all__ = ["Client", "Job", "JobFailed", "Progress", "Refused", "Result", "Unreachable"]
