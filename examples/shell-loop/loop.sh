#!/bin/sh
# Says the time once a second until it is asked to stop.
trap 'echo "stopping: asked to"; exit 0' TERM INT HUP

echo "loop ready, process $$"
while :; do
    date '+it is %H:%M:%S'
    # In the background, so that the trap need not wait for the sleep to end.
    sleep 1 &
    wait $!
done
