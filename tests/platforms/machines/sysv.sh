# shellcheck shell=bash
# The init of System V with the scripts of /etc/init.d, in the order that insserv makes of their headers.
. "$HERE/machines/inittab.sh"
