shawl add --name orders ^
  --cwd C:\srv\orders ^
  --restart-if-not 0 ^
  -- C:\srv\orders\orders.exe --port 9000
