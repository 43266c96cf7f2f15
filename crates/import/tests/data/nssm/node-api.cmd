nssm.exe install node-api "C:\Program Files\nodejs\node.exe"
nssm.exe set node-api AppParameters "server.js --port 9000 --title \"Orders API\""
nssm.exe set node-api AppDirectory D:\srv\api
nssm.exe set node-api AppExit Default Restart
nssm.exe set node-api AppExit 3 Exit
nssm.exe set node-api AppEnvironmentExtra NODE_ENV=production "GREETING=hello world" PATH=D:\tools;%PATH%
nssm.exe set node-api AppStdout D:\logs\api.log
nssm.exe set node-api AppStderr D:\logs\api.log
nssm.exe set node-api AppTimestampLog 1
nssm.exe set node-api AppPriority BELOW_NORMAL_PRIORITY_CLASS
nssm.exe set node-api AppAffinity 0-3
nssm.exe set node-api DependOnService Tcpip MSSQLSERVER
nssm.exe set node-api Description "Orders & more"
nssm.exe set node-api DisplayName "Node API"
nssm.exe set node-api ObjectName .\svc-api hunter2
nssm.exe set node-api Start SERVICE_DELAYED_AUTO_START
nssm.exe set node-api Type SERVICE_WIN32_OWN_PROCESS
