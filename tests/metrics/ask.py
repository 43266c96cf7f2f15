"""Asks a Prometheus that reads the example host in both texts: ask.py URL FILE-OF-QUERIES."""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

URL, QUERIES = sys.argv[1:3]
PATIENCE = 60
failures = 0


def ask(query):
    """The series that answer a query; raises with what the server says."""
    url = f"{URL}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        raise ValueError(json.load(error).get("error", error)) from error


def until(what, query, enough):
    """Asks until there is enough."""
    end = time.monotonic() + PATIENCE
    seen = None
    while time.monotonic() < end:
        try:
            seen = ask(query)
            if enough(seen):
                return seen
        except (OSError, ValueError) as error:
            seen = error
        time.sleep(0.2)
    raise SystemExit(f"FAILED {what}: {seen}")


def check(what, is_so, told=""):
    global failures
    failures += not is_so
    print(f"ok {what}" if is_so else f"FAILED {what}: {told}", flush=True)


up = until("both texts are read", "up == 1", lambda found: len(found) == 2)
check("found by http_sd, and both texts are read", {s["metric"]["text"] for s in up} == {"asked", "old"}, up)

# As often as rates need.
until("read again", 'min(count_over_time(abide_build_info[1m]))', lambda found: found and float(found[0]["value"][1]) >= 4)


def series(text):
    skipped = {"instance", "text"}
    # What the server adds about its own reading.
    own = ("up", "scrape_")
    return {
        (tuple(sorted((k, v) for k, v in s["metric"].items() if k not in skipped)), s["value"][1])
        for s in ask(f'{{text="{text}"}}')
        if not s["metric"]["__name__"].startswith(own)
    }


asked, old = series("asked"), series("old")
check("both texts tell the same series and values", asked == old and len(asked) > 100, sorted(asked ^ old))

with open(QUERIES, encoding="utf-8") as file:
    queries = file.read().splitlines()
refused, empty = [], []
for query in queries:
    try:
        # What did not happen is not there; everything else is.
        if not ask(query) and not query.rstrip().endswith("> 0"):
            empty.append(query)
    except ValueError as error:
        refused.append(f"{query}: {error}")
check(f"each of {len(queries)} queries of the dashboards is taken", not refused and queries, refused)
check("and has an answer", not empty, empty)

found = until("an alert", 'ALERTS{alertname="AbideServiceFailed"}', lambda found: len(found) == 2)
check("the service that failed is about to alert", all(s["metric"]["service"] == "payments" for s in found), found)
sys.exit(bool(failures))
