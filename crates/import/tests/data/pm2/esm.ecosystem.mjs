#!/usr/bin/env node
export default {
  apps: [
    {
      name: "next",
      script: "node_modules/next/dist/bin/next",
      interpreter: "node@20.11.1",
      args: ["start", "-p", "3000"],
      env: { ...process.env, NODE_ENV: "production", DB: `postgres://${process.env.DB_HOST}/shop` },
      "instances": 0x1,
      exec_mode: 'fork', // not cluster
    },
  ],
};
