shawl run --name codes --restart-if 1,2,3221225477 --no-log-cmd -- C:\codes.exe --flag=-1
