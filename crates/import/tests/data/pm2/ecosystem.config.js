// Applications of the shop
const os = require('os')

module.exports = {
  apps: [{
    name: 'shop-api',
    script: './dist/main.js',
    cwd: '/srv/shop/api',
    args: '--port 9000 --title "Shop API"',
    node_args: ['--max-old-space-size=512'],
    instances: 1,
    autorestart: true,
    watch: false,
    max_memory_restart: '600M',
    kill_timeout: 5000,
    env: {
      NODE_ENV: 'production',
      PORT: 9000,
      PRICE: '$5',
      HOST: os.hostname(),
    },
    env_staging: { NODE_ENV: 'staging' },
    error_file: '/var/log/shop/err.log',
    out_file: `/var/log/shop/out.log`,
    log_date_format: 'YYYY-MM-DD HH:mm Z',
    merge_logs: true,
  }, {
    name: 'shop-worker',
    script: 'worker.py',
    interpreter: './venv/bin/python',
    cwd: '/srv/shop/worker',
    exp_backoff_restart_delay: 100,
    max_restarts: 10,
    min_uptime: '10s',
    instances: 2,
    stop_exit_codes: [0, 78],
    cron_restart: '0 3 * * *',
  }],

  deploy: {
    production: { user: 'node', host: '10.0.0.1', ref: 'origin/main' },
  },
}
