@echo off
rem two services, written by hand
"C:\tools\nssm.exe" install worker C:\Python312\python.exe worker.py --queue default
"C:\tools\nssm.exe" set worker AppDirectory C:\srv\worker
"C:\tools\nssm.exe" set worker AppEnvironment ^"PYTHONUNBUFFERED=1^" RATE=100%%
"C:\tools\nssm.exe" set worker AppExit Default Exit
"C:\tools\nssm.exe" set worker AppExit 75 Restart
"C:\tools\nssm.exe" set worker AppThrottle 5000
"C:\tools\nssm.exe" set worker AppStopMethodSkip 14
sc failure worker reset= 0 actions= ""
nssm install "My Second Service" "C:\srv\second app\run.bat"
nssm set "My Second Service" AppEvents Exit/Post ^"C:\hooks\after.cmd^"
nssm set "My Second Service" Start SERVICE_DEMAND_START
nssm start worker
