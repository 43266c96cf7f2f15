# shellcheck shell=bash
# OpenRC as Debian has it: the init of System V is PID 1, and its runlevels are OpenRC's.
. "$HERE/machines/inittab.sh"
