rem services of the shop
shawl.exe add --name shop-web --no-log --pass 0,143 --dependencies Tcpip/Dnscache -- "C:\Program Files\nodejs\node.exe" server.js
"C:\Program Files\shawl\shawl.exe" add --name=shop-worker --restart-if-not 0,78 --path D:\tools --path-prepend "D:\my tools" -- worker.exe
shawl add --name shop-once --no-restart --log-dir D:\logs --log-rotate daily --pass-start-args --brand-new yes -- once.exe ""
