"""A worker that takes one job after another and, when it is asked to stop, finishes the job in hand first."""

import os
import signal
import threading

stop = threading.Event()


def ask_to_stop(number, _frame):
    print(f"stopping: {signal.Signals(number).name}", flush=True)
    stop.set()


# SIGBREAK is what Ctrl-Break sends on Windows; no other system has it.
for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), ask_to_stop)

print(f"worker ready, process {os.getpid()}", flush=True)
done = 0
# A short wait, because on Windows a handler runs only between two waits.
while not stop.wait(0.2):
    done += 1
    if done % 5 == 0:
        print(f"job {done // 5} done", flush=True)
