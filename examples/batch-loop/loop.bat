@echo off
rem Says the time once a second until its console is told to end.
echo loop ready
:again
echo it is %TIME%
rem "timeout" refuses to run without a console for input; "ping" waits as well.
ping -n 2 127.0.0.1 >nul
goto again
