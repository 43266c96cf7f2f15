/* one file, two ways to name things */
const cwd = '/srv/edge'
const port = 8443;
const made = `run-${Date.now()}`
const config = {
  apps: [
    {
      name: 'edge',
      script: 'edge.js',
      cwd: cwd,
      cwd2: cwd + '/x',
      env: { PORT: port, RUN: made, 'a-b': 'x\u00e9\n' },
      max_restarts: 3,
    },
  ],
}

module.exports = config
