"""Reads a dashboard as Grafana's own model of it does, and fails at what that does not know: Grafana would pass over it in silence."""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(wanted, found, place=""):
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            if not isinstance(found, dict) or key not in found:
                yield f"{place}/{key}"
            else:
                yield from lost(value, found[key], f"{place}/{key}")
    elif isinstance(wanted, list):
        if not isinstance(found, list) or len(found) != len(wanted):
            yield place
        else:
            for number, (one, other) in enumerate(zip(wanted, found)):
                yield from lost(one, other, f"{place}/{number}")
    elif wanted != found:
        yield f"{place}: {wanted!r} is taken for {found!r}"


register_default_plugins()
with open(sys.argv[1], encoding="utf-8") as file:
    written = json.load(file)
read = json.loads(JSONEncoder().encode(Dashboard.from_json(written)))
problems = list(lost(written, read))
print("\n".join(problems))
sys.exit(bool(problems) or not read["panels"])
