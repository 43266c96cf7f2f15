shawl run --name web --restart-delay soon -- C:\web.exe
