D:\apps\shawl.exe run --name "My Service" --log-as svc --priority below-normal -- "C:\a b\run.bat" --path "C:\x y\\" -- --after
